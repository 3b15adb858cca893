"""Emotion weights and the style vector: w · E, from labels or from a reference recording."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from espnet_mtl.model.layers import ConvPool
from espnet_mtl.model.taps import Tap
from espnet_mtl.model.targets import known, soft_target


class ReferenceEncoder(nn.Module):
    """Embeds a recording in a vector: the query of the attention over the style table.

    Args:
        odim: Mel channels.
        dim: Size of the query.
        channels: Channels of the convolutions.
    """

    def __init__(self, odim: int, dim: int, channels: int):
        super().__init__()
        self.body = ConvPool(odim, channels)
        self.query = nn.Linear(self.body.out_dim, dim)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """Maps (B, T, odim) with lengths (B,) to (B, dim)."""
        return self.query(self.body(feats, lengths))


class Style(nn.Module):
    """Table E of styles, a reference encoder that attends over its rows, and their mixture w · E.

    The posterior of the reference encoder is softmax(q · Eᵀ), q its query; the rows of E start at unit length. The
    emotion loss is cross-entropy on it, and it stands in for w where an utterance has no label (labelled emotion
    tokens: Wu et al. 2021, arXiv 2110.04153). That loss trains the encoder to find the rows, not the rows to be found
    (their gradient is cut there): where it moved them, the pitch loss of the demo rose from 0.06 to 0.09.

    Args:
        num_styles: Rows K of the table.
        odim: Mel channels that the reference encoder reads.
        adim: Size of the vectors that the style is added to.
        dim: Size D of a row; None: `adim`.
        reference: Whether there is a reference encoder.
        channels: Channels of the reference encoder's convolutions.
        hard: Whether the likeliest style alone stands in for a label that is missing: a bottleneck that lets log2 K
            bits of a recording pass.
    """

    def __init__(
        self,
        num_styles: int,
        odim: int,
        adim: int,
        dim: int | None = None,
        reference: bool = True,
        channels: int = 64,
        hard: bool = False,
    ):
        super().__init__()
        dim = dim or adim
        self.hard = hard and reference
        self.table = nn.Parameter(torch.randn(num_styles, dim) * dim**-0.5)
        self.project = nn.Identity() if dim == adim else nn.Linear(dim, adim, bias=False)
        self.reference = ReferenceEncoder(odim, dim, channels) if reference else None

    def forward(self, feats: Tensor, lengths: Tensor, target: Tensor) -> tuple[Tensor, Tap | None]:
        """Finds each utterance's style.

        Args:
            feats: Normalized log-mel (B, T, odim).
            lengths: Frames (B,).
            target: Style weights (B, K) from the labels, or class ids (B, 1); -1 where unknown.

        Returns:
            The style vectors (B, adim), and the tap `style` (None without a reference encoder).
        """
        tap, logits = None, feats.new_zeros(len(feats), len(self.table))
        if self.reference is not None:
            query = self.reference(feats, lengths)
            tap = Tap(query, table=self.table.detach())
            logits = tap.attention()
        target = soft_target(target, len(self.table)).to(logits.dtype)
        weights = torch.where(known(target).unsqueeze(-1), target, self.carried(logits))
        return self.mix(weights), tap

    def carried(self, logits: Tensor) -> Tensor:
        """Style weights (B, K) that a recording goes on with: the posterior, or its likeliest style.

        The gradient is the posterior's in both cases (straight-through: Bengio et al. 2013, arXiv 1308.3432).
        """
        posterior = logits.softmax(-1)
        if not self.hard:
            return posterior
        likeliest = one_hot(posterior.argmax(-1), posterior.size(-1)).to(posterior.dtype)
        return likeliest + posterior - posterior.detach()

    def mix(self, weights: Tensor) -> Tensor:
        """Mixes the rows of the table: (B, K) -> (B, adim), or (B, T_text, K) -> (B, T_text, adim)."""
        return self.project(weights.to(self.table.dtype) @ self.table)
