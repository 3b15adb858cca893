"""Probe on functionals: a classifier of emotion or speaker, trained on natural training speech only.

Probes are no part of the system they judge: no head, loss or weight of training is used here. See `trained` for the
speech that they are trained on.

A probe of emotion must not know which emotions a speaker was never recorded in, or unseen combinations could never
be right. So it takes utterances relative to their speaker: see `speaker_effects`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.labels import NEUTRAL

Names = Sequence[str] | NDArray[np.str_]
"""A speaker, an emotion or a sentence of each utterance."""


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

    def __init__(self, functionals: NDArray[np.float32], labels: Names, classes: Sequence[str], speakers: Names = ()):
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        labels = np.array(labels)
        self._n_classes = len(classes)
        self._effects = speaker_effects(functionals, speakers, labels) if len(speakers) else {}
        values = self._relative(functionals, speakers)
        self._scaler = StandardScaler().fit(values[labels != ""])
        values = self._scaler.transform(values)
        # Without speakers, all utterances count as one speaker's.
        speakers = np.array(speakers if len(speakers) else [""] * len(labels))
        self._regressions = {}
        for first, second in combinations(range(len(classes)), 2):
            pair = np.array([classes[first], classes[second]])
            chosen = recorded_in_both(labels, speakers, pair)
            is_first = labels[chosen] == classes[first]
            # A class that this fold lacks cannot be told from the other.
            if is_first.any() and not is_first.all():
                regression = LogisticRegression(C=0.3, max_iter=3000)
                self._regressions[first, second] = regression.fit(values[chosen], is_first)

    def logits(self, functionals: NDArray[np.float32], speakers: Names = ()) -> NDArray[np.float64]:
        """Logarithm of the mean probability of each class over its pairs (B, K), given the speakers as in training."""
        values = self._scaler.transform(self._relative(functionals, speakers))
        votes = np.full((len(values), self._n_classes), 1e-6)
        for (first, second), regression in self._regressions.items():
            is_second, is_first = regression.predict_proba(values).T
            votes[:, first] += is_first
            votes[:, second] += is_second
        return np.log(votes / max(1, self._n_classes - 1))

    def _relative(self, functionals: NDArray[np.float32], speakers: Names) -> NDArray[np.float32]:
        """Functionals without the effects of their speakers; an unknown speaker counts as the average one."""
        if not self._effects:
            return functionals
        average = np.zeros(functionals.shape[1])
        return functionals - np.stack([self._effects.get(name, average) for name in speakers])


def recorded_in_both(labels: NDArray[np.str_], speakers: NDArray[np.str_], pair: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Marks the utterances (B,) of two classes whose speakers have both; of all speakers, where none has."""
    of_first, of_second = (set(speakers[labels == name]) for name in pair)
    chosen = of_first & of_second or of_first | of_second
    return np.isin(labels, pair) & np.isin(speakers, sorted(chosen))


def speaker_effects(
    values: NDArray[np.floating], speakers: Names, emotions: Names
) -> Mapping[str, NDArray[np.float64]]:
    """Estimates by how much each speaker's values (B, D) differ from the average speaker's, in any emotion.

    Least squares of value = speaker + emotion, so that it does no harm that some speakers lack some emotions. A speaker
    of whom no emotion ("") is known counts as neutral, as read speech is.
    """
    speakers, emotions = np.array(speakers), np.array(emotions)
    labelled = emotions != ""
    without_labels = ~np.isin(speakers, speakers[labelled])
    emotions = np.where(without_labels, NEUTRAL, emotions)
    kept = labelled | without_labels
    values, speakers, emotions = values[kept].astype(np.float64), speakers[kept], emotions[kept]
    names = sorted(set(speakers))
    design = np.concatenate([_one_hot(speakers), _one_hot(emotions)], axis=1)
    solution = np.linalg.lstsq(design, values, rcond=None)[0]
    effects = solution[: len(names)]  # the rows of the speakers; those of the emotions come after them
    return dict(zip(names, effects - effects.mean(0), strict=True))


def _one_hot(labels: Names) -> NDArray[np.float64]:
    """Columns (N, K) of the K names, sorted."""
    return (np.array(labels)[:, None] == np.unique(labels)).astype(float)
