"""The contract of a weighting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from espnet_mtl.config.fields import Options
from espnet_mtl.model.gradients import LossScale
from espnet_mtl.model.host import constant
from espnet_mtl.model.processes import over_processes
from espnet_mtl.model.weighting.options import NoOptions

SMALLEST_LOSS = 0.01
"""Smaller losses count as this: a solved task would take all weight where a method takes logarithms or ratios."""


class Weighting(nn.Module, ABC):
    """Combines task losses ℓ_k into one, L = Σ_k λ_k w_k ℓ_k, and their gradients at the junctions.

    A method says how large each w_k is (`weigh`), or how the gradients of several tasks at one tap become one
    (`combine`), or both. Both work on top of the user's λ_k; a method weighs tasks by 1 each unless it overrides them.

    Args:
        preferences: λ_k per task.
        unsized: Tasks whose losses say nothing by their size (`Head.weighed_by_size`).
        options: Values of `Options`.

    Attributes:
        Options: The class of its options.
        options: Its options.
        sized: The other tasks, which `weigh` weighs; w_k of a task that is unsized is 1.
        random: Whether weights are drawn at random: those of a new training are 1 on average.
        combines: Whether it has `combine`, for which the host has to know the gradients' inner products.
        counts: Names of attributes that are whole numbers on the host, and a part of its state.
        smallest_first: Whether the task with the smallest gradient decides: the others may wait for it.
        capped: Tasks whose gradient has a cap (`Head`), which is relative to the first task, the TTS loss.
        steps: Training steps seen; random methods draw from it, so that all processes, and a resumed training, agree.
        scale: The factor that the loss is multiplied with before its backward pass (AMP's scale).
    """

    Options: ClassVar[type[Options]] = NoOptions
    random: ClassVar[bool] = False
    smallest_first: ClassVar[bool] = False
    combines: ClassVar[bool] = False
    counts: ClassVar[tuple[str, ...]] = ("steps",)

    def __init__(self, preferences: Mapping[str, float], *, unsized: Collection[str] = (), **options):
        super().__init__()
        self.options = self.Options(**options)
        self.preferences = dict(preferences)
        self.sized = tuple(task for task in preferences if task not in unsized)
        self.capped: frozenset[str] = frozenset()
        self.scale = LossScale()
        self.steps = 0

    def get_extra_state(self) -> Tensor:
        """The `counts`: on the host, where a step needs them, but in the checkpoint."""
        return torch.tensor([getattr(self, name) for name in self.counts])

    def set_extra_state(self, state: Tensor) -> None:
        """Takes what `get_extra_state` returned."""
        for name, value in zip(self.counts, state.tolist(), strict=True):
            setattr(self, name, value)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        """Takes checkpoints of before, too, where each of the `counts` was a tensor of its own."""
        of_before = [state_dict.pop(prefix + name, None) for name in self.counts]
        counts = [count.cpu() for count in of_before if count is not None]
        if len(counts) == len(self.counts):
            state_dict[f"{prefix}_extra_state"] = torch.stack(counts)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(self, losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Combines the losses of a batch.

        Args:
            losses: A scalar per task, 0 where the batch has no label of it.

        Returns:
            The scalar loss L and the factor λ_k w_k of each task in it.
        """
        if self.training:
            self.steps += 1
        values = torch.stack([loss.float() for loss in losses.values()])
        places = tuple(place for place, task in enumerate(losses) if task in self.sized)
        sized = constant(places, torch.long, values.device)
        weights = torch.ones_like(values)
        weights[sized], own = self.weigh(values.detach()[sized])
        weights = self.bounded(tuple(losses), weights.detach())
        preferences = tuple(self.preferences[name] for name in losses)
        factors = constant(preferences, values.dtype, values.device) * weights
        loss = (factors * values).sum() + own - own.detach()
        return self.scale.record(loss), dict(zip(losses, factors, strict=True))

    def bounded(self, tasks: Sequence[str], weights: Tensor) -> Tensor:
        """Limits weights (K,): a capped task has at most that of the first task, or its cap would be none."""
        capped = constant(tuple(task in self.capped for task in tasks), torch.bool, weights.device)
        return torch.where(capped, weights.minimum(weights[0]), weights)

    def preference(self, task: str) -> float:
        """λ_k; of `tts`, where its parts are the tasks, that of the first part."""
        return self.preferences.get(task, next(iter(self.preferences.values())))

    def weigh(self, losses: Tensor) -> tuple[Tensor, Tensor]:
        """Weighs tasks by their losses.

        Args:
            losses: Those of the tasks `sized` (K,), without gradient.

        Returns:
            The weights w (K,), and a scalar whose gradient the method's own parameters learn from.
        """
        return torch.ones_like(losses), losses.new_zeros(())

    def observe_gradients(self, tap: str, tasks: Sequence[str], gramian: Tensor) -> None:
        """Sees the gradients of tasks at a junction; called in the backward pass.

        Args:
            tap: The name of the tap where the junction is.
            tasks: Names of the K tasks there; the gradients of some may be zero.
            gramian: Inner products of their gradients, λ_k w_k included, (K, K), float64; over all processes. Where
                mixed precision overflowed, some are not finite.
        """

    def combine(self, tap: str, tasks: Sequence[str], gramian: Tensor) -> Tensor:
        """Weighs the gradients of tasks at a junction; called in the backward pass where the method `combines`.

        Args:
            tap: The name of the tap where the junction is.
            tasks: Names of the K tasks whose gradients are not zero, K > 1.
            gramian: As `observe_gradients` takes it, finite, on the CPU, with a trace of 1.

        Returns:
            Weights (K,) of the gradients in their sum.
        """
        raise NotImplementedError


class LossBased(Weighting):
    """w_k = c · ∂S/∂ℓ_k, S a scalarizer of the losses ℓ (K,) that the subclass names.

    The factor c makes all weights of a new training whose losses are alike 1 (or 1 on average, where they are random),
    so that the λ_k mean the same under every method. The K tasks are those whose loss says by its size how far they
    are (`sized`). Where a batch has no label of a task, the task's last loss stands
    for it. All processes of a distributed training weigh the mean of their losses.

    Args:
        preferences: λ_k per task.
        options: Values of `Options`, and `unsized`.

    Attributes:
        seen: The last loss of each task (K,).
    """

    seen: Tensor

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        self.register_buffer("seen", torch.ones(len(self.sized)))

    @abstractmethod
    def scalarize(self, losses: Tensor) -> Tensor:
        """S(ℓ), times c, of positive losses (K,)."""

    def weigh(self, losses: Tensor) -> tuple[Tensor, Tensor]:
        """Weighs by the gradient of the scalarizer."""
        if self.training:
            self.observe(losses)
        leaf = self.seen.clone().requires_grad_()
        with torch.enable_grad():
            total = self.scalarize(leaf)
            (weights,) = torch.autograd.grad(total, leaf, retain_graph=True)
        return weights, total

    def observe(self, losses: Tensor) -> Tensor:
        """Keeps the losses of a batch of training (K,), 0 where there is no label; tells where some process has one."""
        count = over_processes((losses != 0).to(losses.dtype))
        mean = over_processes(losses.clone()) / count.clamp(min=1)
        self.seen = torch.where(count > 0, mean.clamp(min=SMALLEST_LOSS), self.seen)
        return count > 0


@contextmanager
def same_draws(number: int, device: torch.device) -> Iterator[None]:
    """Makes random numbers on a device depend on ESPnet's seed of the epoch and a number only, and leaves no trace."""
    others = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(others, device_type=device.type):
        torch.manual_seed(torch.initial_seed() + number)
        yield
