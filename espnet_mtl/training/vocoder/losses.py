"""What a vocoder is trained by, where no discriminator is: distances between spectrograms."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from espnet_mtl.config.signal import VOCODER_WINDOWS_MS
from espnet_mtl.vocoder.base import mel_basis
from espnet_mtl.vocoder.source_filter.options import Signal

SMALLEST = 1e-5
"""Amplitude below which differences do not count."""
MEL_WEIGHT = 2.0


class SpectralDistance(nn.Module):
    """Distance between two waveforms by their spectrograms at several resolutions.

    Per resolution, the mean absolute difference of log amplitudes and the spectral convergence (Yamamoto, Song & Kim
    2020, arXiv 1910.11480, eq. 6 and 7); beside them, that of log-mels of the signal that the vocoder reads.

    Args:
        signal: The log-mel spectrogram that the vocoder reads.
    """

    basis: Tensor
    mel_window: Tensor

    def __init__(self, signal: Signal):
        super().__init__()
        self.signal = signal
        self.sizes = [round_to_even(signal.fs * ms / 1000) for ms in VOCODER_WINDOWS_MS]
        for size in self.sizes:
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)
        self.register_buffer("mel_window", torch.hann_window(signal.n_fft), persistent=False)
        basis = mel_basis(signal.fs, signal.n_fft, signal.n_mels, signal.fmin, signal.fmax)
        self.register_buffer("basis", basis, persistent=False)

    def views(self, wave: Tensor) -> list[Tensor]:
        """Amplitudes of waveforms (B, T_wav): a spectrogram of each resolution, and a mel."""
        spectra = [amplitudes(wave, size, size // 4, self.get_buffer(f"window_{size}")) for size in self.sizes]
        fine = amplitudes(wave, self.signal.n_fft, self.signal.hop_length, self.mel_window)
        mel = (fine.transpose(1, 2) @ self.basis).clamp(min=SMALLEST)
        return [*spectra, mel]

    def forward(self, first: Sequence[Tensor], second: Sequence[Tensor], scale: Sequence[Tensor]) -> Tensor:
        """Computes the distance (a scalar) of two waveforms from their views.

        Args:
            first, second: See `views`.
            scale: Views of natural speech, whose power differences are relative to.
        """
        total = first[0].new_zeros(())
        for one, other, natural in zip(first[:-1], second[:-1], scale[:-1], strict=True):
            convergence = (one - other).norm() / natural.norm().clamp(min=SMALLEST)
            total = total + (one.log() - other.log()).abs().mean() + convergence
        mel = (first[-1].log() - second[-1].log()).abs().mean()
        return total / len(self.sizes) + MEL_WEIGHT * mel

    def energy_distance(self, natural: Sequence[Tensor], samples: Sequence[Sequence[Tensor]]) -> tuple[Tensor, Tensor]:
        """Computes the generalized energy distance between natural speech and two samples of what is predicted.

        E d(x, y) + E d(x, y') - E d(y, y'): the last term keeps noise from being averaged away, since two samples must
        differ as much as either differs from the natural one (Gritsenko et al. 2020, arXiv 2008.01160, eq. 3).

        Args:
            natural: Views of natural speech x.
            samples: Views of y and y', from the same input and other noise.

        Returns:
            The energy distance, and d(x, y), scalars.
        """
        one, other = samples
        error = self(natural, one, natural)
        attraction = error + self(natural, other, natural)
        repulsion = self(one, other, natural)
        return attraction - repulsion, error.detach()


def amplitudes(wave: Tensor, size: int, hop: int, window: Tensor) -> Tensor:
    """Amplitude spectrogram (B, F, T) of waveforms (B, T_wav), at least `SMALLEST`."""
    spectrum = torch.stft(wave, size, hop, window=window, return_complex=True)
    # The root of the square of nothing has no gradient
    return (spectrum.real.square() + spectrum.imag.square()).clamp(min=SMALLEST**2).sqrt()


def round_to_even(samples: float) -> int:
    """Rounds a number of samples to an even one."""
    return 2 * round(samples / 2)
