"""Discriminators of waveforms: they tell natural speech from a vocoder's, and the vocoder learns to be taken for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from espnet_mtl.system.imports.espnet import import_tts_task

import_tts_task()

from espnet2.gan_tts.hifigan.hifigan import HiFiGANPeriodDiscriminator  # noqa: E402

WINDOWS_MS = (16, 32, 64)
PERIODS = (2, 3, 5)
LEAK = 0.1
COMPRESSION = 0.3
"""Exponent of amplitudes: quiet parts of a spectrum are heard, too."""


class Verdict(NamedTuple):
    """What one discriminator says of waveforms.

    Attributes:
        score: High where it takes them for natural.
        layers: Outputs of its layers, to match features.
    """

    score: Tensor
    layers: Sequence[Tensor]


class SpectrogramDiscriminator(nn.Module):
    """Convolutions over a complex spectrogram at one resolution.

    As in UnivNet (Jang et al. 2021, arXiv 2106.07889), but with real and imaginary parts as EnCodec's (Défossez et al.
    2022, arXiv 2210.13438), of amplitudes to the power of .3; small enough for a CPU.

    Args:
        size: Window and FFT (samples); the shift is a quarter of it.
        channels: Channels of each convolution.
    """

    window: Tensor

    def __init__(self, size: int, channels: int = 16):
        super().__init__()
        self.size = size
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(2, channels, (7, 5), (2, 2), (3, 2)),
                nn.Conv2d(channels, channels, (5, 3), (2, 1), (2, 1)),
                nn.Conv2d(channels, channels, (5, 3), (2, 2), (2, 1)),
                nn.Conv2d(channels, channels, (3, 3), (2, 1), (1, 1)),
            ]
        )
        self.score = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, wave: Tensor) -> Verdict:
        """Judges waveforms (B, T_wav)."""
        spectrum = torch.stft(wave, self.size, self.size // 4, window=self.window, return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()
        scale = power.clamp(min=1e-8).pow((COMPRESSION - 1) / 2)
        hidden = torch.stack([spectrum.real * scale, spectrum.imag * scale], 1)
        layers = []
        for layer in self.layers:
            hidden = functional.leaky_relu(layer(hidden), LEAK)
            layers.append(hidden)
        return Verdict(self.score(hidden), layers)


class PeriodDiscriminator(nn.Module):
    """ESPnet's discriminator of HiFi-GAN (Kong, Kim & Bae 2020, arXiv 2010.05646), small enough for a CPU."""

    def __init__(self, period: int, channels: int = 16):
        super().__init__()
        self.network = HiFiGANPeriodDiscriminator(
            period=period,
            channels=channels,
            downsample_scales=[3, 3, 3, 3],
            max_downsample_channels=8 * channels,
            use_weight_norm=False,  # PyTorch has given up the form of it that ESPnet applies
        )

    def forward(self, wave: Tensor) -> Verdict:
        """Judges waveforms (B, T_wav)."""
        *layers, score = self.network(wave.unsqueeze(1))
        return Verdict(score, layers)


class Discriminators(nn.Module):
    """All of them together, trained by least squares (Mao et al. 2017, arXiv 1611.04076).

    Args:
        fs: Sampling rate (Hz).
    """

    def __init__(self, fs: int):
        super().__init__()
        spectral = [SpectrogramDiscriminator(2 * round(fs * ms / 2000)) for ms in WINDOWS_MS]
        periodic = [PeriodDiscriminator(period) for period in PERIODS]
        self.members = nn.ModuleList([*spectral, *periodic])

    def loss(self, natural: Tensor, predicted: Tensor) -> Tensor:
        """What the discriminators learn by: natural speech has 1, a vocoder's 0, both (B, T_wav)."""
        total = natural.new_zeros(())
        for member in self.members:
            real, fake = member(natural).score, member(predicted.detach()).score
            total = total + (1 - real).square().mean() + fake.square().mean()
        return total / len(self.members)

    def judge(self, natural: Tensor, predicted: Tensor) -> tuple[Tensor, Tensor]:
        """What the vocoder learns by.

        Returns:
            The adversarial loss, and the distance between what layers make of natural and of predicted speech (feature
            matching, Larsen et al. 2016, arXiv 1512.09300), relative to the natural ones' size; scalars.
        """
        adversarial, matching = natural.new_zeros(()), natural.new_zeros(())
        for member in self.members:
            with torch.no_grad():
                wanted = member(natural).layers
            verdict = member(predicted)
            adversarial = adversarial + (1 - verdict.score).square().mean()
            distances = [_relative(one, other) for one, other in zip(wanted, verdict.layers, strict=True)]
            matching = matching + torch.stack(distances).mean()
        return adversarial / len(self.members), matching / len(self.members)


def _relative(natural: Tensor, predicted: Tensor) -> Tensor:
    return (natural - predicted).abs().mean() / natural.abs().mean().clamp(min=1e-6)
