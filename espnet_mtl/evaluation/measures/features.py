"""What is measured on one recording: F0, mel-cepstra, log-mel spectrogram, functionals and speaker embedding."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.measures.cepstrum import mel_cepstrum
from espnet_mtl.evaluation.measures.functionals import functionals
from espnet_mtl.evaluation.measures.opinion import predict
from espnet_mtl.evaluation.measures.prosody import F0_FRAME_S, root_mean_square
from espnet_mtl.evaluation.measures.speaker import embed
from espnet_mtl.system.caches import import_librosa

FLOOR_DB, FLOOR_HZ, CEILING_HZ, N_MELS = -60, 50, 7600, 64
F0_FLOOR_HZ, F0_CEILING_HZ = 60.0, 650.0
ENVELOPE_FLOOR = 1e-6
"""Added to power envelopes, 60 dB below the mean level: empty bands and pauses would else outweigh all audible ones."""


@dataclass(frozen=True)
class AcousticFeatures:
    """Features of one recording. None depends on its gain.

    Attributes:
        f0: Fundamental frequency in Hz every 5 ms, 0 where unvoiced: (T,).
        cepstrum: Mel-cepstra c1..c24 of the WORLD envelope every 5 ms: (T, 24); empty unless asked for.
        logmel: Log-mel spectrogram every 10 ms in dB below its maximum, at least -60: (T', 64).
        functionals: Statistics of the whole utterance: (D,).
        embedding: Of the speaker, (256,); empty unless asked for.
        opinion: Predicted mean opinion scores (`espnet_mtl.evaluation.measures.opinion.PREDICTED`), NaN where a package
            is not installed: (4,); empty unless asked for.
    """

    f0: NDArray[np.float32]
    cepstrum: NDArray[np.float32]
    logmel: NDArray[np.float32]
    functionals: NDArray[np.float32]
    embedding: NDArray[np.float32]
    opinion: NDArray[np.float32]

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Returns the features by name, as they are cached."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def analyze(wave: NDArray[np.floating], fs: int, full: bool = True) -> AcousticFeatures:
    """Analyzes a recording (T_wav,) sampled at `fs` Hz; not in full: without cepstrum, embedding and opinion."""
    from espnet_mtl.system.imports.pyworld import import_pyworld

    pyworld = import_pyworld()

    samples = wave.astype(np.float64)
    samples = samples / max(root_mean_square(samples), 1e-8)
    coarse, times = pyworld.dio(samples, fs, f0_floor=F0_FLOOR_HZ, f0_ceil=F0_CEILING_HZ, frame_period=F0_FRAME_S * 1e3)
    f0 = pyworld.stonemask(samples, coarse, times, fs)
    power = power_spectrogram(samples, fs)
    n_fft = 2 * power.shape[1] - 2
    logmel = decibel(power @ mel_filters(fs, n_fft).T)
    cepstrum: NDArray[np.float64] = np.zeros((0, 24))
    embedding: NDArray[np.float32] = np.zeros(0, np.float32)
    opinion: NDArray[np.float32] = np.zeros(0, np.float32)
    if full:
        envelope = pyworld.cheaptrick(samples, f0, times, fs)
        cepstrum = mel_cepstrum(envelope + ENVELOPE_FLOOR, fs)[:, 1:]
        embedding = embed(samples, fs)
        opinion = predict(samples, fs)
    return AcousticFeatures(
        f0=f0.astype(np.float32),
        cepstrum=cepstrum.astype(np.float32),
        logmel=logmel.astype(np.float32),
        functionals=functionals(f0, logmel, samples, fs).astype(np.float32),
        embedding=embedding,
        opinion=opinion,
    )


def power_spectrogram(samples: NDArray[np.float64], fs: int) -> NDArray[np.float64]:
    """Power spectrogram (T', F) of Hann windows of 25 ms every 10 ms."""
    window, hop = round(0.025 * fs), round(0.01 * fs)
    padded = np.pad(samples, window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    n_fft = 1 << (window - 1).bit_length()  # the next power of two
    spectrum = np.fft.rfft(frames * np.hanning(window), n_fft)
    return np.abs(spectrum) ** 2


@lru_cache
def mel_filters(fs: int, n_fft: int) -> NDArray[np.float64]:
    """Triangular mel filters (64, F) up to 7,600 Hz or half the sampling rate."""
    mel = import_librosa("librosa.filters").mel
    filters: NDArray[np.float64] = mel(sr=fs, n_fft=n_fft, n_mels=N_MELS, fmin=FLOOR_HZ, fmax=min(CEILING_HZ, fs / 2))
    return filters


def lowered(logmel: NDArray[np.float32], semitones: float, fs: int) -> NDArray[np.float32]:
    """Lowers a log-mel spectrogram (T', 64) by warping its frequency axis, as vocal tract length normalization does."""
    return logmel @ _warping(semitones, fs)


@lru_cache
def _warping(semitones: float, fs: int) -> NDArray[np.float32]:
    """Matrix (64, 64) that takes each band from `semitones` above it, by linear interpolation between bands."""
    librosa = import_librosa()
    centers = librosa.mel_frequencies(N_MELS + 2, fmin=FLOOR_HZ, fmax=min(CEILING_HZ, fs / 2))[1:-1]
    bands = np.arange(N_MELS)
    higher = centers * 2 ** (semitones / 12)
    sources = np.interp(librosa.hz_to_mel(higher), librosa.hz_to_mel(centers), bands)
    weights = np.maximum(1 - np.abs(bands[:, None] - sources), 0)
    return weights.astype(np.float32)


def decibel(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power in dB below its maximum, at least -60."""
    relative = np.maximum(power, 1e-10) / max(power.max(), 1e-10)
    return np.maximum(10 * np.log10(relative), FLOOR_DB)
