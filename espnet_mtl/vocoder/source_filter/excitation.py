"""Excitations of the source-filter vocoder: what the voice folds and the breath send into the vocal tract."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from espnet_mtl.vocoder.source_filter.shared import LOWEST_F0, SHARPNESS


def phase_of(log_f0: Tensor, hop: int, fs: int) -> tuple[Tensor, Tensor]:
    """Integrates F0 over time.

    Args:
        log_f0: Logarithm of F0 in Hz (B, T), in all frames.
        hop: Samples between two frames.
        fs: Sampling rate (Hz).

    Returns:
        The phase in radians, from 0 to 2π, and F0 in Hz, both (B, (T - 1) * hop).
    """
    samples = (log_f0.size(1) - 1) * hop
    f0 = _between_frames(log_f0, samples).exp().clamp(LOWEST_F0, fs / 2)
    # In double precision: after minutes of speech the sum is large, and its fraction is what matters
    cycles = torch.cumsum(f0.double() / fs, 1)
    return (2 * math.pi * (cycles % 1)).to(log_f0.dtype), f0


def pulses(phase: Tensor, f0: Tensor, fs: int) -> Tensor:
    """Band-limited pulse train of unit power: all harmonics below half the sampling rate, equally strong.

    Σ_{k=1..K} cos kθ = (sin((K + 1/2) θ) / sin(θ / 2) - 1) / 2, the Dirichlet kernel, with K = ⌊fs / 2 F0⌋.

    Args:
        phase: θ in radians (B, T_wav).
        f0: F0 in Hz (B, T_wav).
        fs: Sampling rate (Hz).
    """
    harmonics = (fs / 2 / f0).floor().clamp(min=1)
    half = torch.sin(phase / 2)
    at_peak = half.abs() < 1e-4
    kernel = torch.sin((harmonics + 0.5) * phase) / half.masked_fill(at_peak, 1.0)
    kernel = torch.where(at_peak, 2 * harmonics + 1, kernel)
    total = (kernel - 1) / 2
    return total * torch.sqrt(2 / harmonics)


def bursts(phase: Tensor, noise: Tensor) -> Tensor:
    """Noise of unit power that swells where the voice folds close, as breath does in a voice.

    Its envelope is e^{κ cos θ}, a von Mises window around each pulse.

    Args:
        phase: θ in radians (B, T_wav).
        noise: White noise of unit power (B, T_wav).
    """
    envelope = torch.exp(SHARPNESS * (torch.cos(phase) - 1))
    power = torch.special.i0e(torch.tensor(2 * SHARPNESS))  # mean of the squared envelope
    return noise * envelope / power.sqrt().to(noise)


def _between_frames(values: Tensor, samples: int) -> Tensor:
    """Interpolates values of frames (B, T) linearly: (B, samples)."""
    dense = functional.interpolate(values.unsqueeze(1), size=samples + 1, mode="linear", align_corners=True)
    return dense[:, 0, :-1]


def gate(voicing: Tensor, hop: int) -> Tensor:
    """Interpolates voicing (B, T) to samples (B, (T - 1) * hop)."""
    return _between_frames(voicing, (voicing.size(1) - 1) * hop)
