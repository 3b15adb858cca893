"""Style from a face: the visual encoder, which attends over the style table as the reference encoder does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import gcd

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from espnet_mtl.model.style.options import VisualOptions
from espnet_mtl.model.taps import valid_mask

EMBEDDING, CROP = 1, 2
"""Axes of a frame."""
SHIFT = 0.2
"""How far crops are shifted at most, as a part of how much they are scaled."""
FLAT = 1e-3
"""Of a standard deviation: a crop of one grey stays one."""
GROUPS = 4
"""Groups of channels that are normalized together (Wu & He 2018, arXiv 1803.08494)."""


class VisualEncoder(nn.Module):
    """Embeds the frames of a face in one vector, a query of the attention over the style table.

    Each frame is encoded by itself: an embedding by a perceptron, a crop (H, W) by strided convolutions. Frames are
    pooled by attention (Bahdanau et al. 2015, arXiv 1409.0473, without a query): one frame may say it all.

    Args:
        shape: Of a frame: (D,) for embeddings, (H, W) for grey crops of faces.
        dim: Size of the query.
        options: Channels, dropout and jitter.

    Raises:
        ValueError: A frame has another number of axes, or is smaller than the convolutions need.
    """

    def __init__(self, shape: Sequence[int], dim: int, options: VisualOptions):
        super().__init__()
        self.shape = tuple(shape)
        self.jitter = options.jitter
        channels, dropout = options.channels, options.dropout
        if len(self.shape) == EMBEDDING:
            self.frames = nn.Sequential(
                nn.LayerNorm(self.shape[0]), nn.Linear(self.shape[0], channels), nn.ReLU(), nn.Dropout(dropout)
            )
        elif len(self.shape) == CROP:
            self.frames = _crop_encoder(self.shape, channels, dropout)
        else:
            raise ValueError(f"frames have the shape {list(self.shape)}: expected [D] or [H, W]")
        self.salience = nn.Linear(channels, 1)
        self.query = nn.Linear(channels, dim)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Maps frames (B, T_v, D), or (B, T_v, H * W), with lengths (B,) to (B, dim); padding does not count."""
        batch, steps, _ = frames.shape
        shaped = frames.reshape(batch, steps, *self.shape)
        if self.training and self.jitter and len(self.shape) == CROP:
            shaped = jittered(shaped, self.jitter)
        hidden = self.frames(shaped.flatten(0, 1)).view(batch, steps, -1)
        mask = valid_mask(lengths, steps)
        scores = self.salience(hidden)
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        pooled = (scores.softmax(1) * hidden).sum(1)
        return self.query(pooled)


def jittered(crops: Tensor, most: float) -> Tensor:
    """Scales and shifts crops (B, T_v, H, W) at random, all frames of an utterance alike.

    OpenCV's cascade, which finds faces in pictures, varies in the size of a crop (standard deviation .05, on drawn
    faces) and hardly in its place (.01 of the side).

    Args:
        crops: Greys.
        most: By how much at most: scales are 1 - `most` to 1 + `most`, shifts a fifth of that, in parts of the side.
    """
    batch, steps, height, width = crops.shape

    def at_random(*size: int) -> Tensor:
        return most * (2 * torch.rand(batch, *size, device=crops.device, dtype=crops.dtype) - 1)

    # Coordinates go from -1 to 1: the side is 2
    places = torch.zeros(batch, 2, 3, device=crops.device, dtype=crops.dtype)
    places[:, :, 2] = 2 * SHIFT * at_random(2)
    places[:, 0, 0] = places[:, 1, 1] = 1 + at_random()
    grid = affine_grid(places, [batch, steps, height, width], align_corners=False)
    return grid_sample(crops, grid, padding_mode="border", align_corners=False)


class Standardized(nn.Module):
    """Gives each crop (N, H, W) a mean of 0 and a variance of 1: neither light nor contrast is an expression."""

    def forward(self, crops: Tensor) -> Tensor:
        centred = crops - crops.mean((1, 2), keepdim=True)
        return centred / (centred.square().mean((1, 2), keepdim=True).sqrt() + FLAT)


def _crop_encoder(shape: tuple[int, ...], channels: int, dropout: float) -> nn.Sequential:
    """Builds three convolutions of stride 2, and a layer that reads every place: where a brow is tells the emotion."""
    widths = (1, channels // 4 or 1, channels // 2 or 1, channels)
    layers: list[nn.Module] = [Standardized(), nn.Unflatten(1, (1, shape[0]))]
    for width, wider in pairwise(widths):
        layers += [nn.Conv2d(width, wider, kernel_size=3, stride=2, padding=1)]
        layers += [nn.GroupNorm(gcd(GROUPS, wider), wider), nn.ReLU()]
    places = _halved(shape[0]) * _halved(shape[1])
    layers += [nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels * places, channels), nn.ReLU()]
    return nn.Sequential(*layers)


def _halved(size: int) -> int:
    """Counts the places that three convolutions of stride 2 leave of `size`."""
    for _ in range(3):
        size = (size + 1) // 2
    return size
