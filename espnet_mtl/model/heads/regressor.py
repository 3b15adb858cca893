"""Regression of continuous labels: valence and arousal, speaking rate, intonation, energy."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from espnet_mtl.model.heads.base import Head
from espnet_mtl.model.heads.options import RegressorOptions
from espnet_mtl.model.layers import ConvPool, masked_mean, perceptron
from espnet_mtl.model.taps import VECTORS, Tap


class Regressor(Head):
    """Huber loss against the values of a label; values that are not known (NaN) do not count.

    The labels are in standard deviations from the mean of the training set (`espnet_mtl.data.continuous`), so that an
    error of 1 is as large in each.

    Args:
        dim: Features of the tap.
        classes: Number D of the label's numbers.
        options: Values of `Options`.
    """

    Options = RegressorOptions
    options: RegressorOptions

    def __init__(self, dim: int, classes: int, **options):
        super().__init__(**options)
        self.classes = classes
        if self.options.additive:
            self.output: nn.Linear | nn.Sequential = nn.Linear(dim, classes)
            return
        channels, layers, dropout = self.options.channels, self.options.layers, self.options.dropout
        if self.tap not in VECTORS:
            self.pool = ConvPool(dim, channels, layers, dropout=dropout)
            dim = self.pool.out_dim
        self.output = perceptron(dim, channels, classes, dropout)

    def forward(self, tap: Tap) -> Tensor:
        """Predicts the values: (B, D)."""
        if tap.lengths is None:
            return self.output(tap.values)
        if self.options.additive:
            return self.output(masked_mean(tap.values, tap.lengths))
        return self.output(self.pool(tap.values, tap.lengths))

    def criterion(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean Huber loss and mean absolute error over the values that are known.

        Args:
            prediction: Values (B, D).
            target: Values (B, D), NaN where unknown; whole numbers: none is known.
        """
        if not target.is_floating_point():
            target = prediction.new_full(prediction.shape, torch.nan)
        mask = target.isfinite()
        errors = (prediction.float() - torch.where(mask, target, 0.0)) * mask
        count = mask.sum().clamp(min=1)
        loss = functional.huber_loss(errors, torch.zeros_like(errors), reduction="sum") / count
        return loss, {"mae": errors.detach().abs().sum() / count}
