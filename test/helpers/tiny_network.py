"""A small network with a tensor where the gradients of its tasks meet, and their explicit combination."""

import torch
from torch import nn

from espnet_mtl.model.weighting.junction import meet, view_of

TASKS = ("tts", "emotion", "speaker", "rate", "pitch")


class Network(nn.Module):
    """z = tanh(W x); task k has the loss mean((z v_k - y_k)²); the first one is the network's own."""

    def __init__(self, weighting, tasks):
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.shared = nn.Parameter(torch.randn(7, 5, generator=generator))
        self.heads = nn.Parameter(torch.randn(tasks, 5, generator=generator))
        self.weighting, self.tasks, self.noted = weighting, TASKS[:tasks], []

    def losses(self, views, target, without=()):
        errors = [(view @ head - column) for view, head, column in zip(views, self.heads, target.T, strict=False)]
        return {
            task: error.square().mean() * (task not in without) for task, error in zip(self.tasks, errors, strict=True)
        }

    def forward(self, inputs, target, without=(), waiting=()):
        """Tasks in `waiting` learn, and send nothing into z yet."""
        z, held = torch.tanh(inputs @ self.shared), {}
        views = [z, *(z.detach() if task in waiting else view_of(z, task, held) for task in self.tasks[1:])]
        loss, weights = self.weighting(self.losses(views, target, without))
        meet(z, held, self.tasks, self.weighting, "z", self._note)
        return loss, weights

    def _note(self, tasks, gramian, weights):
        self.noted.append((tasks, gramian, weights))

    def explicit(self, inputs, target, factors):
        """z, and the gradients of λ_k ℓ_k at it, one by one: (K, elements of z)."""
        z = torch.tanh(inputs @ self.shared)
        losses = self.losses([z] * len(self.tasks), target)
        grads = [torch.autograd.grad(factors[task] * losses[task], z, retain_graph=True)[0] for task in self.tasks]
        return z, torch.stack(grads).flatten(1)


def data(seed=0, size=8):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, 7, generator=generator), torch.randn(size, len(TASKS), generator=generator)
