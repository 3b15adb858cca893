"""Labels as targets: class ids or soft weights, some unknown."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from espnet_mtl.labels import CLASS_LABELS, UNKNOWN
from espnet_mtl.model.taps import Tap


def soft_target(target: Tensor, classes: int) -> Tensor:
    """Turns class ids (B,) or (B, 1), -1 where unknown, into weights (B, K) with rows of -1; weights stay."""
    if target.is_floating_point():
        return target
    target = target.view(-1)
    hot = functional.one_hot(target.clamp(min=0), classes).float()
    return torch.where((target >= 0).unsqueeze(-1), hot, -1.0)


def visible(target: Tensor, label: str, tap: Tap) -> Tensor:
    """Hides the labels of utterances that a tap has nothing of: they are unknown to a head that reads it.

    Args:
        target: The label `label` of each utterance (B, 1), (B, K) or (B, D).
        label: Its name.
        tap: What the head reads.
    """
    if tap.present is None:
        return target
    # An unknown number is NaN, but a batch without any is whole numbers
    numbers = target.is_floating_point() and label not in CLASS_LABELS
    hidden = torch.nan if numbers else UNKNOWN
    return torch.where(tap.present.unsqueeze(-1), target, hidden)


def known(target: Tensor) -> Tensor:
    """Marks the utterances that have a label: weights (B, K) with rows of -1 where unknown -> (B,), bool."""
    return target[:, 0] >= 0
