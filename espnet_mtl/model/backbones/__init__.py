"""Backbones: ESPnet's TTS networks with a style input and taps."""

from espnet_mtl.registry import Registry, method_arguments

BACKBONES = Registry(
    "tts",
    {
        "fastspeech2": "espnet_mtl.model.backbones.fastspeech2:MTLFastSpeech2",
        "tacotron2": "espnet_mtl.model.backbones.tacotron2:MTLTacotron2",
    },
)
"""Backbones by the name that `tts:` takes."""

ESPNET_CLASSES = {
    "fastspeech2": "espnet2.tts.fastspeech2.fastspeech2:FastSpeech2",
    "tacotron2": "espnet2.tts.tacotron2.tacotron2:Tacotron2",
}
"""The class of ESPnet whose constructor arguments are the keys of `tts_conf`."""

PARTS = {
    "fastspeech2": ("mel", "duration", "pitch", "energy"),
    "tacotron2": ("mel", "stop", "attention"),
}
"""Parts of the TTS loss of each backbone (`tasks.tts.split`)."""

TAPS = ("encoder", "style", "speaker", "shared", "prosody", "mel")
"""Where a head may listen (see `espnet_mtl.model.model`); see `taps_of`."""

TOKEN_FEATURES = ("durations", "pitch", "energy")
"""What the dump holds per token; see `token_features`."""


def token_features(tts: str) -> tuple[str, ...]:
    """Names the features per token that the backbone `tts` takes, as ESPnet's class declares them."""
    arguments = method_arguments(ESPNET_CLASSES[tts], "forward")
    return tuple(name for name in TOKEN_FEATURES if name in arguments)


def taps_of(tts: str) -> tuple[str, ...]:
    """Names the taps that the backbone `tts` has: `prosody` is what it predicts per token."""
    return tuple(tap for tap in TAPS if tap != "prosody" or token_features(tts))
