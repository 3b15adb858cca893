"""Junctions: taps where the gradients of several tasks are combined into one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from espnet_mtl.model.processes import over_processes, processes
from espnet_mtl.model.weighting.base import Weighting


@dataclass(frozen=True)
class GradStats:
    """What a backward pass measured at a junction.

    Attributes:
        tasks: The K tasks.
        gramian: Inner products of their gradients (K, K), without what the loss was multiplied with
            (`espnet_mtl.model.gradients.LossScale`).
        weights: Weights of the gradients in their sum (K,).
    """

    tasks: Sequence[str]
    gramian: Tensor
    weights: Tensor

    def figures(self, tap: str) -> dict[str, Tensor]:
        """Returns figures to report.

        `<tap>_<task>_norm` is the norm of the gradient of λ_k w_k ℓ_k, `<tap>_<task>_share` its weight in the sum, and
        `<tap>_<task>_<task>_cos` the cosine between two gradients.
        """
        norms = self.gramian.diagonal().sqrt()
        cosines = self.gramian / torch.outer(norms, norms).clamp(min=1e-30)
        figures = {}
        for i, task in enumerate(self.tasks):
            figures[f"{tap}_{task}_norm"] = norms[i]
            figures[f"{tap}_{task}_share"] = self.weights[i]
            for j in range(i + 1, len(self.tasks)):
                figures[f"{tap}_{task}_{self.tasks[j]}_cos"] = cosines[i, j]
        return figures


class Junction:
    """Combines the gradients that come back to a tap z into one, in the one backward pass there is.

    What is passed on is Σ_k w_k g_k with g_k = ∂(λ_k ℓ_k)/∂z. The first task's gradient is what reaches z itself, those
    of the others are what their branches collected (`espnet_mtl.model.gradients.branch`). Inner products are summed
    over the processes of a distributed training, so that all use the same weights.

    Args:
        tap: Name of the tap.
        tasks: The tasks, the first as said.
        weighting: Weighs the gradients that are not zero (`combine`), by inner products normalized to a trace of 1.
        record: Takes what each backward pass measured.
    """

    def __init__(self, tap: str, tasks: Sequence[str], weighting: Weighting, record: Callable[[GradStats], None]):
        self.tap, self.tasks = tap, tuple(tasks)
        self.weighting, self.record = weighting, record

    def register(self, values: Tensor, branch_grads: dict[str, Tensor]) -> None:
        """Puts the junction at a tensor of any shape whose branches collect into `branch_grads`."""
        if values.requires_grad:
            values.register_hook(partial(self._combine, branch_grads))

    def _combine(self, branch_grads: dict[str, Tensor], grad: Tensor) -> Tensor:
        """Returns the gradient that is passed on, in place of `grad`, and takes the others out of `branch_grads`."""
        rows = self._gradients(branch_grads, grad)
        # The loss is the mean over the processes, so that each has processes() times its part of the gradient
        unscaled = self.weighting.scale.unscaled(rows)
        gramian = over_processes(unscaled @ unscaled.T).double() / processes() ** 2
        self.weighting.observe_gradients(self.tap, self.tasks, gramian)
        weights = self._weights(gramian)
        self.record(GradStats(self.tasks, gramian, weights))
        combined = weights.to(rows.dtype) @ rows
        return combined.view_as(grad).to(grad.dtype)

    def _gradients(self, branch_grads: dict[str, Tensor], grad: Tensor) -> Tensor:
        """Returns the tasks' gradients (K, elements of z), float32; 0 where a task sends none."""
        gradients = [grad]
        for task in self.tasks[1:]:
            sent = branch_grads.pop(task, None)
            gradients.append(torch.zeros_like(grad) if sent is None else sent)
        return torch.stack(gradients).flatten(1).float()

    def _weights(self, gramian: Tensor) -> Tensor:
        """Returns the weights (K,) of the gradients: 1 where there is nothing to combine."""
        if not self.weighting.combines:
            return gramian.new_ones(len(self.tasks))
        # All of this is on the host: one copy, and one that does not wait
        return self._combined_weights(gramian.cpu()).to(gramian.device, non_blocking=True)

    def _combined_weights(self, gramian: Tensor) -> Tensor:
        weights = gramian.new_ones(len(self.tasks))
        norms = gramian.diagonal()
        if not norms.isfinite().all():  # an overflow, which AMP's scaler has to see
            return weights
        present = norms.gt(0).nonzero().flatten().tolist()
        if len(present) < 2:
            return weights
        part = gramian[present][:, present]
        weights[present] = self.weighting.combine(self.tap, [self.tasks[i] for i in present], part / part.trace())
        return self.weighting.bounded(self.tasks, weights)
