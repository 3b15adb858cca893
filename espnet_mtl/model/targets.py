"""Labels as targets: class ids or soft weights, some unknown."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def soft_target(target: Tensor, classes: int) -> Tensor:
    """Turns class ids (B,) or (B, 1), -1 where unknown, into weights (B, K) with rows of -1; weights stay."""
    if target.is_floating_point():
        return target
    target = target.view(-1)
    hot = functional.one_hot(target.clamp(min=0), classes).float()
    return torch.where((target >= 0).unsqueeze(-1), hot, -1.0)


def known(target: Tensor) -> Tensor:
    """Marks the utterances that have a label: weights (B, K) with rows of -1 where unknown -> (B,), bool."""
    return target[:, 0] >= 0
