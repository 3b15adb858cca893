"""Classification of a label: emotion, speaker, language."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet_mtl.heads.base import Head
from espnet_mtl.layers import ConvPool
from espnet_mtl.targets import known, soft_target
from espnet_mtl.types import Tap


class Classifier(Head):
    """Cross-entropy against hard or soft labels; utterances without a label (-1) do not count.

    On a sequence it is a small convolutional network with statistics pooling, on a vector a perceptron. Where the
    tap is a reference embedding that attends over the very classes (`attention`), the attention is the classifier
    and the head has no weights of its own.

    Args:
        dim: Features of the tap.
        classes: Number of classes K.
        channels: Hidden units.
        dropout: Dropout in the hidden layers.
        noise: Standard deviation of noise on the tap in training. A classifier that must see through noise reads
            what listeners would, and so do its gradients (Kaur, Cohen & Lipton 2019, arXiv 1910.08640).
        attention: Whether the tap's own logits over the style table are the prediction.
        options: The options of every head (`Head`).
    """

    def __init__(
        self,
        dim: int,
        classes: int,
        channels: int = 32,
        dropout: float = 0.1,
        noise: float = 0.0,
        attention: bool = False,
        **options,
    ):
        super().__init__(**options)
        self.classes, self.noise, self.attention = classes, noise, attention
        if attention:
            return
        if self.tap == "style":
            self.body: nn.Module = nn.Sequential(nn.Linear(dim, channels), nn.ReLU(), nn.Dropout(dropout))
            self.output = nn.Linear(channels, classes)
        else:
            body = ConvPool(dim, channels, dropout=dropout)
            self.body, self.output = body, nn.Linear(body.out_dim, classes)

    def forward(self, tap: Tap) -> Tensor:
        """Scores the classes: (B, K)."""
        if self.attention and tap.logits is not None:
            return tap.logits
        values = tap.values + self.noise * torch.randn_like(tap.values) if self.training and self.noise else tap.values
        return self.output(self.body(values) if tap.lengths is None else self.body(values, tap.lengths))

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
