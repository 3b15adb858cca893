"""Durations that a backbone predicts: their loss, and a limit of what they may be."""

from __future__ import annotations

from torch import Tensor

from espnet_mtl.config.numbers import DAMAGED_DURATIONS, MOST_FRAMES
from espnet_mtl.errors import UserError
from espnet_mtl.system.imports.espnet import import_tts_task

import_tts_task()

from espnet2.legacy.nets.pytorch_backend.fastspeech.duration_predictor import DurationPredictorLoss  # noqa: E402


def check_total(durations: Tensor, tokens: int) -> None:
    """Raises UserError before frames fill the memory: durations are exponentials of what the network predicts.

    Args:
        durations: In frames, of any shape.
        tokens: Tokens of all utterances, padding included.
    """
    if durations.double().sum() > MOST_FRAMES * tokens:
        raise UserError(DAMAGED_DURATIONS)


class DurationLoss(DurationPredictorLoss):
    """Deviance of a Poisson model with a log link, in place of the squared error of log durations.

    The latter predicts a geometric mean: speech comes out short. Here the predicted durations sum to the true ones
    (McCullagh and Nelder 1989, Generalized Linear Models, section 6.2). Scaled to be as large as the squared error
    for small errors.
    """

    def __init__(self, offset: float = 1.0, reduction: str = "mean"):
        super().__init__(offset, reduction)
        self.reduction = reduction

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the loss for log durations and durations in frames, of any one shape."""
        outputs, targets = outputs.float(), targets.float() + self.offset
        loss = 2 * (outputs.exp() - targets - targets * (outputs - targets.log())) / targets.mean()
        return loss if self.reduction == "none" else loss.mean()
