"""Independence of a label, without an adversary."""

from __future__ import annotations

import torch
from torch import Tensor

from espnet_mtl.model.heads.base import Head
from espnet_mtl.model.heads.options import IndependenceOptions
from espnet_mtl.model.layers import masked_mean
from espnet_mtl.model.taps import Tap
from espnet_mtl.model.targets import known, soft_target


class Independence(Head):
    """Makes a tap orthogonal to a label: no linear function of the tap may tell the classes of a batch apart.

    The loss is the centred kernel alignment of the tap, its mean over time X (B, D), and the labels Y (B, K), both less
    their mean over the batch: ‖Xᵀ Y‖² / (‖Xᵀ X‖ ‖Yᵀ Y‖), 0 to 1 (Kornblith et al. 2019, ICML, section 3). It has no
    weights that a network could outrun, so that it is tamer than a reversed classifier, and weaker.

    Args:
        dim: Features of the tap.
        classes: Number of classes K.
        options: Values of `Options`.
    """

    Options = IndependenceOptions

    def __init__(self, dim: int, classes: int, **options):
        super().__init__(**options)
        self.classes = classes

    def forward(self, tap: Tap) -> Tensor:
        """Averages the tap over time: (B, D)."""
        if tap.lengths is None:
            return tap.values
        return masked_mean(tap.values, tap.lengths)

    def criterion(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Centred kernel alignment over the utterances whose label is known; 0 where they are all of one class.

        Args:
            prediction: Vectors (B, D).
            target: Class ids (B,) or (B, 1), -1 where unknown, or soft labels (B, K), rows of -1 where unknown.
        """
        labels = soft_target(target, self.classes)
        mask = known(labels).unsqueeze(-1)
        with torch.autocast(prediction.device.type, enabled=False):  # the sums of squares are too large for float16
            values = _centred(prediction.float(), mask)
            labels = _centred(labels.float(), mask)
            size = (values.T @ values).norm() * (labels.T @ labels).norm()
            alignment = (values.T @ labels).square().sum() / size.clamp(min=1e-12)
        return alignment, {}


def _centred(rows: Tensor, mask: Tensor) -> Tensor:
    """Rows less their mean, over those that the mask keeps; the others 0."""
    rows = torch.where(mask, rows, 0.0)
    return (rows - rows.sum(0) / mask.sum().clamp(min=1)) * mask
