"""A discriminator: does the network's speech look like real speech of this label?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from espnet_mtl.model.heads.base import Head
from espnet_mtl.model.heads.options import DiscriminatorOptions
from espnet_mtl.model.layers import in_single_precision
from espnet_mtl.model.taps import Tap, valid_mask
from espnet_mtl.model.targets import soft_target


@dataclass
class Window:
    """A stretch of each utterance of a batch.

    Attributes:
        lengths: Its steps that are not padding (B,).
        steps: Which steps these are (B, window, 1); None: all.
    """

    lengths: Tensor
    steps: Tensor | None = None

    def cut(self, values: Tensor, context: Tensor | None) -> Tap:
        """Cuts it out of values (B, T, D), and out of what they are predicted from (B, T, C)."""
        return Tap(self._part(values), self.lengths, context=None if context is None else self._part(context))

    def _part(self, values: Tensor) -> Tensor:
        return values if self.steps is None else values.gather(1, self.steps.expand(-1, -1, values.size(-1)))


@dataclass
class Reading:
    """What a discriminator makes of a batch.

    Attributes:
        plain: How real each step looks, whatever its label (B, T).
        by_class: What is added for speech of each class (B, T, K).
        features: Outputs of the convolutions (B, channels, T), 0 in the padding.
        mask: 1 for steps that are not padding, else 0 (B, T).
    """

    plain: Tensor
    by_class: Tensor
    features: list[Tensor]
    mask: Tensor

    def mean(self, values: Tensor) -> Tensor:
        """Averages a value per step (B, T) over the steps that are not padding."""
        mask = in_single_precision(self.mask)
        return (values * mask).sum() / mask.sum().clamp(min=1)


class Discriminator(Head):
    """Learns to tell predicted from real speech, and the network learns to be taken for real.

    Every step of the utterance is scored by what convolutions see around it, by least squares (Mao et al. 2017, ICCV,
    eq. 2). Scores depend on the label by projection (Miyato & Koyama 2018, ICLR, eq. 3), wᵀ V φ(x) + ψ(φ(x)), with
    weights w of a hard or soft label; utterances without one are scored by ψ alone. The size of an adversarial loss
    says nothing of how good the speech is, so that no weighting goes by it.

    Args:
        dim: Features of the tap.
        classes: Number of classes K; 0: the data have no such label.
        context_dim: Features of what the tap is predicted from (`Tap.context`), for a discriminator that sees it.
        options: Values of `Options`. Feature matching is the mean distance between the features of predicted and real
            speech (Larsen et al. 2016, ICML, eq. 6, absolute rather than squared).
    """

    Options = DiscriminatorOptions
    options: DiscriminatorOptions
    weighed_by_size = False

    def __init__(self, dim: int, classes: int, *, context_dim: int = 0, **options):
        super().__init__(**options)
        self.classes, self.sees_context = classes, context_dim > 0
        channels, kernel = self.options.channels, self.options.kernel
        sizes = [dim + context_dim] + [channels] * (self.options.layers - 1)
        self.convs = nn.ModuleList(nn.Conv1d(size, channels, kernel, padding=kernel // 2) for size in sizes)
        self.output = nn.Linear(channels, 1)
        self.projection = nn.Linear(channels, classes, bias=False) if classes else None

    def forward(self, tap: Tap) -> Reading:
        """Reads every step of a sequence."""
        assert tap.lengths is not None
        values = tap.values
        if self.sees_context:
            assert tap.context is not None
            values = torch.cat([values, tap.context], -1)
        mask = valid_mask(tap.lengths, values.size(1)).to(values.dtype)
        channels_first = mask.transpose(1, 2)
        hidden = (values * mask).transpose(1, 2)
        features = []
        for conv in self.convs:
            # What a convolution makes of padding would else come back into the utterance with the next one
            hidden = functional.leaky_relu(conv(hidden), 0.2) * channels_first
            features.append(hidden)
        steps = hidden.transpose(1, 2)
        by_class = steps[..., :0] if self.projection is None else self.projection(steps)
        return Reading(self.output(steps).squeeze(-1), by_class, features, mask.squeeze(-1))

    def class_parameters(self) -> tuple[str, ...]:
        """The matrix V."""
        return () if self.projection is None else ("projection.weight",)

    def learn(self, tap: Tap, target: Tensor) -> tuple[Tensor, dict[str, Tensor], tuple[Window, Reading]]:
        """Squared distance to 1 of the scores of real speech, and to 0 of those of predicted speech."""
        assert tap.lengths is not None
        assert tap.real is not None
        window = self._draw_window(tap.lengths, tap.real.size(1))
        real = self(window.cut(tap.real.detach(), tap.context))
        on_real = self.scores(real, target)
        on_fake = self.scores(self(window.cut(tap.values.detach(), tap.context)), target)
        loss = real.mean((on_real - 1).square() + on_fake.square())
        figures = {"d": loss, "real": real.mean(on_real), "fake": real.mean(on_fake)}
        return loss, {name: value.detach() for name, value in figures.items()}, (window, real)

    def judge(
        self,
        predict: Callable[[Tap], Reading],
        tap: Tap,
        target: Tensor,
        learned: tuple[Window, Reading] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Adds feature matching to the criterion."""
        assert learned is not None
        window, real = learned
        fake = predict(window.cut(tap.values, tap.context))
        loss, figures = self.criterion(fake, target)
        if not self.options.fm:
            return loss, figures
        pairs = zip(fake.features, real.features, strict=True)
        distances = [in_single_precision(one - other.detach()).abs().mean(1) for one, other in pairs]
        matching = torch.stack([fake.mean(distance) for distance in distances]).mean()
        return loss + self.options.fm * matching, {**figures, "fm": matching.detach()}

    def criterion(self, prediction: Reading, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared distance of the scores to 1, those of real speech.

        Args:
            prediction: What the discriminator makes of predicted speech.
            target: Class ids (B,) or (B, 1), -1 where unknown, or soft labels (B, K), rows of -1 where unknown.
        """
        loss = prediction.mean((self.scores(prediction, target) - 1).square())
        return loss, {"g": loss.detach()}

    def scores(self, reading: Reading, target: Tensor) -> Tensor:
        """Scores each step (B, T) as speech of its label; see `criterion`."""
        if not self.classes:
            return reading.plain.float()
        weights = soft_target(target, self.classes).clamp(min=0).to(reading.by_class.dtype)
        return (reading.plain + (reading.by_class @ weights.unsqueeze(-1)).squeeze(-1)).float()

    def _draw_window(self, lengths: Tensor, size: int) -> Window:
        """Draws a random window of each utterance, in training, where windows are asked for."""
        width = self.options.window
        if not self.training or width is None or width >= size:
            return Window(lengths)
        room = (lengths - width).clamp(min=0)
        starts = (torch.rand(len(room), device=room.device) * (room + 1)).long()
        steps = starts.unsqueeze(1) + torch.arange(width, device=room.device)
        return Window(lengths.clamp(max=width), steps.unsqueeze(-1))
