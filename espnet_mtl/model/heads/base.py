"""The contract of a task head."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.func import functional_call

from espnet_mtl.config.fields import options_of_constructor
from espnet_mtl.errors import UserError
from espnet_mtl.model.gradients import GradientCap, scale_gradient
from espnet_mtl.model.heads.options import HeadOptions
from espnet_mtl.model.taps import Tap

FIXED_ARGUMENTS = ("dim", "classes", "attention", "context_dim")
"""Arguments of a head's constructor that are no options: the model gives them."""


class Head(nn.Module, ABC):
    """Reads a label off a tap of the network.

    A subclass says how (`forward`) and what an error costs (`criterion`). Its constructor takes `dim`, the size of the
    tap's vectors, `classes`, the number of classes or numbers of the label, and options. Where the tap is a prediction
    that has a real counterpart (`Tap.real`), the head learns on the real one (`learn`) and judges the predicted one
    (`judge`) with its own weights held fixed: otherwise the network and its judge would agree on a code of their own.

    Args:
        options: Values of `Options`.

    Attributes:
        Options: The class of its options.
        weighed_by_size: Whether the size of its loss says how far the task is. Where it says nothing, as in a game
            against the network, weightings that go by losses leave the task at λ_k.
        options: Its options: label, tap, partner, weight, start, ramp, grad_cap, reversed, which are attributes, too,
            and those that a subclass adds. A gradient that a cap limits has a norm of at most ρ / √(valid elements);
            that of an L1 loss, the mean over the same elements, has one of 1 / √(elements).

    Raises:
        ValueError: An unknown option, or a value that an option does not take.
    """

    Options: ClassVar[type[HeadOptions]] = HeadOptions
    weighed_by_size: ClassVar[bool] = True

    def __init__(self, **options):
        super().__init__()
        self.options = self.Options(**options)
        self.label: str = self.options.label
        self.tap: str = self.options.tap
        self.weight: float = self.options.weight
        self.start: float = self.options.start
        self.ramp: float = self.options.ramp
        self.grad_cap: float | None = self.options.grad_cap
        self.reversed: bool = self.options.reversed
        self.partner: str | None = self.options.partner

    @classmethod
    def options_class(cls) -> type[HeadOptions]:
        """The options that a task with this head takes: `Options`, and further arguments of its constructors.

        Raises:
            UserError: `Options` is no class of options, or an argument has a name that options cannot have.
        """
        if not (isinstance(cls.Options, type) and issubclass(cls.Options, HeadOptions)):
            right = f"{HeadOptions.__module__}.{HeadOptions.__name__}"
            raise UserError(f"{cls.__module__}:{cls.__name__}: Options must be a subclass of {right}")
        return options_of_constructor(cls, cls.Options, fixed=FIXED_ARGUMENTS)

    @abstractmethod
    def forward(self, tap: Tap) -> Any:
        """Reads the label off `tap.values`."""

    @abstractmethod
    def criterion(self, prediction: Any, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Scores a prediction: a scalar loss (0 where no label is known) and figures to report."""

    def class_parameters(self) -> tuple[str, ...]:
        """Names the parameters that have a row for each class of the label, in the order of its names."""
        return ()

    def loss(self, tap: Tap, target: Tensor, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Computes the task's loss ℓ_k.

        Args:
            tap: What the head reads.
            target: The labels, as the subclass wants them.
            progress: How much of the training is done, 0 to 1.

        Returns:
            The loss and figures to report; those on real speech start with `real_`.
        """
        if tap.real is None:
            return self.act(self, tap, target, progress)
        loss, stats, learned = self.learn(tap, target)
        if not self.acts(progress):
            return loss, stats
        judged, judged_stats = self.act(self.frozen, tap, target, progress, learned)
        return loss + judged, {**stats, **judged_stats, "judged_loss": judged.detach()}

    def learn(self, tap: Tap, target: Tensor) -> tuple[Tensor, dict[str, Tensor], Any]:
        """Learns on the real counterpart of a prediction.

        Returns:
            The loss, figures, and what `judge` takes as `learned`.
        """
        assert tap.real is not None
        loss, figures = self.criterion(self(Tap(tap.real.detach(), tap.lengths)), target)
        stats = {f"real_{name}": value for name, value in figures.items()}
        return loss, {**stats, "real_loss": loss.detach()}, None

    def judge(
        self, predict: Callable[[Tap], Any], tap: Tap, target: Tensor, learned: Any = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Computes the loss that the network learns from, and figures.

        Args:
            predict: `forward`, or `frozen`.
            tap: What the head reads.
            target: As `loss` takes it.
            learned: What `learn` returned for it, where the head has learned on the real counterpart.
        """
        return self.criterion(predict(tap), target)

    def act(
        self, predict: Callable[[Tap], Any], tap: Tap, target: Tensor, progress: float, learned: Any = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Judges the tap so that the gradient reaches it: from `start` on, ramped, reversed and capped as asked."""
        if not self.acts(progress):
            return self.judge(predict, _with_values(tap, Tensor.detach), target, learned)
        share = min(1.0, (progress - self.start) / self.ramp) if self.ramp else 1.0
        tap = _with_values(tap, partial(scale_gradient, factor=-share if self.reversed else share))
        if self.grad_cap is None:
            return self.judge(predict, tap, target, learned)
        # The loss is multiplied with λ_k later, so that the limit is divided by it
        limit = self.grad_cap / max(self.weight, 1e-12) * tap.valid_elements().float().rsqrt()
        cap = GradientCap(limit)
        loss, stats = self.judge(predict, _with_values(tap, cap.open), target, learned)
        return cap.close(loss), stats

    def acts(self, progress: float) -> bool:
        """Tells whether the head acts on the network when so much of the training is done."""
        return progress >= self.start

    def frozen(self, tap: Tap) -> Any:
        """Predicts with weights that receive no gradient (copies, since autocast caches casts of the originals)."""
        return functional_call(self, {name: value.detach() for name, value in self.named_parameters()}, (tap,))


def _with_values(tap: Tap, change: Callable[[Tensor], Tensor]) -> Tap:
    """Returns a tap whose values, and those of its partner, go through a function that acts on their gradients."""
    partner = None if tap.partner is None else replace(tap.partner, values=change(tap.partner.values))
    return replace(tap, values=change(tap.values), partner=partner)
