"""Functionals: one vector of prosody, timbre and voice-quality statistics per utterance.

A selection in the spirit of the Geneva minimalistic acoustic parameter set (Eyben et al. 2016, eGeMAPS):
F0 contour, energy contour, MFCC, spectral balance, voice quality and rhythm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
PERCENTILES = (5, 20, 50, 80, 95)
MEL_S, F0_S = 0.01, 0.005
PITCH_AND_ENERGY, RHYTHM = 22, 6
"""Columns of `_pitch` and `_energy`, which come first, and of `_rhythm`, which comes last."""
MEAN_PITCH = 0
"""Column of the mean log-F0 in semitones."""


def prosodic(values: NDArray) -> NDArray:
    """The columns of functionals (N, D) that tell of F0, energy and time only: (N, D')."""
    return np.concatenate([values[:, :PITCH_AND_ENERGY], values[:, -RHYTHM:]], 1)


def functionals(f0: Array, logmel: Array, samples: Array, fs: int) -> Array:
    """Computes the statistics (D,) of an utterance.

    Args:
        f0: Fundamental frequency in Hz every 5 ms, 0 where unvoiced: (T,).
        logmel: Log-mel spectrogram every 10 ms in dB: (T', M).
        samples: The waveform (T_wav,).
        fs: Its sampling rate in Hz.
    """
    energy = logmel.max(axis=1)
    speech = energy > energy.max() - 35
    f0_at_mel = f0[np.minimum(2 * np.arange(len(energy)), len(f0) - 1)]
    voiced = speech & (f0_at_mel > 0)
    return np.concatenate(
        [
            _pitch(f0_at_mel, voiced),
            _energy(energy, speech),
            _timbre(logmel, speech),
            _balance(logmel, voiced if voiced.any() else speech),
            _voice_quality(f0, samples, fs),
            _rhythm(energy, speech, voiced),
        ]
    )


def _contour(values: Array) -> Array:
    """Mean, spread, percentiles, range, slope from start to end, and the level of the last fifth over the rest."""
    if len(values) < 5:
        return np.zeros(len(PERCENTILES) + 5)
    percentiles = np.percentile(values, PERCENTILES)
    slope = np.polyfit(np.linspace(-0.5, 0.5, len(values)), values, 1)[0]
    ending = values[-(len(values) // 5) :].mean() - values.mean()
    span = percentiles[-1] - percentiles[0]
    return np.array([values.mean(), values.std(), *percentiles, span, slope, ending])


def _pitch(f0: Array, voiced: Mask) -> Array:
    """Log-F0 contour in semitones, and how fast it rises and falls within voiced stretches (semitones a second)."""
    semitones = 12 * np.log2(np.maximum(f0, 1) / 100)
    steps = np.diff(semitones)[voiced[1:] & voiced[:-1]] / MEL_S
    steps = steps[np.abs(steps) < 150]
    rises, falls = steps[steps > 0], -steps[steps < 0]
    speeds = [part.mean() if len(part) else 0.0 for part in (rises, falls)]
    return np.concatenate([_contour(semitones[voiced]), speeds])


def _energy(energy: Array, speech: Mask) -> Array:
    """Energy contour in dB relative to its mean, and the mean size of its steps."""
    values = energy[speech]
    return np.append(_contour(values - values.mean())[1:], np.abs(np.diff(values)).mean() if len(values) > 1 else 0)


def _timbre(logmel: Array, speech: Mask) -> Array:
    """Mean and spread of MFCC 1-16, and the spread of their differences, over speech."""
    from scipy.fft import dct

    mfcc = dct(logmel, norm="ortho")[:, 1:17]
    delta = np.gradient(mfcc, axis=0) if len(mfcc) > 1 else np.zeros_like(mfcc)
    return np.concatenate([mfcc[speech].mean(0), mfcc[speech].std(0), delta[speech].std(0)])


def _balance(logmel: Array, voiced: Mask) -> Array:
    """Spectral tilt, and bands of the long-term voiced spectrum in dB relative to its mean."""
    mean = logmel[voiced].mean(0)
    bands = np.array([band.mean() for band in np.array_split(mean - mean.mean(), 8)])
    tilts = np.polyfit(np.linspace(-0.5, 0.5, logmel.shape[1]), logmel[voiced].T, 1)[0]
    return np.array([tilts.mean(), tilts.std(), *bands])


def _voice_quality(f0: Array, samples: Array, fs: int) -> Array:
    """Periodicity (normalized autocorrelation at the period) and jitter of voiced frames: mean, spread."""
    frames = np.flatnonzero(f0 > 0)[::2]
    window = round(0.03 * fs)
    starts = np.round(frames * F0_S * fs).astype(int) - window // 2
    inside = (starts >= 0) & (starts + 2 * window <= len(samples))
    if not inside.any():
        return np.zeros(4)
    starts, lags = starts[inside], np.round(fs / f0[frames[inside]]).astype(int)
    here = samples[starts[:, None] + np.arange(window)]
    later = samples[(starts + lags)[:, None] + np.arange(window)]
    scale = np.sqrt((here**2).sum(1) * (later**2).sum(1)) + 1e-8
    periodicity = (here * later).sum(1) / scale
    voiced = (f0[:-2] > 0) & (f0[1:-1] > 0) & (f0[2:] > 0)
    bends = np.abs(np.diff(np.log(np.maximum(f0, 1)), 2))[voiced]
    bends = bends[bends < 0.2]
    bends = bends if len(bends) else np.zeros(1)
    return np.array([periodicity.mean(), periodicity.std(), np.sqrt(bends).mean(), np.sqrt(bends).std()])


def _rhythm(energy: Array, speech: Mask, voiced: Mask) -> Array:
    """Energy peaks, voiced stretches a second of speech, their mean length (s), voiced and speech ratio."""
    from scipy.signal import find_peaks

    seconds = max(speech.sum() * MEL_S, 0.1)
    peaks = len(find_peaks(np.convolve(energy, np.hanning(7) / np.hanning(7).sum(), "same"), prominence=3)[0])
    stretches = max(int((np.diff(voiced.astype(int), prepend=0) == 1).sum()), 1)
    length = voiced.sum() * MEL_S / stretches
    return np.array([peaks / seconds, stretches / seconds, length, voiced.mean(), speech.mean(), np.log(seconds)])
