"""A small network with a tensor where the gradients of its tasks are combined, and their explicit combination."""

import torch
from torch import nn

from espnet_mtl.model.gradients import branch
from espnet_mtl.model.weighting.junction import Junction

TASKS = ("tts", "emotion", "speaker", "rate", "pitch")


class Network(nn.Module):
    """z = tanh(W x); task k has the loss mean((z v_k - y_k)²); the first one is the network's own."""

    def __init__(self, weighting, tasks):
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.shared = nn.Parameter(torch.randn(7, 5, generator=generator))
        self.heads = nn.Parameter(torch.randn(tasks, 5, generator=generator))
        self.weighting, self.tasks, self.recorded = weighting, TASKS[:tasks], []

    def losses(self, branches, target, without=()):
        rows = zip(branches, self.heads, target.T, strict=False)
        errors = [one @ head - column for one, head, column in rows]
        return {
            task: error.square().mean() * (task not in without) for task, error in zip(self.tasks, errors, strict=True)
        }

    def forward(self, inputs, target, without=(), waiting=()):
        """Tasks in `waiting` learn, and send nothing into z yet."""
        z, branch_grads = torch.tanh(inputs @ self.shared), {}
        branches = [z]
        for task in self.tasks[1:]:
            branches.append(z.detach() if task in waiting else branch(z, task, branch_grads))
        loss, weights = self.weighting(self.losses(branches, target, without))
        Junction("z", self.tasks, self.weighting, self.recorded.append).register(z, branch_grads)
        return loss, weights

    def explicit(self, inputs, target, factors):
        """z, and the gradients of λ_k ℓ_k at it, one by one: (K, elements of z)."""
        z = torch.tanh(inputs @ self.shared)
        losses = self.losses([z] * len(self.tasks), target)
        grads = [torch.autograd.grad(factors[task] * losses[task], z, retain_graph=True)[0] for task in self.tasks]
        return z, torch.stack(grads).flatten(1)


def data(seed=0, size=8):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, 7, generator=generator), torch.randn(size, len(TASKS), generator=generator)
