"""What happens to gradients on their way back: scaled, reversed, capped, or kept by task."""

from __future__ import annotations

import torch
from torch import Tensor


class _ScaleGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, factor):
        ctx.factor = factor
        return values.view_as(values)

    @staticmethod
    def backward(ctx, grad):
        return ctx.factor * grad, None


def scale_gradient(values: Tensor, factor: float) -> Tensor:
    """Returns `values`, whose gradient is multiplied; by -1 in a gradient-reversal layer (Ganin & Lempitsky 2015)."""
    return values if factor == 1 else _ScaleGradient.apply(values, factor)


class _Branch(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, task, branch_grads):
        ctx.task, ctx.branch_grads = task, branch_grads
        return values.view_as(values)

    @staticmethod
    def backward(ctx, grad):
        collected = ctx.branch_grads.get(ctx.task)
        ctx.branch_grads[ctx.task] = grad if collected is None else collected + grad
        return torch.zeros_like(grad), None, None


def branch(values: Tensor, task: str, branch_grads: dict[str, Tensor]) -> Tensor:
    """Returns `values` for one task alone: what comes back here is collected and not passed on.

    Args:
        values: A tensor that several tasks read.
        task: The task that reads this branch.
        branch_grads: Collects the task's gradient, under its name. The junction at `values` takes it out again.
    """
    return _Branch.apply(values, task, branch_grads) if values.requires_grad else values


class _RecordScale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, loss, scale):
        ctx.scale = scale
        return loss.clone()  # ESPnet's Trainer divides it in place

    @staticmethod
    def backward(ctx, grad):
        ctx.scale.value = grad.float().abs()
        return grad, None


class LossScale:
    """The factor that a loss is multiplied with before its backward pass: AMP's scale, accumulation of gradients.

    Attributes:
        value: That of the last backward pass, a scalar; before one there is none.
    """

    value: Tensor

    def record(self, loss: Tensor) -> Tensor:
        """Returns `loss`; its backward pass records the gradient that it starts from as `value`."""
        return _RecordScale.apply(loss, self)

    def unscaled(self, gradient: Tensor) -> Tensor:
        """Divides a gradient of the last backward pass by the factor, float32: squares of large ones would overflow.

        AMP's scale grows for as long as no gradient overflows, in bfloat16 beyond 2^64.
        """
        return gradient.float() / self.value.clamp(min=1e-30)


class _CapGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, limit, scale):
        ctx.limit, ctx.scale = limit, scale
        return values.view_as(values)

    @staticmethod
    def backward(ctx, grad):
        norm = torch.linalg.vector_norm(ctx.scale.unscaled(grad))
        factor = (ctx.limit / norm.clamp(min=1e-30)).clamp(max=1.0)
        return (grad.float() * factor).to(grad.dtype), None, None


class GradientCap:
    """Limits the norm of one loss's gradient at one tensor.

    `loss = cap.close(f(cap.open(values)))`: the gradient of `loss` that reaches `values` has a norm of at most
    `limit`, measured for a gradient of 1 at the loss. What multiplies the loss later (`LossScale`) multiplies the
    limit too, so that it does not change the result; `close` is where that factor is read off.
    """

    def __init__(self, limit: Tensor | float):
        self.limit = limit
        self.scale = LossScale()

    def open(self, values: Tensor) -> Tensor:
        """Returns `values`, whose gradient from here on is limited."""
        return _CapGradient.apply(values, self.limit, self.scale)

    def close(self, loss: Tensor) -> Tensor:
        """Returns `loss`, and records in its backward pass what it is multiplied with."""
        return self.scale.record(loss)
