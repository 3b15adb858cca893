"""Figures over utterances that are more than a mean: each takes what an utterance contributes, one row each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 10


def ratio_of_sums(rows: NDArray[np.float64]) -> float:
    """Sum of the first column over the sum of the second: (N, 2), e.g. errors and reference phones."""
    return float(rows[:, 0].sum() / rows[:, 1].sum())


def unweighted_average_recall(rows: NDArray[np.float64]) -> float:
    """Mean over classes of the share that is named correctly.

    Args:
        rows: 1 (correct) or 0 in the column of the intended class, else NaN: (N, K).
    """
    counted = np.isfinite(rows)
    present = counted.any(0)
    recalls = np.nansum(rows, 0)[present] / counted.sum(0)[present]
    return float(recalls.mean())


def expected_calibration_error(rows: NDArray[np.float64]) -> float:
    """By how much confidence and accuracy differ (Guo et al. 2017, eq. 3), over ten bins of equal width.

    Args:
        rows: Confidence in the class named, and 1 where it was right, else 0: (N, 2).
    """
    confidence, correct = rows.T
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, confidence - correct, minlength=BINS)
    return float(np.abs(gaps).sum() / len(rows))


def equal_error_rate(rows: NDArray[np.float64]) -> float:
    """Error rate at the threshold where as large a share of impostors passes as of genuine speakers fails.

    Args:
        rows: Similarity to the claimed speaker, then to each impostor, NaN where there is none: (N, 1 + S).
    """
    genuine, impostors = rows[:, 0], rows[:, 1:]
    impostors = impostors[np.isfinite(impostors)]
    if not len(impostors):
        return float("nan")
    thresholds = np.unique(np.concatenate([genuine, impostors]))
    rejected = np.searchsorted(np.sort(genuine), thresholds, "left") / len(genuine)
    accepted = 1 - np.searchsorted(np.sort(impostors), thresholds, "left") / len(impostors)
    nearest = np.abs(rejected - accepted).argmin()
    return float((rejected[nearest] + accepted[nearest]) / 2)
