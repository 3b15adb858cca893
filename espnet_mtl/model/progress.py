"""How much of the training is done, kept with the optimizer so that it is resumed but never inherited."""

from __future__ import annotations

import torch

_KEY = "mtl_steps"


class TrainProgress:
    """Counts optimizer steps in the optimizer's own state.

    There it is saved and resumed with the checkpoint, while a model loaded for inference or fine-tuning (or averaged
    over epochs) carries no count.

    Args:
        optimizer: The optimizer; None: nothing is being trained, and `fraction` is 1.
        total: Steps of the whole training.
    """

    def __init__(self, optimizer: torch.optim.Optimizer | None = None, total: int = 1):
        self.optimizer, self.total = optimizer, total
        if optimizer is not None:
            optimizer.param_groups[0].setdefault(_KEY, 0)
            optimizer.register_step_post_hook(self._count)

    @staticmethod
    def _count(optimizer: torch.optim.Optimizer, args, kwargs) -> None:
        optimizer.param_groups[0][_KEY] += 1

    @property
    def fraction(self) -> float:
        """Steps done over steps in all, 0 to 1."""
        if self.optimizer is None:
            return 1.0
        return min(1.0, self.optimizer.param_groups[0][_KEY] / self.total)
