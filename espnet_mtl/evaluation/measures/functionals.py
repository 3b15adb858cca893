"""Functionals: one vector of prosody, timbre and voice-quality statistics per utterance.

A selection in the spirit of the Geneva minimalistic acoustic parameter set (Eyben et al. 2016, eGeMAPS):
F0 contour, energy contour, MFCC, spectral balance, voice quality and rhythm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.measures.prosody import F0_FRAME_S, MEL_FRAME_S, SILENCE_DB

PERCENTILES = (5, 20, 50, 80, 95)
MAX_SEMITONES_PER_S, MAX_JITTER = 150, 0.2
"""Larger steps of F0 are octave errors of its extraction, not speech."""
PITCH_AND_ENERGY, RHYTHM = 22, 6
"""Columns of `_pitch` and `_energy` together, which come first, and of `_rhythm`, which comes last."""
MEAN_PITCH = 0
"""Column of the mean log-F0 in semitones."""


def prosodic(values: NDArray) -> NDArray:
    """The columns of functionals (N, D) that describe F0, energy and time only: (N, D')."""
    return np.concatenate([values[:, :PITCH_AND_ENERGY], values[:, -RHYTHM:]], 1)


def functionals(
    f0: NDArray[np.float64], logmel: NDArray[np.float64], samples: NDArray[np.float64], fs: int
) -> NDArray[np.float64]:
    """Computes the statistics (D,) of an utterance.

    Args:
        f0: Fundamental frequency in Hz every 5 ms, 0 where unvoiced: (T,).
        logmel: Log-mel spectrogram every 10 ms in dB: (T', M).
        samples: The waveform (T_wav,).
        fs: Its sampling rate in Hz.
    """
    energy = logmel.max(axis=1)
    speech = energy > energy.max() - SILENCE_DB
    # F0 has two values for each column of the spectrogram; take every other one.
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


def _contour(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean, spread, percentiles, range, slope from start to end, and the level of the last fifth over the rest."""
    if len(values) < 5:
        return np.zeros(len(PERCENTILES) + 5)
    percentiles = np.percentile(values, PERCENTILES)
    time = np.linspace(-0.5, 0.5, len(values))
    slope = np.polyfit(time, values, 1)[0]
    ending = values[-(len(values) // 5) :].mean() - values.mean()
    span = percentiles[-1] - percentiles[0]
    return np.array([values.mean(), values.std(), *percentiles, span, slope, ending])


def _pitch(f0: NDArray[np.float64], voiced: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Log-F0 contour in semitones, and how fast it rises and falls within voiced stretches (semitones a second)."""
    semitones = 12 * np.log2(np.maximum(f0, 1) / 100)
    steps = np.diff(semitones)[voiced[1:] & voiced[:-1]] / MEL_FRAME_S
    steps = steps[np.abs(steps) < MAX_SEMITONES_PER_S]
    rises, falls = steps[steps > 0], -steps[steps < 0]
    rising = rises.mean() if len(rises) else 0.0
    falling = falls.mean() if len(falls) else 0.0
    return np.concatenate([_contour(semitones[voiced]), [rising, falling]])


def _energy(energy: NDArray[np.float64], speech: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Energy contour in dB relative to its mean, and the mean size of its steps."""
    values = energy[speech]
    # The first value, the mean, is zero by construction.
    contour = _contour(values - values.mean())[1:]
    step = np.abs(np.diff(values)).mean() if len(values) > 1 else 0
    return np.append(contour, step)


def _timbre(logmel: NDArray[np.float64], speech: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean and spread of MFCC 1-16, and the spread of their differences, over speech."""
    from scipy.fft import dct

    mfcc = dct(logmel, norm="ortho")[:, 1:17]
    delta = np.gradient(mfcc, axis=0) if len(mfcc) > 1 else np.zeros_like(mfcc)
    return np.concatenate([mfcc[speech].mean(0), mfcc[speech].std(0), delta[speech].std(0)])


def _balance(logmel: NDArray[np.float64], voiced: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Spectral tilt, and bands of the long-term voiced spectrum in dB relative to its mean."""
    mean = logmel[voiced].mean(0)
    bands = [band.mean() for band in np.array_split(mean - mean.mean(), 8)]
    frequency = np.linspace(-0.5, 0.5, logmel.shape[1])
    tilts = np.polyfit(frequency, logmel[voiced].T, 1)[0]
    return np.array([tilts.mean(), tilts.std(), *bands])


def _voice_quality(f0: NDArray[np.float64], samples: NDArray[np.float64], fs: int) -> NDArray[np.float64]:
    """Periodicity and jitter of voiced frames: mean and spread of each; zeros for what is too short."""
    periodicity = _periodicity(f0, samples, fs)
    if not len(periodicity):
        return np.zeros(4)
    jitter = np.sqrt(_jitter(f0))
    return np.array([periodicity.mean(), periodicity.std(), jitter.mean(), jitter.std()])


def _periodicity(f0: NDArray[np.float64], samples: NDArray[np.float64], fs: int) -> NDArray[np.float64]:
    """Normalized autocorrelation at the period, over 30 ms, of every other voiced frame (N,)."""
    frames = np.flatnonzero(f0 > 0)[::2]
    window = round(0.03 * fs)
    starts = np.round(frames * F0_FRAME_S * fs).astype(int) - window // 2
    inside = (starts >= 0) & (starts + 2 * window <= len(samples))
    starts, frames = starts[inside], frames[inside]
    periods = np.round(fs / f0[frames]).astype(int)
    here = samples[starts[:, None] + np.arange(window)]
    one_period_later = samples[(starts + periods)[:, None] + np.arange(window)]
    scale = np.sqrt((here**2).sum(1) * (one_period_later**2).sum(1)) + 1e-8
    return (here * one_period_later).sum(1) / scale


def _jitter(f0: NDArray[np.float64]) -> NDArray[np.float64]:
    """Size of the second difference of ln F0 where three frames in a row are voiced (N,); a zero where none are."""
    voiced = (f0[:-2] > 0) & (f0[1:-1] > 0) & (f0[2:] > 0)
    bends = np.abs(np.diff(np.log(np.maximum(f0, 1)), 2))[voiced]
    bends = bends[bends < MAX_JITTER]
    return bends if len(bends) else np.zeros(1)


def _rhythm(energy: NDArray[np.float64], speech: NDArray[np.bool_], voiced: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Rhythm of an utterance.

    Energy peaks and voiced stretches a second of speech, the mean length of a stretch (s), the shares of voiced frames
    and of speech frames, and the logarithm of the seconds of speech.
    """
    from scipy.signal import find_peaks

    seconds = max(speech.sum() * MEL_FRAME_S, 0.1)
    window = np.hanning(7)
    smooth = np.convolve(energy, window / window.sum(), "same")
    peaks = len(find_peaks(smooth, prominence=3)[0])
    begins = np.diff(voiced.astype(int), prepend=0) == 1
    stretches = max(int(begins.sum()), 1)
    length = voiced.sum() * MEL_FRAME_S / stretches
    return np.array([peaks / seconds, stretches / seconds, length, voiced.mean(), speech.mean(), np.log(seconds)])
