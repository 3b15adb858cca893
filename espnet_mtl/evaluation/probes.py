"""Probe on functionals: a classifier of emotion or speaker, trained on natural training speech only.

Probes are no part of the system they judge: no head, loss or weight of training is used here. Because
synthesized speech has been through a vocoder, the natural training speech is shown to the probes as it is and,
half of it, also through the same vocoder; what is lost even so is visible in the row "natural vocoded".

A probe of emotion must not know which emotions a speaker was never recorded in, or unseen combinations could never
be right. It hears utterances relative to their speaker: see `speaker_effects`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Labels = Sequence[str] | NDArray[np.str_]


class FunctionalsProbe:
    """Logistic regression on functionals, freed of the effects of the speakers where `speakers` are given.

    Args:
        functionals: Statistics of the training utterances (B, D).
        labels: Their classes.
        speakers: Their speakers, for a probe of what changes within a speaker (emotion).
    """

    def __init__(self, functionals: Array, labels: Labels, speakers: Labels = ()):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self._effects = speaker_effects(functionals, speakers, labels) if len(speakers) else {}
        self._model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=3000))
        self._model.fit(self._relative(functionals, speakers), labels)

    def predict(self, functionals: Array, speakers: Labels = ()) -> NDArray[np.str_]:
        """Names the class of each utterance (B, D), given the speakers where training was."""
        return self._model.predict(self._relative(functionals, speakers))

    def _relative(self, functionals: Array, speakers: Labels) -> Array:
        if not self._effects:
            return functionals
        unknown = np.zeros(functionals.shape[1])
        return functionals - np.stack([self._effects.get(name, unknown) for name in speakers])


def speaker_effects(
    values: NDArray[np.floating], speakers: Labels, emotions: Labels
) -> Mapping[str, NDArray[np.float64]]:
    """Estimates by how much each speaker's values (B, D) differ from the average speaker's, in any emotion.

    Least squares of value = speaker + emotion, so that it does no harm that some speakers lack some emotions.
    """
    names = sorted(set(speakers))
    design = np.concatenate([_one_hot(speakers), _one_hot(emotions)], axis=1)
    effects = np.linalg.lstsq(design, values.astype(np.float64), rcond=None)[0][: len(names)]
    return dict(zip(names, effects - effects.mean(0), strict=True))


def _one_hot(labels: Labels) -> NDArray[np.float64]:
    return (np.array(labels)[:, None] == np.unique(labels)).astype(float)
