"""What is measured on one recording: F0, mel-cepstra, log-mel spectrogram, functionals and speaker embedding."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.measures.cepstrum import mel_cepstrum
from espnet_mtl.evaluation.measures.functionals import functionals
from espnet_mtl.evaluation.measures.speaker import embed

Array = NDArray[np.float32]
FRAME_S = 0.005
FLOOR_DB, FLOOR_HZ, CEILING_HZ, N_MELS = -60, 50, 7600, 64
F0_RANGE = (60.0, 650.0)
ENVELOPE_FLOOR = 1e-6
"""60 dB below the mean level: bands and pauses that hold nothing would else outweigh all that is heard."""


@dataclass(frozen=True)
class Speech:
    """Features of one recording at a level of its own (each is the same at every gain).

    Attributes:
        f0: Fundamental frequency in Hz every 5 ms, 0 where unvoiced: (T,).
        cepstrum: Mel-cepstra c1..c24 of the WORLD envelope every 5 ms: (T, 24); empty unless asked for.
        logmel: Log-mel spectrogram every 10 ms in dB below its maximum, at least -60: (T', 64).
        functionals: Statistics of the whole utterance: (D,).
        embedding: Of the speaker, (256,); empty unless asked for.
    """

    f0: Array
    cepstrum: Array
    logmel: Array
    functionals: Array
    embedding: Array

    def arrays(self) -> dict[str, Array]:
        """Returns the features by name, as they are cached."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def analyze(wave: NDArray[np.floating], fs: int, full: bool = True) -> Speech:
    """Analyzes a recording (T_wav,) sampled at `fs` Hz; not in full: without cepstrum and embedding."""
    from espnet_mtl.system.pyworld_import import import_pyworld

    pyworld = import_pyworld()

    samples = wave.astype(np.float64) / max(float(np.sqrt(np.mean(wave.astype(np.float64) ** 2))), 1e-8)
    coarse, times = pyworld.dio(samples, fs, f0_floor=F0_RANGE[0], f0_ceil=F0_RANGE[1], frame_period=FRAME_S * 1e3)
    f0 = pyworld.stonemask(samples, coarse, times, fs)
    mel_cepstra: NDArray[np.float64] = np.zeros((0, 24))
    if full:
        mel_cepstra = mel_cepstrum(pyworld.cheaptrick(samples, f0, times, fs) + ENVELOPE_FLOOR, fs)[:, 1:]
    power = power_spectrogram(samples, fs)
    logmel = decibel(power @ mel_filters(fs, 2 * power.shape[1] - 2).T)
    values = functionals(f0, logmel, samples, fs)
    embedding = embed(samples, fs) if full else np.zeros(0)
    return Speech(*(np.asarray(x, dtype=np.float32) for x in (f0, mel_cepstra, logmel, values, embedding)))


def power_spectrogram(samples: NDArray[np.float64], fs: int) -> NDArray[np.float64]:
    """Power spectrogram (T', F) of Hann windows of 25 ms every 10 ms."""
    window, hop = round(0.025 * fs), round(0.01 * fs)
    padded = np.pad(samples, window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    return np.abs(np.fft.rfft(frames * np.hanning(window), 1 << (window - 1).bit_length())) ** 2


@lru_cache
def mel_filters(fs: int, n_fft: int) -> NDArray[np.float64]:
    """Triangular mel filters (64, F) up to 7,600 Hz or half the sampling rate."""
    from librosa.filters import mel

    filters: NDArray[np.float64] = mel(sr=fs, n_fft=n_fft, n_mels=N_MELS, fmin=FLOOR_HZ, fmax=min(CEILING_HZ, fs / 2))
    return filters


def lowered(logmel: Array, semitones: float, fs: int) -> Array:
    """Lowers a log-mel spectrogram (T', 64) by warping its frequency axis, as vocal tract length normalization does."""
    return logmel @ _warping(semitones, fs)


@lru_cache
def _warping(semitones: float, fs: int) -> Array:
    """Matrix (64, 64) that reads each band from where it lies `semitones` higher, by linear interpolation."""
    from librosa import hz_to_mel, mel_frequencies

    centers = mel_frequencies(N_MELS + 2, fmin=FLOOR_HZ, fmax=min(CEILING_HZ, fs / 2))[1:-1]
    bands = np.arange(N_MELS)
    places = np.interp(hz_to_mel(centers * 2 ** (semitones / 12)), hz_to_mel(centers), bands)
    return np.maximum(1 - np.abs(bands[:, None] - places), 0).astype(np.float32)


def decibel(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power in dB below its maximum, at least -60."""
    return np.maximum(10 * np.log10(np.maximum(power, 1e-10) / max(power.max(), 1e-10)), FLOOR_DB)
