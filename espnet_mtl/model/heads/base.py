"""The contract of a task head."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

from torch import Tensor, nn
from torch.func import functional_call

from espnet_mtl.config.fields import options_of_constructor
from espnet_mtl.model.gradients import GradientCap, scale_gradient
from espnet_mtl.model.heads.options import HeadOptions
from espnet_mtl.model.taps import Tap


class Head(nn.Module, ABC):
    """Reads a label off a tap of the network.

    A subclass says how (`forward`) and what an error costs (`criterion`). Where the tap is a prediction that has
    a real counterpart (`Tap.real`), the head learns on the real one and judges the predicted one with its own
    weights held fixed: otherwise the network and its judge would agree on a code of their own.

    Args:
        label: Name of the label, a key of `espnet_mtl.labels.LABELS`.
        tap: Where the head listens.
        weight: λ_k, the weight of this task in the loss.
        start: Fraction of training before which the head does not act on the network.
        ramp: Fraction of training, after `start`, over which its action grows linearly to all of it.
        grad_cap: ρ: the gradient that this task (λ_k included) sends into its tap has a norm of at most
            ρ / √(valid elements). An L1 loss that is a mean over the same elements has a norm of 1 / √(elements).
        reversed: Whether the representation must NOT carry the label (gradient reversal).
    """

    def __init__(
        self,
        label: str,
        tap: str,
        weight: float = 1.0,
        start: float = 0.0,
        ramp: float = 0.0,
        grad_cap: float | None = None,
        reversed: bool = False,
    ):
        super().__init__()
        self.label, self.tap, self.weight = label, tap, weight
        self.start, self.ramp, self.grad_cap, self.reversed = start, ramp, grad_cap, reversed

    @classmethod
    def options_class(cls) -> type[HeadOptions]:
        """The options that a task with this head takes."""
        return options_of_constructor(cls, HeadOptions, fixed=("dim", "classes", "attention"))

    @abstractmethod
    def forward(self, tap: Tap) -> Tensor:
        """Reads the label off `tap.values`."""

    @abstractmethod
    def criterion(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Scores a prediction: a scalar loss (0 where no label is known) and figures to report."""

    def class_parameters(self) -> tuple[str, ...]:
        """Names the parameters that have a row for each class of the label, in the order of its names."""
        return ()

    def loss(self, tap: Tap, target: Tensor, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Computes the task's loss ℓ_k.

        Args:
            tap: What the head hears.
            target: The labels, as the subclass wants them.
            progress: How much of the training is done, 0 to 1.

        Returns:
            The loss and figures to report; those on real speech start with `real_`.
        """
        if tap.real is None:
            return self.act(self, tap, target, progress)
        loss, stats = self.criterion(self(Tap(tap.real.detach(), tap.lengths)), target)
        stats = {f"real_{name}": value for name, value in {**stats, "loss": loss.detach()}.items()}
        if not self.acts(progress):
            return loss, stats
        judged, judged_stats = self.act(self.frozen, tap, target, progress)
        return loss + judged, {**stats, **judged_stats, "judged_loss": judged.detach()}

    def act(
        self, predict: Callable[[Tap], Tensor], tap: Tap, target: Tensor, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Scores the tap so that the gradient reaches it: from `start` on, ramped, reversed and capped as asked."""
        if not self.acts(progress):
            return self.criterion(predict(replace(tap, values=tap.values.detach())), target)
        share = min(1.0, (progress - self.start) / self.ramp) if self.ramp else 1.0
        values = scale_gradient(tap.values, -share if self.reversed else share)
        if self.grad_cap is None:
            return self.criterion(predict(replace(tap, values=values)), target)
        cap = GradientCap(self.grad_cap / max(self.weight, 1e-12) * tap.valid_elements().float().rsqrt())
        loss, stats = self.criterion(predict(replace(tap, values=cap.open(values))), target)
        return cap.close(loss), stats

    def acts(self, progress: float) -> bool:
        """Tells whether the head acts on the network when so much of the training is done."""
        return progress >= self.start

    def frozen(self, tap: Tap) -> Tensor:
        """Predicts with weights that receive no gradient (copies, since autocast caches casts of the originals)."""
        return functional_call(self, {name: value.detach() for name, value in self.named_parameters()}, (tap,))
