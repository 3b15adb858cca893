"""What the parts of the model hand to each other: taps, and the output of a backbone."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

RECORDING, VISUAL = "style", "visual"
"""Taps that are reference embeddings: of the recording, and of the face."""
VECTORS = frozenset({"speaker", RECORDING, VISUAL})
"""Taps that are one vector an utterance; the others are sequences."""


@dataclass
class Tap:
    """A tensor of the network that a head reads.

    Attributes:
        values: (B, T, D) with `lengths`, or one vector an utterance, (B, D).
        lengths: Valid steps of `values`, (B,); None for vectors. Steps beyond are padding.
        real: The natural counterpart of predicted `values`, of the same shape: a head learns on it and,
            held fixed, judges `values`. None where `values` are not a prediction.
        context: What predicted `values` are predicted from, step by step (B, T, C), without gradient; None where it has
            other steps.
        table: Rows of the style table (K, D), without gradient, where the tap is a reference embedding that attends to
            them.
        present: Utterances that have what the tap is of (B,), bool; None: all.
        partner: Another tap of the same utterances, for a head that compares two.
        branch_grads: Gradients, by task, that the branches of `values` collect in the backward pass
            (`espnet_mtl.model.gradients.branch`).
    """

    values: Tensor
    lengths: Tensor | None = None
    real: Tensor | None = None
    context: Tensor | None = None
    table: Tensor | None = None
    present: Tensor | None = None
    partner: Tap | None = None
    branch_grads: dict[str, Tensor] = field(default_factory=dict)

    def attention(self) -> Tensor:
        """Scores over the rows of the style table (B, K)."""
        assert self.table is not None
        return self.values @ self.table.T

    def valid_rows(self) -> Tensor:
        """Marks the utterances that have what the tap is of: (B,), bool."""
        if self.present is None:
            return torch.ones(len(self.values), dtype=torch.bool, device=self.values.device)
        return self.present

    def valid_elements(self) -> Tensor:
        """Counts the elements of `values` that are not padding (a scalar tensor)."""
        if self.lengths is None:
            return torch.full((), self.values.numel(), device=self.values.device)
        return self.lengths.sum() * self.values.size(-1)


@dataclass
class BackboneOutput:
    """What a backbone returns in training.

    Attributes:
        losses: Parts of the TTS loss by name, scalars; their sum is ESPnet's loss.
        stats: Parts of the loss and other figures to report.
        taps: The taps `encoder`, `shared`, `mel` and, where there are several speakers, `speaker`, where the backbone
            predicts it, `prosody`.
        attention: Attention weights (B, decoder steps, T_text + 1), without gradient; None where the backbone has none.
    """

    losses: dict[str, Tensor]
    stats: dict[str, float | Tensor]
    taps: dict[str, Tap]
    attention: Tensor | None = None

    def task_losses(self, split: bool) -> dict[str, Tensor]:
        """Returns the losses by task: `tts_<part>` where the parts are tasks of their own, else their sum, `tts`."""
        if split:
            return {f"tts_{part}": loss for part, loss in self.losses.items()}
        return {"tts": torch.stack([loss.float() for loss in self.losses.values()]).sum()}


def valid_mask(lengths: Tensor, size: int) -> Tensor:
    """Marks the steps that are not padding: (B, size, 1), bool."""
    return (torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)).unsqueeze(-1)
