"""Why a picture or a video cannot be used."""


class UnusableVisual(Exception):
    """Why the visual part of an utterance cannot be used, as `kind: details`; stage 3 counts the kinds."""
