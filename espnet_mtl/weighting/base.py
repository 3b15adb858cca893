"""The contract of a weighting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn


class Weighting(nn.Module, ABC):
    """Combines task losses ℓ_k into one, L = Σ_k λ_k · ℓ_k.

    Args:
        preferences: The user's λ_k per task, on top of which every method works.
    """

    def __init__(self, preferences: Mapping[str, float]):
        super().__init__()
        self.preferences = dict(preferences)

    @abstractmethod
    def forward(self, losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Returns the scalar loss L and the weight that each task had in it."""
