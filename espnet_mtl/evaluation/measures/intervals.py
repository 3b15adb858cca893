"""Bootstrap intervals of a figure over sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Statistic = Callable[[Array], np.floating | float]
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
    sentences: Sequence[str] | NDArray[np.str_],
    statistic: Statistic = np.mean,
    baseline: Array | None = None,
) -> Interval | None:
    """Estimates the statistic of a metric, or its paired difference to a baseline, with its bootstrap interval.

    Whole sentences are drawn with replacement, since the utterances of one sentence are alike. Percentiles are
    widened for few sentences (Hesterberg 2015, The American Statistician 69(4), section 5.3).

    Args:
        values: The metric of each utterance (N,) or what it is computed from (N, D); NaN where it does not apply.
        sentences: The sentence of each utterance.
        statistic: Sums the metric of some utterances up to one figure.
        baseline: The metric of the same utterances from another system.

    Returns:
        The interval, or None where the metric applies to no utterance, or the statistic to none of their values.
    """
    if not len(values):
        return None
    systems = [values] if baseline is None else [values, baseline]
    valid = np.logical_and.reduce([np.isfinite(one.reshape(len(one), -1)).any(1) for one in systems])
    if not valid.any():
        return None
    systems, names = [one[valid] for one in systems], np.array(sentences)[valid]
    value = _figure(systems, statistic)
    if not np.isfinite(value):
        return None
    members = [np.flatnonzero(names == name) for name in np.unique(names)]
    draws = np.random.default_rng(0).integers(len(members), size=(RESAMPLES, len(members)))
    if statistic is np.mean:
        paired = systems[0] - systems[1] if len(systems) > 1 else systems[0]
        sums = np.array([paired[rows].sum() for rows in members])
        sizes = np.array([len(rows) for rows in members])
        resampled = sums[draws].sum(1) / sizes[draws].sum(1)
    else:
        chosen = [np.concatenate([members[i] for i in draw]) for draw in draws]
        resampled = np.array([_figure([one[rows] for one in systems], statistic) for rows in chosen])
    low, high = np.nanquantile(resampled, _tails(len(members)))
    return Interval(value, float(low), float(high))


def _figure(systems: Sequence[Array], statistic: Statistic) -> float:
    first, *others = (float(statistic(one)) for one in systems)
    return first - others[0] if others else first


def _tails(groups: int) -> tuple[float, float]:
    from scipy.stats import norm, t

    if groups == 1:
        return 0.0, 1.0
    tail = float(norm.cdf(np.sqrt(groups / (groups - 1)) * t.ppf((1 - LEVEL) / 2, groups - 1)))
    return tail, 1 - tail
