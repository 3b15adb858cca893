"""The few dataclasses that the parts of the model hand to each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Tap:
    """What a head hears.

    Attributes:
        values: (B, T, D) with `lengths`, or one vector an utterance, (B, D).
        lengths: Valid steps of `values`, (B,); None for vectors. Steps beyond are padding.
        real: The natural counterpart of predicted `values`, of the same shape: a head learns on it and,
            held fixed, judges `values`. None where `values` are not a prediction.
        logits: (B, K) scores over the rows of the style table, where the tap is a reference embedding.
    """

    values: Tensor
    lengths: Tensor | None = None
    real: Tensor | None = None
    logits: Tensor | None = None

    def valid_elements(self) -> Tensor:
        """Counts the elements of `values` that are not padding (a scalar tensor)."""
        if self.lengths is None:
            return torch.tensor(self.values.numel(), device=self.values.device)
        return self.lengths.sum() * self.values.size(-1)


@dataclass
class BackboneOutput:
    """What a backbone returns in training.

    Attributes:
        loss: The TTS loss, a scalar.
        stats: Parts of the loss and other figures to report.
        taps: The taps `encoder`, `shared`, `mel` and, where the backbone predicts it, `prosody`.
    """

    loss: Tensor
    stats: dict[str, float]
    taps: dict[str, Tap]


def valid_mask(lengths: Tensor, size: int) -> Tensor:
    """Marks the steps that are not padding: (B, size, 1), bool."""
    return (torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)).unsqueeze(-1)
