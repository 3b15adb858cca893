"""Mel-cepstra from a spectral envelope, and the distances between two recordings along their best alignment."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.system.caches import import_librosa

DECIBEL = 10 / np.log(10) * np.sqrt(2)
"""Turns a Euclidean distance of mel-cepstra into dB (Kubichek 1993, eq. 3)."""


@lru_cache
def all_pass_constant(fs: int) -> float:
    """Frequency-warping constant whose bilinear transform is nearest to the mel scale (0.41 at 16 kHz).

    Least squares over 1,000 frequencies up to fs / 2 of `ln(1 + f / 1000)`, on a grid of 0.001, as
    pysptk's `mcepalpha` has it.
    """
    omega = np.arange(1000) / 999 * np.pi
    mel = np.log1p(omega / np.pi * fs / 2 / 1000)
    candidates = np.arange(0, 1, 0.001)[:, None]
    warped = omega + 2 * np.arctan2(candidates * np.sin(omega), 1 - candidates * np.cos(omega))
    error = ((mel / mel[-1] - warped / np.pi) ** 2).sum(1)
    return float(candidates[error.argmin(), 0])


@lru_cache
def frequency_transform(size: int, order: int, alpha: float) -> NDArray[np.float64]:
    """Matrix (order + 1, size) that warps a cepstrum of `size` coefficients by the all-pass constant `alpha`.

    The recursion of Oppenheim & Johnson (1972), SPTK's `freqt`, run on the columns of the identity.
    """
    warped = np.zeros((order + 1, size))
    for column in np.eye(size)[::-1]:
        previous = warped.copy()
        warped[0] = column + alpha * previous[0]
        if order:
            warped[1] = (1 - alpha**2) * previous[0] + alpha * previous[1]
        for i in range(2, order + 1):
            warped[i] = previous[i - 1] + alpha * (previous[i] - warped[i - 1])
    return warped


def mel_cepstrum(
    power: NDArray[np.float64], fs: int, order: int = 24, alpha: float | None = None
) -> NDArray[np.float64]:
    """Converts power spectral envelopes (T, F) to mel-cepstra (T, order + 1), c0 first.

    Args:
        power: Squared magnitudes.
        fs: Sampling rate in Hz.
        order: Of the mel-cepstrum.
        alpha: Frequency-warping constant; None: that of the mel scale at `fs`.
    """
    cepstrum = np.fft.irfft(np.log(power), axis=1)[:, : power.shape[1]]
    cepstrum[:, 0] /= 2
    if alpha is None:
        alpha = all_pass_constant(fs)
    return cepstrum @ frequency_transform(power.shape[1], order, alpha).T


def align(
    reference: NDArray[np.floating], hypothesis: NDArray[np.floating]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Aligns two feature sequences (T1, D), (T2, D) by dynamic time warping.

    Returns:
        Frames of the reference, frames of the hypothesis and their Euclidean distance, along the path.
    """
    from scipy.spatial.distance import cdist

    cost = cdist(reference, hypothesis)
    _, backward = import_librosa("librosa.sequence").dtw(C=cost)
    frames, others = backward[::-1].T
    return frames, others, cost[frames, others]


def mel_cepstral_distortion(distances: NDArray[np.floating]) -> float:
    """Mel-cepstral distortion in dB from the distances of aligned mel-cepstra."""
    return float(DECIBEL * distances.mean())
