"""Prosody of one recording beside that of another: pitch, voicing, energy, duration and speaking rate."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

F0_FRAME_S = 0.005
"""Seconds from one value of F0, and one mel-cepstrum, to the next."""
MEL_FRAME_S = 0.01
"""Seconds from one column of a log-mel spectrogram, and one value of energy, to the next."""
SILENCE_DB = 35
"""Frames that far below the loudest one are silence."""


def log_f0_rmse(reference: NDArray[np.floating], hypothesis: NDArray[np.floating]) -> float:
    """Root mean square error of ln F0 over aligned frames (T,) voiced in both; NaN where there is none.

    Args:
        reference: F0 in Hz, 0 where unvoiced.
        hypothesis: The same of the other recording.
    """
    voiced = (reference > 0) & (hypothesis > 0)
    return root_mean_square(np.log(hypothesis[voiced] / reference[voiced]))


def log_f0_correlation(reference: NDArray[np.floating], hypothesis: NDArray[np.floating]) -> float:
    """Pearson correlation of ln F0 over aligned frames (T,) voiced in both; NaN where one does not change."""
    voiced = (reference > 0) & (hypothesis > 0)
    values = np.log(np.stack([reference[voiced], hypothesis[voiced]]).astype(np.float64))
    if values.shape[1] < 2 or (np.ptp(values, axis=1) < 1e-6).any():
        return np.nan
    return float(np.corrcoef(values)[0, 1])


def voicing_error(reference: NDArray[np.floating], hypothesis: NDArray[np.floating]) -> float:
    """Share of aligned frames (T,) that are voiced in one and unvoiced in the other."""
    return float(np.mean((reference > 0) != (hypothesis > 0)))


def log_f0_deviation(f0: NDArray[np.floating]) -> float:
    """Standard deviation of ln F0 over voiced frames; NaN where there is none, or F0 never changes."""
    voiced = np.log(f0[f0 > 0].astype(np.float64))
    if not len(voiced) or np.ptp(voiced) <= 1e-6:
        return np.nan
    return float(voiced.std())


def energy(logmel: NDArray[np.floating]) -> NDArray[np.floating]:
    """Level of each frame (T,) in dB, from a log-mel spectrogram in dB (T, M)."""
    return 10 * np.log10((10 ** (logmel / 10)).mean(1))


def energy_rmse(reference: NDArray[np.floating], hypothesis: NDArray[np.floating]) -> float:
    """Root mean square difference in dB of aligned energy contours (T,), each relative to its own mean."""
    difference = hypothesis - reference
    return root_mean_square(difference - difference.mean())


def duration(levels: NDArray[np.floating]) -> float:
    """Seconds from the first to the last frame within 35 dB of the loudest, of an energy contour (T,) every 10 ms."""
    active = np.flatnonzero(levels > levels.max() - SILENCE_DB)
    return float((active[-1] - active[0] + 1) * MEL_FRAME_S)


def speech_time(levels: NDArray[np.floating]) -> float:
    """Seconds of the frames within 35 dB of the loudest: the duration without pauses."""
    return float((levels > levels.max() - SILENCE_DB).sum() * MEL_FRAME_S)


def global_variance_ratio(reference: NDArray[np.floating], hypothesis: NDArray[np.floating]) -> float:
    """Variance over time of the mel-cepstra (T, D) relative to the reference's (T', D), geometric mean over D.

    Below 1: over-smoothed (Toda & Tokuda 2007, IEICE Trans. E90-D(5), global variance).
    """
    ratios = (hypothesis.var(0) + 1e-12) / (reference.var(0) + 1e-12)
    return float(np.exp(np.mean(np.log(ratios))))


def voiced_tokens(f0: NDArray[np.floating], durations: NDArray[np.float64], frame_s: float) -> NDArray[np.bool_]:
    """Tells which tokens (N,) are voiced for half of their time or more.

    Args:
        f0: Fundamental frequency in Hz every 5 ms, 0 where unvoiced.
        durations: Frames of each token (N,).
        frame_s: Seconds of such a frame.
    """
    seconds = np.append(0, durations.cumsum()) * frame_s
    borders = np.round(seconds / F0_FRAME_S).astype(int)
    voiced = []
    for start, end in pairwise(np.minimum(borders, len(f0))):
        voiced.append(end > start and np.mean(f0[start:end] > 0) >= 0.5)
    return np.array(voiced, dtype=bool)


def root_mean_square(values: NDArray[np.floating]) -> float:
    """Root mean square of values (N,); NaN where there is none."""
    return float(np.sqrt(np.mean(values**2))) if len(values) else np.nan
