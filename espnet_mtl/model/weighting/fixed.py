"""Constant task weights."""

from __future__ import annotations

from collections.abc import Mapping

from espnet_mtl.model.weighting.base import Weighting


class Fixed(Weighting):
    """L = Σ_k λ_k · ℓ_k with the λ_k of the config."""

    def __init__(self, preferences: Mapping[str, float]):
        super().__init__(preferences)
