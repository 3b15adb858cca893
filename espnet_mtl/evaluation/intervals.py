"""Bootstrap intervals of a figure over sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
RESAMPLES, LEVEL = 1000, 0.95


@dataclass(frozen=True)
class Interval:
    """A figure with the bounds of its 95 % interval."""

    value: float
    low: float
    high: float

    def json(self) -> dict[str, float]:
        """Returns the fields rounded to five decimals."""
        return {key: round(value, 5) for key, value in asdict(self).items()}


def interval(
    values: Array,
    sentences: Sequence[str],
    statistic: Callable[..., NDArray] = np.mean,
    baseline: Array | None = None,
) -> Interval | None:
    """Estimates the statistic of a metric, or its paired difference to a baseline, with its bootstrap interval.

    Whole sentences are drawn with replacement, since the utterances of one sentence are alike. Percentiles are
    widened for few sentences (Hesterberg 2015, The American Statistician 69(4), section 5.3).

    Args:
        values: The metric of each utterance (N,), NaN where it does not apply.
        sentences: The sentence of each utterance.
        statistic: `np.mean` or `np.median`: takes an array and the axis of the utterances.
        baseline: The metric of the same utterances from another system.

    Returns:
        The interval, or None where the metric applies to no utterance.
    """
    rows = np.stack([values] if baseline is None else [values, baseline])
    valid = np.isfinite(rows).all(0)
    if not valid.any():
        return None
    rows, names = rows[:, valid], np.array(sentences)[valid]
    members = [np.flatnonzero(names == name) for name in np.unique(names)]
    draws = np.random.default_rng(0).integers(len(members), size=(RESAMPLES, len(members)))
    samples = [statistic(rows[:, np.concatenate([members[i] for i in draw])], axis=1) for draw in draws]
    resampled = _difference(np.stack(samples, axis=1))
    low, high = np.quantile(resampled, _tails(len(members)))
    return Interval(float(_difference(statistic(rows, axis=1))), float(low), float(high))


def _difference(statistics: Array) -> Array:
    return statistics[0] if len(statistics) == 1 else statistics[0] - statistics[1]


def _tails(groups: int) -> tuple[float, float]:
    from scipy.stats import norm, t

    if groups == 1:
        return 0.0, 1.0
    tail = float(norm.cdf(np.sqrt(groups / (groups - 1)) * t.ppf((1 - LEVEL) / 2, groups - 1)))
    return tail, 1 - tail
