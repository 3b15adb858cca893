"""The few dataclasses that the parts of the model hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

VECTORS = frozenset({"speaker", "style"})
"""Taps that are one vector an utterance; the others are sequences."""


@dataclass
class Tap:
    """What a head hears.

    Attributes:
        values: (B, T, D) with `lengths`, or one vector an utterance, (B, D).
        lengths: Valid steps of `values`, (B,); None for vectors. Steps beyond are padding.
        real: The natural counterpart of predicted `values`, of the same shape: a head learns on it and,
            held fixed, judges `values`. None where `values` are not a prediction.
        table: Rows of the style table (K, D), without gradient, where the tap is a reference embedding that attends to
            them.
        held: Gradients, by task, that `values` collect apart in the backward pass
            (`espnet_mtl.model.weighting.junction`).
    """

    values: Tensor
    lengths: Tensor | None = None
    real: Tensor | None = None
    table: Tensor | None = None
    held: dict[str, Tensor] = field(default_factory=dict)

    def attention(self) -> Tensor:
        """Scores over the rows of the style table (B, K)."""
        assert self.table is not None
        return self.values @ self.table.T

    def valid_elements(self) -> Tensor:
        """Counts the elements of `values` that are not padding (a scalar tensor)."""
        if self.lengths is None:
            return torch.tensor(self.values.numel(), device=self.values.device)
        return self.lengths.sum() * self.values.size(-1)


@dataclass
class BackboneOutput:
    """What a backbone returns in training.

    Attributes:
        losses: Parts of the TTS loss by name, scalars; their sum is ESPnet's loss.
        stats: Parts of the loss and other figures to report.
        taps: The taps `encoder`, `shared`, `mel` and, where there are several speakers, `speaker`, where the backbone
            predicts it, `prosody`.
    """

    losses: dict[str, Tensor]
    stats: dict[str, float]
    taps: dict[str, Tap]


def valid_mask(lengths: Tensor, size: int) -> Tensor:
    """Marks the steps that are not padding: (B, size, 1), bool."""
    return (torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)).unsqueeze(-1)
