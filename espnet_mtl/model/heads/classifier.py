"""Classification of a label: emotion, speaker, language."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet_mtl.model.heads.base import Head
from espnet_mtl.model.heads.options import ClassifierOptions
from espnet_mtl.model.layers import ConvPool, perceptron
from espnet_mtl.model.taps import VECTORS, Tap
from espnet_mtl.model.targets import known, soft_target


class Classifier(Head):
    """Cross-entropy against hard or soft labels; utterances without a label (-1) do not count.

    On a vector it is a perceptron; on a sequence a small convolutional network with statistics pooling, or, without
    convolutions, a perceptron on the mean and spread of each feature over the utterance. On a spectrogram the latter
    reads the colour of the voice and no texture that listeners would miss, and so does the gradient it sends. Where
    the tap is a reference embedding that attends over the very classes (`attention`), the attention is the classifier
    and the head has no weights of its own.

    Args:
        dim: Features of the tap.
        classes: Number of classes K.
        attention: Whether the tap's own attention over the style table is the prediction.
        options: Values of `Options`. A classifier that must see through `noise` reads what listeners would, and so do
            its gradients (Kaur, Cohen & Lipton 2019, arXiv 1910.08640).
    """

    Options = ClassifierOptions
    options: ClassifierOptions

    def __init__(self, dim: int, classes: int, *, attention: bool = False, **options):
        super().__init__(**options)
        self.classes, self.attention = classes, attention
        self.noise = self.options.noise
        if attention:
            return
        channels, layers, dropout = self.options.channels, self.options.layers, self.options.dropout
        self.pool = None if self.tap in VECTORS else ConvPool(dim, channels, layers, dropout=dropout)
        size = self.pool.out_dim if self.pool else dim
        if self.pool is not None and layers > 0:
            self.output: nn.Linear | nn.Sequential = nn.Linear(size, classes)
        else:
            self.output = perceptron(size, channels, classes, dropout)

    def forward(self, tap: Tap) -> Tensor:
        """Scores the classes: (B, K)."""
        if self.attention:
            return tap.attention()
        values = tap.values
        if self.training and self.noise:
            values = values + self.noise * torch.randn_like(values)
        return self.output(values if self.pool is None else self.pool(values, tap.lengths))

    def class_parameters(self) -> tuple[str, ...]:
        """Weight and bias of the last layer."""
        if self.attention:
            return ()
        last = "output" if isinstance(self.output, nn.Linear) else f"output.{len(self.output) - 1}"
        return f"{last}.weight", f"{last}.bias"

    def criterion(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean cross-entropy and accuracy over the utterances whose label is known.

        Args:
            prediction: Scores (B, K).
            target: Class ids (B,) or (B, 1), -1 where unknown, or soft labels (B, K), rows of -1 where unknown.
        """
        target = soft_target(target, self.classes)
        mask = known(target)
        count = mask.sum().clamp(min=1)
        losses = -(target.clamp(min=0) * prediction.float().log_softmax(-1)).sum(-1)
        right = (prediction.argmax(-1) == target.argmax(-1)) & mask
        return losses.mul(mask).sum() / count, {"acc": right.sum() / count}
