"""Constant task weights."""

from __future__ import annotations

from espnet_mtl.model.weighting.base import Weighting


class Fixed(Weighting):
    """L = Σ_k λ_k · ℓ_k with the λ_k of the config."""
