"""GradNorm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from espnet_mtl.model.host import constant
from espnet_mtl.model.weighting.base import LossBased
from espnet_mtl.model.weighting.options import GradNormOptions

SMALLEST_WEIGHT = 0.01
"""The smallest weight."""


class GradNorm(LossBased):
    """Weights under which all tasks send gradients of similar norm, more from tasks that lag behind.

    Chen et al. 2018, ICML, algorithm 1: G_k is the norm of the gradient of w_k ℓ_k, r_k the loss over its first value,
    divided by the mean of these; w_k descends |G_k - Ḡ r_k^α|, and the weights are scaled to sum to K. The norms are
    those at every junction; they are divided by Ḡ, so that the size of the gradients does not matter.

    Args:
        preferences: λ_k per task.
        options: Values of `Options`.

    Attributes:
        weights: w (K,).
        first: The first loss of each task (K,); 0 before there was one.
    """

    Options = GradNormOptions
    options: GradNormOptions
    weights: Tensor
    first: Tensor

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        self.register_buffer("weights", torch.ones(len(self.sized)))
        self.register_buffer("first", torch.zeros(len(self.sized)))

    def scalarize(self, losses: Tensor) -> Tensor:
        """Σ_k w_k ℓ_k."""
        return (self.weights * losses).sum()

    def observe(self, losses: Tensor) -> Tensor:
        """Also keeps the first ones."""
        labelled = super().observe(losses)
        self.first = torch.where((self.first == 0) & labelled, self.seen, self.first)
        return labelled

    def observe_gradients(self, tap: str, tasks: Sequence[str], gramian: Tensor) -> None:
        """Moves the weights of the tasks at a junction that send a gradient; two at least, and finite ones."""
        # A TTS loss that is split has no weight as a whole, and a task with λ = 0 needs none
        places = [i for i, task in enumerate(tasks) if task in self.sized and self.preferences[task]]
        if len(places) < 2:
            return
        device = self.weights.device
        index = constant(tuple(self.sized.index(tasks[i]) for i in places), torch.long, device)
        preferences = constant(tuple(self.preferences[tasks[i]] for i in places), self.weights.dtype, device)
        squares = (gramian.diagonal() / gramian.trace())[constant(tuple(places), torch.long, device)]
        sent = squares > 0
        # G_k / Ḡ, of gradients without λ_k
        norms = squares.sqrt().to(self.weights) / preferences
        norms = norms / _mean(norms, sent)
        # r_k^α
        rates = self.seen[index] / self.first[index].clamp(min=1e-12)
        target = (rates / _mean(rates, sent)) ** self.options.alpha
        # A step down the slope of |G_k - Ḡ r_k^α|, which is ± G_k / w_k
        slopes = (norms - target).sign() * norms / self.weights[index]
        weights = self.weights.clone()
        weights[index] -= self.options.lr * torch.where(sent, slopes, 0.0)
        weights = weights.clamp(min=SMALLEST_WEIGHT)
        weights = weights * len(weights) / weights.sum()
        # Only the device knows whether there is anything to even out; of norms that overflowed, none is above 0
        self.weights = torch.where(sent.sum() > 1, weights, self.weights)


def _mean(values: Tensor, kept: Tensor) -> Tensor:
    """Averages the values (K,) that a mask keeps."""
    return torch.where(kept, values, 0.0).sum() / kept.sum()
