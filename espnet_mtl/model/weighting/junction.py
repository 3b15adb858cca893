"""Where the gradients of several tasks meet: kept apart in the backward pass, combined, and passed on as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from espnet_mtl.model.weighting.base import Weighting, over_processes, processes

Gradients = dict[str, Tensor]
Note = Callable[[Sequence[str], Tensor, Tensor], None]


class _Hold(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, task, held):
        ctx.task, ctx.held = task, held
        return values.view_as(values)

    @staticmethod
    def backward(ctx, grad):
        ctx.held[ctx.task] = ctx.held[ctx.task] + grad if ctx.task in ctx.held else grad
        return torch.zeros_like(grad), None, None


def view_of(values: Tensor, task: str, held: Gradients) -> Tensor:
    """Returns `values`; a gradient that comes back by this view is put into `held` and not passed on."""
    return _Hold.apply(values, task, held) if values.requires_grad else values


def meet(values: Tensor, held: Gradients, tasks: Sequence[str], weighting: Weighting, place: str, note: Note) -> None:
    """Lets the gradients that come back to `values` be combined into one.

    There is one backward pass, and what is passed on is Σ_k w_k g_k with g_k = ∂(λ_k ℓ_k)/∂z: the first task's
    gradient is what reaches `values` themselves, those of the others are in `held` (`view_of`). Their inner products
    are summed over the processes of a distributed training, so that all use the same weights.

    Args:
        values: The tensor z, of any shape.
        held: Gradients of the other tasks, as `view_of` puts them there.
        tasks: All tasks, the first as said.
        weighting: Weighs the gradients that are not zero (`combine`), by inner products normalized to a trace of 1.
        place: The name of the tensor.
        note: Is told the inner products (K, K) and weights (K,) of all.
    """
    if values.requires_grad:
        values.register_hook(partial(_combine, held, tuple(tasks), weighting, place, note))


def _combine(
    held: Gradients, tasks: Sequence[str], weighting: Weighting, place: str, note: Note, grad: Tensor
) -> Tensor:
    grads = [grad, *(held.pop(task, None) for task in tasks[1:])]
    rows = torch.stack([torch.zeros_like(grad) if one is None else one for one in grads]).flatten(1).float()
    # The loss is the mean over the processes, so that each has processes() times its part of the gradient.
    gramian = over_processes(rows @ rows.T).double() / processes() ** 2
    norms, weights = gramian.diagonal(), gramian.new_ones(len(tasks))
    present = norms.gt(0).nonzero().flatten().tolist() if norms.isfinite().all() else []
    if len(present) > 1:
        part = gramian[present][:, present]
        given = weighting.combine(place, [tasks[i] for i in present], part / part.trace())
        if given is not None:
            weights[present] = given
            weights = weighting.bounded(tasks, weights)
    note(tasks, gramian, weights)
    return (weights.to(rows.dtype) @ rows).view_as(grad).to(grad.dtype)
