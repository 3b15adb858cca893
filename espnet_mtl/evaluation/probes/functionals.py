"""Probe on functionals: a classifier of emotion or speaker, trained on natural training speech only.

Probes are no part of the system they judge: no head, loss or weight of training is used here. Because
synthesized speech has been through a vocoder, the natural training speech is shown to the probes as it is and,
half of it, also through the same vocoder; what is lost even so is visible in the row "natural vocoded".

A probe of emotion must not know which emotions a speaker was never recorded in, or unseen combinations could never
be right. It hears utterances relative to their speaker: see `speaker_effects`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
NEUTRAL = "neutral"
Labels = Sequence[str] | NDArray[np.str_]


class FunctionalsProbe:
    """Logistic regression on functionals, freed of the effects of the speakers where `speakers` are given.

    One regression for each pair of classes (Hastie & Tibshirani 1998), trained on the speakers recorded in both (all
    speakers, where none was): a single one over all classes would learn which classes a speaker lacks.

    Args:
        functionals: Statistics of the training utterances (B, D).
        labels: Their classes; "" where unknown: these only tell what a speaker sounds like.
        classes: Names of all classes, in the order of the logits.
        speakers: Their speakers, for a probe of what changes within a speaker (emotion).
    """

    def __init__(self, functionals: Array, labels: Labels, classes: Sequence[str], speakers: Labels = ()):
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        self._effects = speaker_effects(functionals, speakers, labels) if len(speakers) else {}
        self._scaler = StandardScaler()
        labels = np.array(labels)
        values = self._relative(functionals, speakers)
        values = self._scaler.fit(values[labels != ""]).transform(values)
        speakers = np.array(speakers if len(speakers) else [""] * len(labels))
        self._pairs, self._n_classes = {}, len(classes)
        for pair in combinations(range(len(classes)), 2):
            chosen = recorded_in_both(labels, speakers, np.array(classes)[list(pair)])
            first = labels[chosen] == classes[pair[0]]
            if len(set(first)) == 2:
                self._pairs[pair] = LogisticRegression(C=0.3, max_iter=3000).fit(values[chosen], first)

    def logits(self, functionals: Array, speakers: Labels = ()) -> NDArray[np.float64]:
        """Logarithm of the mean probability of each class over its pairs (B, K), given the speakers as in training."""
        values = self._scaler.transform(self._relative(functionals, speakers))
        votes = np.full((len(values), self._n_classes), 1e-6)
        for pair, model in self._pairs.items():
            votes[:, pair] += model.predict_proba(values)[:, ::-1]
        return np.log(votes / max(1, self._n_classes - 1))

    def _relative(self, functionals: Array, speakers: Labels) -> Array:
        if not self._effects:
            return functionals
        unknown = np.zeros(functionals.shape[1])
        return functionals - np.stack([self._effects.get(name, unknown) for name in speakers])


def recorded_in_both(labels: NDArray[np.str_], speakers: NDArray[np.str_], pair: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Marks the utterances (B,) of two classes whose speakers have both; of all speakers, where none has."""
    first, second = (set(speakers[labels == name]) for name in pair)
    return np.isin(labels, pair) & np.isin(speakers, sorted(first & second or first | second))


def speaker_effects(
    values: NDArray[np.floating], speakers: Labels, emotions: Labels
) -> Mapping[str, NDArray[np.float64]]:
    """Estimates by how much each speaker's values (B, D) differ from the average speaker's, in any emotion.

    Least squares of value = speaker + emotion, so that it does no harm that some speakers lack some emotions. A speaker
    of whom no emotion ("") is known counts as neutral, as read speech is.
    """
    speakers, emotions = np.array(speakers), np.array(emotions)
    nameless = ~np.isin(speakers, speakers[emotions != ""])
    kept = (emotions != "") | nameless
    values, speakers = values[kept], speakers[kept]
    emotions = np.where(nameless, NEUTRAL, emotions)[kept]
    names = sorted(set(speakers))
    design = np.concatenate([_one_hot(speakers), _one_hot(emotions)], axis=1)
    effects = np.linalg.lstsq(design, values.astype(np.float64), rcond=None)[0][: len(names)]
    return dict(zip(names, effects - effects.mean(0), strict=True))


def _one_hot(labels: Labels) -> NDArray[np.float64]:
    return (np.array(labels)[:, None] == np.unique(labels)).astype(float)
