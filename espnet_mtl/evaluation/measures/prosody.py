"""Prosody of one recording beside that of another: pitch, voicing, energy, duration and speaking rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
SILENCE_DB, ENERGY_S = 35, 0.01


def log_f0_rmse(reference: Array, hypothesis: Array) -> float:
    """Root mean square error of ln F0 over aligned frames (T,) voiced in both; NaN where there is none.

    Args:
        reference: F0 in Hz, 0 where unvoiced.
        hypothesis: The same of the other recording.
    """
    voiced = (reference > 0) & (hypothesis > 0)
    return float(np.sqrt(np.mean(np.log(hypothesis[voiced] / reference[voiced]) ** 2))) if voiced.any() else np.nan


def log_f0_correlation(reference: Array, hypothesis: Array) -> float:
    """Pearson correlation of ln F0 over aligned frames (T,) voiced in both; NaN where one does not change."""
    voiced = (reference > 0) & (hypothesis > 0)
    values = np.log(np.stack([reference[voiced], hypothesis[voiced]]).astype(np.float64))
    if values.shape[1] < 2 or (np.ptp(values, axis=1) < 1e-6).any():
        return np.nan
    return float(np.corrcoef(values)[0, 1])


def voicing_error(reference: Array, hypothesis: Array) -> float:
    """Share of aligned frames (T,) that are voiced in one and unvoiced in the other."""
    return float(np.mean((reference > 0) != (hypothesis > 0)))


def log_f0_deviation(f0: Array) -> float:
    """Standard deviation of ln F0 over voiced frames; NaN where there is none, or F0 never changes."""
    voiced = np.log(f0[f0 > 0].astype(np.float64))
    return float(voiced.std()) if len(voiced) and np.ptp(voiced) > 1e-6 else np.nan


def energy(logmel: Array) -> Array:
    """Level of each frame (T,) in dB, from a log-mel spectrogram in dB (T, M)."""
    return 10 * np.log10((10 ** (logmel / 10)).mean(1))


def energy_rmse(reference: Array, hypothesis: Array) -> float:
    """Root mean square difference in dB of aligned energy contours (T,), each relative to its own mean."""
    difference = hypothesis - reference
    return float(np.sqrt(np.mean((difference - difference.mean()) ** 2)))


def duration(levels: Array) -> float:
    """Seconds from the first to the last frame within 35 dB of the loudest, of an energy contour (T,) every 10 ms."""
    active = np.flatnonzero(levels > levels.max() - SILENCE_DB)
    return float((active[-1] - active[0] + 1) * ENERGY_S)


def speech_time(levels: Array) -> float:
    """Seconds of the frames within 35 dB of the loudest: the duration without pauses."""
    return float((levels > levels.max() - SILENCE_DB).sum() * ENERGY_S)


def global_variance_ratio(reference: Array, hypothesis: Array) -> float:
    """Variance over time of the mel-cepstra (T, D) relative to the reference's (T', D), geometric mean over D.

    Below 1: over-smoothed (Toda & Tokuda 2007, IEICE Trans. E90-D(5), global variance).
    """
    return float(np.exp(np.mean(np.log((hypothesis.var(0) + 1e-12) / (reference.var(0) + 1e-12)))))
