"""The signal processing around the networks, in NumPy.

What `espnet_mtl.vocoder.source_filter` says of each step holds here, too; a test compares both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.network import Floats
from espnet_mtl.onnx.files import FORMAT
from espnet_mtl.system.files import read_arrays
from espnet_mtl.vocoder.source_filter.shared import LEAST_MEL, LOWEST_F0, MOST_CORRECTION, SHARPNESS

Spectrum = NDArray[np.complex64]

LEAST_POWER = 1e-10
"""Of a bin, in ESPnet's features."""


@dataclass(frozen=True)
class Stft:
    """A short-time Fourier transform whose frames are centred, as `torch.stft` makes it.

    Attributes:
        n_fft: Size of the FFT in samples.
        hop: Frame shift in samples.
        window: (n_fft,).
    """

    n_fft: int
    hop: int
    window: Floats

    @classmethod
    def build(cls, n_fft: int, hop: int, window: Floats) -> Stft:
        """Builds it of a window that may be shorter than the FFT."""
        lacking = n_fft - len(window)
        return cls(n_fft, hop, np.pad(window, (lacking // 2, lacking - lacking // 2)))

    def __call__(self, samples: Floats, reflect: bool = False) -> Spectrum:
        """Transforms samples (T_wav,) to (T_wav // hop + 1, n_fft // 2 + 1); beyond the ends are zeros, or mirrors."""
        padded = np.pad(samples, self.n_fft // 2, mode="reflect" if reflect else "constant")
        frames = sliding_window_view(padded, self.n_fft)[:: self.hop]
        return np.fft.rfft(frames * self.window, axis=-1)

    def inverse(self, spectrum: Spectrum, samples: int) -> Floats:
        """Transforms (T, n_fft // 2 + 1) back to (samples,), by overlap and add; hops must fill the FFT."""
        frames = np.fft.irfft(spectrum, self.n_fft, axis=-1) * self.window
        weights = np.broadcast_to(self.window**2, frames.shape)
        added, power = self._overlapped(frames), self._overlapped(weights)
        begin = self.n_fft // 2
        return added[begin : begin + samples] / power[begin : begin + samples]

    def _overlapped(self, frames: Floats) -> Floats:
        parts = self.n_fft // self.hop
        blocks = frames.reshape(len(frames), parts, self.hop)
        sums = np.zeros((len(frames) + parts - 1, self.hop), dtype=frames.dtype)
        for part in range(parts):
            sums[part : part + len(frames)] += blocks[:, part]
        return sums.reshape(-1)


@dataclass(frozen=True)
class Features:
    """The log-mel spectrogram of recordings, as ESPnet's `LogMelFbank` makes it."""

    stft: Stft
    basis: Floats

    def __call__(self, samples: Floats) -> Floats:
        """Makes the log10-mel spectrogram (T, n_mels) of a recording (T_wav,)."""
        spectrum = self.stft(samples, reflect=True)
        power = spectrum.real**2 + spectrum.imag**2
        amplitude = np.sqrt(power.clip(LEAST_POWER))
        logmel: Floats = np.log10((amplitude @ self.basis).clip(LEAST_MEL))
        return logmel


@dataclass(frozen=True)
class FilterOutput:
    """What the networks of the vocoder say of T frames, and T' = steps (T - 1) + 1 of the vocoder's own.

    Attributes:
        voicing: How voiced each frame is, 0 to 1 (T,).
        gains: Of pulses, bursts and noise (3, bins, T').
        shift: Phase of the pulses (bins, T').
        trust: How far the mel of the sum is brought to the one that was asked for (T, n_mels).
    """

    voicing: Floats
    gains: Floats
    shift: Floats
    trust: Floats


@dataclass(frozen=True)
class Synthesis:
    """The source-filter vocoder around its networks (`espnet_mtl.vocoder.source_filter.network`).

    Attributes:
        fs: Sampling rate in Hz.
        steps: Frames of the vocoder's own STFT to one of the mel.
        stft: The vocoder's own.
        mel_stft: That of the mel.
        basis: Its filterbank (n_fft // 2 + 1, n_mels).
        slope: Of the gains that a mel asks for (n_mels, bins).
    """

    fs: int
    steps: int
    stft: Stft
    mel_stft: Stft
    basis: Floats
    slope: Floats

    def __call__(self, logmel: Floats, log_f0: Floats, filters: FilterOutput, noise: Floats) -> Floats:
        """Synthesizes one utterance.

        Args:
            logmel: Log10-mel spectrogram (T, n_mels).
            log_f0: Logarithm of F0 in Hz (T,).
            filters: Of these.
            noise: White noise of unit power (samples,), of (T - 1) hops.

        Returns:
            Waveform (samples,).
        """
        samples = len(noise)
        phase, f0 = phase_of(log_f0, samples, self.fs)
        voiced = between_frames(filters.voicing, samples)
        gains = filters.gains.transpose(0, 2, 1)
        spectrum = self.stft(pulses(phase, f0, self.fs) * voiced) * polar(gains[0], filters.shift.T)
        spectrum += self.stft(bursts(phase, noise) * voiced) * gains[1]
        spectrum += self.stft(noise) * gains[2]
        lacking = logmel - self.logmel(self.stft.inverse(spectrum, samples))
        wanted = filters.trust * lacking.clip(-MOST_CORRECTION, MOST_CORRECTION)
        return self.stft.inverse(spectrum * np.exp(self._dense(wanted @ self.slope)), samples)

    def logmel(self, samples: Floats) -> Floats:
        """Makes the log10-mel spectrogram (T, n_mels) of samples ((T - 1) hops,)."""
        spectrum = self.mel_stft(samples, reflect=len(samples) > self.mel_stft.n_fft // 2)
        logmel: Floats = np.log10((np.abs(spectrum) @ self.basis).clip(LEAST_MEL))
        return logmel

    def _dense(self, values: Floats) -> Floats:
        """Interpolates between the mel's frames: (T, bins) to (T', bins)."""
        if self.steps == 1:
            return values
        dense = np.empty((2 * len(values) - 1, values.shape[1]), dtype=values.dtype)
        dense[::2] = values
        dense[1::2] = (values[1:] + values[:-1]) / 2
        return dense


def polar(magnitude: Floats, angle: Floats) -> Spectrum:
    """Makes complex numbers; this is 4 times as fast as an exponential of complex numbers."""
    numbers = np.empty(magnitude.shape, dtype=np.complex64)
    numbers.real = magnitude * np.cos(angle)
    numbers.imag = magnitude * np.sin(angle)
    return numbers


def between_frames(values: Floats, samples: int) -> Floats:
    """Interpolates values of frames (T,) linearly: (samples,), of T - 1 hops."""
    frames = np.arange(samples) * ((len(values) - 1) / samples)
    return np.interp(frames, np.arange(len(values)), values).astype(np.float32)


def phase_of(log_f0: Floats, samples: int, fs: int) -> tuple[Floats, Floats]:
    """Integrates F0 over time: log F0 (T,) to the phase, 0 to 2π, and F0 in Hz, both (samples,)."""
    f0 = np.exp(between_frames(log_f0, samples)).clip(LOWEST_F0, fs / 2)
    cycles = np.cumsum(f0.astype(np.float64) / fs)
    return (2 * np.pi * (cycles % 1)).astype(np.float32), f0


def pulses(phase: Floats, f0: Floats, fs: int) -> Floats:
    """Makes a band-limited pulse train of unit power (samples,), the Dirichlet kernel."""
    harmonics = np.floor(fs / 2 / f0).clip(1)
    half = np.sin(phase / 2)
    at_peak = np.abs(half) < 1e-4
    kernel = np.sin((harmonics + 0.5) * phase) / np.where(at_peak, np.float32(1), half)
    kernel = np.where(at_peak, 2 * harmonics + 1, kernel)
    train = (kernel - 1) / 2 * np.sqrt(2 / harmonics)
    return train.astype(np.float32, copy=False)


def bursts(phase: Floats, noise: Floats) -> Floats:
    """Makes noise of unit power swell where the voice folds close (samples,)."""
    envelope = np.exp(SHARPNESS * (np.cos(phase) - 1))
    power = np.i0(2 * SHARPNESS) * np.exp(-2 * SHARPNESS)  # mean of the squared envelope
    return noise * envelope / np.float32(np.sqrt(power))


def _check_arrays(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raises ValueError where arrays do not fit each other."""
    sizes = {name: int(arrays[name]) for name in ("fs", "hop", "steps", "mel_n_fft", "feature_n_fft", "feature_hop")}
    n_fft, n_mels = arrays["window"].size, arrays["basis"].shape[-1]
    shapes = {
        "window": (4 * sizes["hop"],),
        "mel_window": (min(arrays["mel_window"].size, sizes["mel_n_fft"]),),
        "basis": (sizes["mel_n_fft"] // 2 + 1, n_mels),
        "slope": (n_mels, n_fft // 2 + 1),
        "feature_window": (min(arrays["feature_window"].size, sizes["feature_n_fft"]),),
        "feature_basis": (sizes["feature_n_fft"] // 2 + 1, arrays["feature_basis"].shape[-1]),
    }
    if min(sizes.values()) < 1 or sizes["steps"] > 2:
        raise ValueError(f"sizes {sizes}")
    for name, shape in shapes.items():
        if arrays[name].shape != shape or not arrays[name].size or not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} of shape {arrays[name].shape}")


def read_signal(path: Path) -> tuple[Synthesis, Features]:
    """Reads what `espnet_mtl.onnx.export` wrote beside the graphs.

    Raises:
        UserError: It is missing, damaged, or of another layout.
    """
    arrays = read_arrays(path)
    try:
        layout = int(arrays["format"])
        if layout != FORMAT:
            raise UserError(f"{path}: layout {layout}, and this version reads {FORMAT}: pack the model again (stage 8)")
        _check_arrays(arrays)
        hop, steps = int(arrays["hop"]), int(arrays["steps"])
        synthesis = Synthesis(
            fs=int(arrays["fs"]),
            steps=steps,
            stft=Stft.build(len(arrays["window"]), hop, arrays["window"]),
            mel_stft=Stft.build(int(arrays["mel_n_fft"]), hop * steps, arrays["mel_window"]),
            basis=arrays["basis"],
            slope=arrays["slope"],
        )
        stft = Stft.build(int(arrays["feature_n_fft"]), int(arrays["feature_hop"]), arrays["feature_window"])
        return synthesis, Features(stft, arrays["feature_basis"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: it is damaged ({error}): pack the model again (stage 8)") from error
