"""The style vector w · E: style weights w from labels, recordings or faces, and the table E whose rows they mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from espnet_mtl.model.style.options import StyleOptions
from espnet_mtl.model.style.reference import ReferenceEncoder, conditioning_weights
from espnet_mtl.model.style.visual import VisualEncoder
from espnet_mtl.model.taps import RECORDING, VISUAL, Tap
from espnet_mtl.model.targets import known, soft_target


@dataclass
class Styled:
    """The styles of a batch.

    Attributes:
        vectors: Style vectors (B, adim).
        taps: The taps `style` and `visual`, as far as there are encoders of recordings and of faces.
        stats: Figures to report: where the style weights are from.
    """

    vectors: Tensor
    taps: dict[str, Tap]
    stats: dict[str, Tensor]


class Style(nn.Module):
    """Table E of styles, encoders of recordings and of faces that attend over its rows, and their mixture w · E.

    The posterior of an encoder is softmax(q · Eᵀ), q its query; the rows of E start at unit length. The emotion loss is
    cross-entropy on it, and it stands in for w where an utterance has no label (labelled emotion tokens: Wu et al.
    2021, arXiv 2110.04153). That loss trains the encoder to find the rows, not the rows to be found (their gradient is
    cut there): where it moved them, the pitch loss of the demo rose from 0.06 to 0.09.

    With both encoders, an utterance without a label gets the mean of its posteriors, weighted by how far each is to be
    trusted, which is learned; an utterance without a face has only one.

    Args:
        num_styles: Rows K of the table.
        odim: Mel channels that the reference encoder reads.
        adim: Size of the vectors that the style is added to.
        visual_shape: Shape of a frame of a face, (D,) or (H, W), for a visual encoder.
        options: Values of `StyleOptions`. With `hard`, a bottleneck lets log2 K bits of a recording or a face pass.

    Raises:
        ValueError: An unknown option, or a value that an option does not take.
    """

    def __init__(self, num_styles: int, odim: int, adim: int, visual_shape: Sequence[int] | None = None, **options):
        super().__init__()
        self.options = StyleOptions(**options)
        dim = self.options.dim or adim
        self.table = nn.Parameter(torch.randn(num_styles, dim) * dim**-0.5)
        self.project = nn.Identity() if dim == adim else nn.Linear(dim, adim, bias=False)
        self.reference = ReferenceEncoder(odim, dim, self.options.channels) if self.options.reference else None
        self.visual: VisualEncoder | None = None
        if self.options.visual is not None:
            if visual_shape is None:
                raise ValueError("visual: the data have no faces")
            self.visual = VisualEncoder(visual_shape, dim, self.options.visual)
        both = self.reference is not None and self.visual is not None
        self.trust = nn.Parameter(torch.zeros(2)) if both else None

    def forward(
        self,
        feats: Tensor,
        lengths: Tensor,
        target: Tensor,
        visual: Tensor | None = None,
        visual_lengths: Tensor | None = None,
    ) -> Styled:
        """Finds each utterance's style.

        Args:
            feats: Normalized log-mel (B, T, odim).
            lengths: Frames (B,).
            target: Style weights (B, K) from the labels, or class ids (B, 1); -1 where unknown.
            visual: Frames of faces (B, T_v, D), NaN throughout where there is none; None: there are none at all.
            visual_lengths: Frames (B,).
        """
        taps = {}
        recording = self.reference_tap(feats, lengths)
        if recording is not None:
            taps[RECORDING] = recording
        if self.visual is not None:
            taps[VISUAL] = self.visual_tap(*_frames(self.visual, feats, visual, visual_lengths))
        weights, trust = self._weights_without_label(taps, feats)
        from_label = soft_target(target, len(self.table)).to(weights.dtype)
        labelled = known(from_label).unsqueeze(-1)
        weights = torch.where(labelled, from_label, weights)
        stats = _sources(labelled, trust) if self.visual is not None else {}
        return Styled(self.mix(weights), taps, stats)

    def _weights_without_label(self, taps: Mapping[str, Tap], feats: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns style weights (B, K) by the encoders, and by tap how far each is trusted, (B, 1)."""
        count = len(feats)
        trust = self.trusted(taps, count)
        # Without an encoder, or a face where there is no other, all styles are equally likely
        rest = feats.new_ones(count, 1)
        weights = feats.new_zeros(count, len(self.table))
        for name, tap in taps.items():
            weights = weights + trust[name] * self.conditioning_weights(tap.attention())
            rest = rest - trust[name]
        return weights + rest * self.uniform(), trust

    def trusted(self, taps: Mapping[str, Tap], count: int) -> dict[str, Tensor]:
        """Says how far each encoder is trusted: by tap, (B, 1), at most 1 together; 0 where it has nothing to encode.

        In training, some of the utterances that have both do without one of them (`VisualOptions.drop`).

        Args:
            taps: The taps of the encoders.
            count: B.
        """
        present = {}
        for name, tap in taps.items():
            present[name] = tap.valid_rows().float().unsqueeze(1)
        if self.trust is None or len(taps) < 2:
            return present
        if self.training:
            recording, face = self._dropped(present[RECORDING] * present[VISUAL])
            present = {RECORDING: present[RECORDING] * ~recording, VISUAL: present[VISUAL] * ~face}
        amounts = dict(zip((RECORDING, VISUAL), self.trust.softmax(0), strict=True))
        total = sum(present[name] * amounts[name] for name in present)
        return {name: present[name] * amounts[name] / total.clamp(min=1e-6) for name in present}

    def _dropped(self, both: Tensor) -> tuple[Tensor, Tensor]:
        """Draws who goes without the recording, and who without the face: two (B, 1), bool."""
        assert self.options.visual is not None
        share = self.options.visual.drop
        draw = torch.rand_like(both)
        return (both > 0) & (draw < share), (both > 0) & (draw > 1 - share)

    def reference_tap(self, feats: Tensor, lengths: Tensor) -> Tap | None:
        """Embeds recordings (B, T, odim) with lengths (B,); None without a reference encoder."""
        if self.reference is None:
            return None
        return Tap(self.reference(feats, lengths), table=self.table.detach())

    def visual_tap(self, frames: Tensor, lengths: Tensor) -> Tap:
        """Embeds faces (B, T_v, D) with lengths (B,), NaN throughout where there is none."""
        assert self.visual is not None
        present = ~frames[:, 0, 0].isnan()
        values = self.visual(frames.nan_to_num(), lengths)
        return Tap(values, table=self.table.detach(), present=present)

    def conditioning_weights(self, logits: Tensor) -> Tensor:
        """Style weights (B, K) that a recording or a face conditions the network with, from scores (B, K)."""
        return conditioning_weights(logits, self.options.hard)

    def uniform(self) -> Tensor:
        """Style weights (K,) of the mean style."""
        return self.table.new_full((len(self.table),), 1 / len(self.table))

    def mix(self, weights: Tensor) -> Tensor:
        """Mixes the rows of the table: (B, K) -> (B, adim), or (B, T_text, K) -> (B, T_text, adim)."""
        return self.project(weights.to(self.table.dtype) @ self.table)


def _frames(
    encoder: VisualEncoder, feats: Tensor, visual: Tensor | None, lengths: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Returns frames (B, T_v, D) and lengths (B,) as given, or, where a batch has none, one frame of NaN each."""
    if visual is not None and lengths is not None:
        return visual, lengths
    return feats.new_full((len(feats), 1, prod(encoder.shape)), torch.nan), feats.new_ones(len(feats), dtype=torch.long)


def _sources(labelled: Tensor, trust: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the shares of a batch's styles that labels, recordings and faces decide."""
    unlabelled = ~labelled
    shares = {"style_by_label": labelled.float().mean()}
    names = {RECORDING: "style_by_recording", VISUAL: "style_by_face"}
    for tap, amount in trust.items():
        shares[names[tap]] = (unlabelled * amount.detach()).mean()
    return shares
