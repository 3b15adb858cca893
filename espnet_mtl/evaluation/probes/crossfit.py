"""Probes trained by cross-fitting: an ensemble whose accuracy and confidence on unseen sentences are known."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.measures.statistics import expected_calibration_error, unweighted_average_recall

FOLDS = 3


class Probe(Protocol):
    """Judges utterances by their features and speakers."""

    def logits(self, features: Any, speakers: Sequence[str] | NDArray[np.str_]) -> NDArray[np.floating]:
        """Returns (N, K)."""


def folds(labels: NDArray[np.str_], sentences: Sequence[str] | NDArray[np.str_]) -> list[NDArray[np.intp]]:
    """Splits utterances into folds of whole sentences with similar shares of the labels: the indices of each fold.

    There are none where there is too little to train on one part and judge another: two labels, one of them with two
    utterances, and two sentences.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    counts = Counter(labels)
    if len(counts) < 2:
        return []
    n_folds = min(FOLDS, len(set(sentences)), max(counts.values()))
    if n_folds < 2:
        return []
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        # Of a label with fewer utterances than folds: the probe of a fold that lacks it does without
        warnings.filterwarnings("ignore", "The least populated class")
        parts = [held_out for _, held_out in splitter.split(labels, labels, sentences)]
    filled = [part for part in parts if len(part)]
    return filled if len(filled) > 1 else []


class CrossFitted:
    """The average of probes, one per fold, each trained without the sentences of its fold.

    What each says of its own fold gives the temperature that calibrates them (Guo et al. 2017, section 4.2).

    Args:
        classes: Names of the K classes, sorted.
        probes: One per fold.
        logits: What each says of the utterances of its own fold, which it was not trained on (N, K).
        labels: The true classes of those utterances.

    Attributes:
        own_folds: Calibrated probabilities of the classes for those utterances (N, K).
        held_out: How good these are: `uar` and `ece`.
    """

    def __init__(
        self, classes: Sequence[str], probes: Sequence[Probe], logits: NDArray[np.float64], labels: NDArray[np.str_]
    ):
        self.classes, self._probes = np.array(classes), probes
        targets = np.searchsorted(self.classes, labels)
        self.temperature = temperature(logits, targets)
        self.own_folds = softmax(logits / self.temperature)
        self.held_out = judged(self.own_folds, targets)

    def posteriors(self, features: Any, speakers: Sequence[str] | NDArray[np.str_]) -> NDArray[np.float64]:
        """Calibrated probabilities of the classes for each utterance (N, K)."""
        logits = [probe.logits(features, speakers) for probe in self._probes]
        return np.mean([softmax(one / self.temperature) for one in logits], 0)


def judged(posteriors: NDArray[np.float64], targets: NDArray[np.intp]) -> dict[str, float]:
    """Unweighted average recall and expected calibration error of posteriors (N, K)."""
    correct = posteriors.argmax(1) == targets
    recalls = recall_rows(correct, targets, posteriors.shape[1])
    confidence = np.stack([posteriors.max(1), correct], 1)
    return {"uar": unweighted_average_recall(recalls), "ece": expected_calibration_error(confidence)}


def recall_rows(correct: NDArray[np.bool_], targets: NDArray[np.intp], n_classes: int) -> NDArray[np.float64]:
    """1 or 0 in the column of the intended class (negative: none), else NaN: (N, K)."""
    rows = np.full((len(targets), n_classes), np.nan)
    known = targets >= 0
    rows[np.flatnonzero(known), targets[known]] = correct[known]
    return rows


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities (N, K) of logits (N, K)."""
    from scipy import special

    return np.asarray(special.softmax(logits.astype(np.float64), axis=1))


def temperature(logits: NDArray[np.float64], targets: NDArray[np.intp]) -> float:
    """What logits (N, K) are to be divided by, so that their softmax is calibrated (Guo et al. 2017, section 4.2)."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    rows = np.arange(len(targets))

    def cross_entropy(log_temperature: float) -> float:
        log_posteriors = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -log_posteriors[rows, targets].mean()

    found = minimize_scalar(cross_entropy, bounds=(-5, 5), method="bounded")
    return float(np.exp(found.x))
