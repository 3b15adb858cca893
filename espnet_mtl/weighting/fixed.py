"""Constant task weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from espnet_mtl.weighting.base import Weighting


class Fixed(Weighting):
    """L = Σ_k λ_k · ℓ_k with the λ_k of the config."""

    def __init__(self, preferences: Mapping[str, float]):
        super().__init__(preferences)

    def forward(self, losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Sums the weighted losses."""
        total = torch.stack([self.preferences[name] * loss for name, loss in losses.items()]).sum()
        return total, {name: self.preferences[name] for name in losses}
