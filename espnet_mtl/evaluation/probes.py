"""Probe on functionals: a classifier of emotion or speaker, trained on natural training speech only.

Probes are no part of the system they judge: no head, loss or weight of training is used here. Because
synthesized speech has been through a vocoder, the natural training speech is shown to the probes both as
it is and through the same vocoder; what is lost even so is visible in the row "natural vocoded".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class FunctionalsProbe:
    """Logistic regression on functionals, z-scored by training speaker where `speakers` are given.

    Args:
        functionals: Statistics of the training utterances (B, D).
        labels: Their classes.
        speakers: Their speakers, for a probe of what changes within a speaker (emotion).
    """

    def __init__(self, functionals: Array, labels: Sequence[str], speakers: Sequence[str] = ()):
        from sklearn.linear_model import LogisticRegression

        self._everyone = _moments(functionals)
        self._own = {name: _moments(functionals[np.array(speakers) == name]) for name in set(speakers)}
        self._model = LogisticRegression(C=0.03, max_iter=2000)
        self._model.fit(self._scaled(functionals, speakers), labels)

    def predict(self, functionals: Array, speakers: Sequence[str] = ()) -> NDArray[np.str_]:
        """Names the class of each utterance (B, D), given the speakers where training was."""
        return self._model.predict(self._scaled(functionals, speakers))

    def _scaled(self, functionals: Array, speakers: Sequence[str]) -> Array:
        moments = [self._own.get(speaker, self._everyone) for speaker in speakers or [""] * len(functionals)]
        mean, std = (np.stack(part) for part in zip(*moments, strict=True))
        return (functionals - mean) / std


def _moments(functionals: Array) -> tuple[Array, Array]:
    return functionals.mean(0), functionals.std(0) + 1e-6
