"""Layers that heads and the reference encoder share; all of them ignore padding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet_mtl.model.taps import valid_mask


class ConvPool(nn.Module):
    """Strided 1-D convolutions over time, then mean and standard deviation over the valid steps.

    Statistics pooling is that of x-vectors (Snyder et al. 2018). The result does not depend on padding.

    Args:
        dim: Features of a step.
        channels: Channels of each convolution.
        layers: Convolutions, each of kernel 5 and stride 2; 0: only the pooling.
        dropout: Dropout after each convolution.
    """

    def __init__(self, dim: int, channels: int = 64, layers: int = 2, dropout: float = 0.1):
        super().__init__()
        sizes = [dim] + [channels] * layers
        self.convs = nn.ModuleList(nn.Conv1d(size, channels, kernel_size=5, stride=2, padding=2) for size in sizes[:-1])
        self.dropout = nn.Dropout(dropout)
        self.out_dim = 2 * sizes[-1]

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Maps (B, T, dim) with lengths (B,) to (B, out_dim)."""
        hidden = (values * valid_mask(lengths, values.size(1))).transpose(1, 2)
        for conv in self.convs:
            lengths = (lengths + 1) // 2
            hidden = self.dropout(torch.relu(conv(hidden)))
            mask = valid_mask(lengths, hidden.size(2)).transpose(1, 2)
            hidden = hidden * mask
        count = lengths.clamp(min=1).view(-1, 1)
        mean = hidden.sum(2) / count
        square = (hidden.square().sum(2) / count - mean.square()).clamp(min=0)
        return torch.cat([mean, (square + 1e-5).sqrt()], dim=-1)


def perceptron(dim: int, channels: int, out: int, dropout: float) -> nn.Sequential:
    """Builds one hidden layer between `dim` and `out` features."""
    return nn.Sequential(nn.Linear(dim, channels), nn.ReLU(), nn.Dropout(dropout), nn.Linear(channels, out))


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


class _Open(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, limit, scale):
        ctx.limit, ctx.scale = limit, scale
        return values.view_as(values)

    @staticmethod
    def backward(ctx, grad):
        norm = torch.linalg.vector_norm(grad.float())
        factor = (ctx.limit * ctx.scale["loss"] / norm.clamp(min=1e-30)).clamp(max=1.0)
        return grad * factor.to(grad.dtype), None, None


class _NoteScale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, loss, scale):
        ctx.scale = scale
        return loss.clone()  # ESPnet's Trainer divides it in place

    @staticmethod
    def backward(ctx, grad):
        ctx.scale["loss"] = grad.float().abs()
        return grad, None


def note_scale(loss: Tensor, scale: dict[str, Tensor]) -> Tensor:
    """Returns `loss`; its backward pass notes the gradient it starts from, as `scale["loss"]`."""
    return _NoteScale.apply(loss, scale)


class GradientCap:
    """Limits the norm of one loss's gradient at one tensor.

    `loss = cap.close(f(cap.open(values)))`: the gradient of `loss` that reaches `values` has a norm of at most
    `limit`, measured for a gradient of 1 at the loss. What multiplies the loss later (AMP's scale, accumulation)
    multiplies the limit too, so that neither changes the result; `close` is where that factor is read off.
    """

    def __init__(self, limit: Tensor | float):
        self.limit = limit
        self.scale: dict[str, Tensor] = {}

    def open(self, values: Tensor) -> Tensor:
        """Returns `values`, whose gradient from here on is limited."""
        return _Open.apply(values, self.limit, self.scale)

    def close(self, loss: Tensor) -> Tensor:
        """Returns `loss`, having noted what its gradient is multiplied with."""
        return note_scale(loss, self.scale)
