"""Layers that heads and the reference encoder share; all of them ignore padding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet_mtl.model.taps import valid_mask


class ConvPool(nn.Module):
    """Strided 1-D convolutions over time, then mean and standard deviation over the valid steps.

    Statistics pooling is that of x-vectors (Snyder et al. 2018). The result does not depend on padding.

    Args:
        dim: Features of a step.
        channels: Channels of each convolution.
        layers: Convolutions, each of kernel 5 and stride 2; 0: only the pooling.
        dropout: Dropout after each convolution.
    """

    def __init__(self, dim: int, channels: int = 64, layers: int = 2, dropout: float = 0.1):
        super().__init__()
        sizes = [dim] + [channels] * layers
        self.convs = nn.ModuleList(nn.Conv1d(size, channels, kernel_size=5, stride=2, padding=2) for size in sizes[:-1])
        self.dropout = nn.Dropout(dropout)
        self.out_dim = 2 * sizes[-1]

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Maps (B, T, dim) with lengths (B,) to (B, out_dim)."""
        hidden = (values * valid_mask(lengths, values.size(1))).transpose(1, 2)
        for conv in self.convs:
            lengths = (lengths + 1) // 2
            hidden = self.dropout(torch.relu(conv(hidden)))
            mask = valid_mask(lengths, hidden.size(2)).transpose(1, 2)
            hidden = hidden * mask
        count = lengths.clamp(min=1).view(-1, 1)
        precise = in_single_precision(hidden)
        mean = precise.sum(2) / count
        # Rounding may make a variance slightly negative, and the root has no gradient at 0
        variance = (precise.square().sum(2) / count - mean.square()).clamp(min=0)
        return torch.cat([mean, (variance + 1e-5).sqrt()], dim=-1).to(hidden.dtype)


def in_single_precision(values: Tensor) -> Tensor:
    """Returns half-precision numbers as float32, in which sums over time neither overflow nor round; others as is."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def masked_mean(values: Tensor, lengths: Tensor) -> Tensor:
    """Averages (B, T, dim) with lengths (B,) over the valid steps: (B, dim)."""
    total = torch.where(valid_mask(lengths, values.size(1)), in_single_precision(values), 0.0).sum(1)
    return (total / lengths.clamp(min=1).view(-1, 1)).to(values.dtype)


def perceptron(dim: int, channels: int, out: int, dropout: float) -> nn.Sequential:
    """Builds one hidden layer between `dim` and `out` features."""
    return nn.Sequential(nn.Linear(dim, channels), nn.ReLU(), nn.Dropout(dropout), nn.Linear(channels, out))
