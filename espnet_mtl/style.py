"""Emotion weights and the style vector: w · E, from labels or from a reference recording."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet_mtl.layers import ConvPool
from espnet_mtl.types import Tap


def known(target: Tensor) -> Tensor:
    """Marks the utterances that have a label: (B, K) weights with -1 for an unknown label -> (B,), bool."""
    return target[:, 0] >= 0


class Style(nn.Module):
    """Table E of styles, a reference encoder that attends over its rows, and their mixture w · E.

    The posterior of the reference encoder is softmax(q · Eᵀ), the rows of E of unit length at the start,: the emotion loss is cross-entropy on it, and it
    stands in for w where an utterance has no label (labelled emotion tokens: Wu et al. 2021, arXiv 2110.04153).

    Args:
        num_styles: Rows K of the table.
        odim: Mel channels that the reference encoder reads.
        adim: Size of the vectors that the style is added to.
        dim: Size D of a row; None: `adim`.
        reference: Whether there is a reference encoder.
        channels: Channels of the reference encoder's convolutions.
    """

    def __init__(
        self, num_styles: int, odim: int, adim: int, dim: int | None = None, reference: bool = True, channels: int = 64
    ):
        super().__init__()
        dim = dim or adim
        self.table = nn.Parameter(torch.randn(num_styles, dim) * dim**-0.5)
        self.project = nn.Identity() if dim == adim else nn.Linear(dim, adim, bias=False)
        self.reference = ConvPool(odim, channels, layers=3) if reference else None
        self.query = nn.Linear(self.reference.out_dim, dim) if self.reference else None

    def forward(self, feats: Tensor, lengths: Tensor, target: Tensor | None) -> tuple[Tensor, Tap | None]:
        """Finds each utterance's style.

        Args:
            feats: Normalized log-mel (B, T, odim).
            lengths: Frames (B,).
            target: Style weights from the labels (B, K), rows of -1 where unknown; None: none is known.

        Returns:
            The style vectors (B, adim), and the tap `style` (None without a reference encoder).
        """
        tap = self.attend(feats, lengths) if self.reference is not None else None
        if target is None:
            target = feats.new_full((len(feats), len(self.table)), -1.0)
        unlabelled = tap.logits.softmax(-1) if tap else torch.full_like(target, 1 / len(self.table))
        weights = torch.where(known(target).unsqueeze(-1), target.to(unlabelled.dtype), unlabelled)
        return self.mix(weights), tap

    def attend(self, feats: Tensor, lengths: Tensor) -> Tap:
        """Embeds reference recordings: (B, T, odim) -> tap with values (B, D) and logits (B, K)."""
        query = self.query(self.reference(feats, lengths))
        return Tap(query, logits=query @ self.table.T)

    def mix(self, weights: Tensor) -> Tensor:
        """Mixes the rows of the table: (B, K) -> (B, adim), or (B, T_text, K) -> (B, T_text, adim)."""
        return self.project(weights.to(self.table.dtype) @ self.table)
