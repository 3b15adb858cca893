"""Constant task weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from espnet_mtl.weighting.base import Weighting


class Fixed(Weighting):
    """L = Σ_k λ_k · ℓ_k with the λ_k of the config."""

    def __init__(self, preferences: Mapping[str, float]):
        super().__init__(preferences)

    def forward(self, losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Sums the weighted losses."""
        total = sum(self.preferences[name] * loss for name, loss in losses.items())
        return total, {name: self.preferences[name] for name in losses}
