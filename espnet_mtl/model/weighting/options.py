"""Options of the weightings, which are checked without importing PyTorch; their defaults are those of the papers."""

from __future__ import annotations

from typing import Literal

from espnet_mtl.config.fields import NotNegative, Options, Positive


class NoOptions(Options):
    """A method that has none."""


class DWAOptions(Options):
    """Options of DWA.

    Attributes:
        temperature: T: the larger, the more alike are the weights.
    """

    temperature: Positive = 2.0


class FAMOOptions(Options):
    """Options of FAMO.

    Attributes:
        lr: Learning rate of the logits of the weights.
        weight_decay: Pull of the logits toward 0.
    """

    lr: NotNegative = 0.025
    weight_decay: NotNegative = 0.001


class STCHOptions(Options):
    """Options of STCH.

    Attributes:
        mu: μ: the smaller, the more of the weight is on the largest loss.
    """

    mu: Positive = 0.5


class GradNormOptions(Options):
    """Options of GradNorm.

    Attributes:
        alpha: α: how much tasks that lag are favoured.
        lr: Learning rate of the weights.
    """

    alpha: NotNegative = 1.5
    lr: NotNegative = 0.025


class AlignedMTLOptions(Options):
    """Options of Aligned-MTL.

    Attributes:
        scale_mode: Size of the result: by the smallest component (min), the median or the mean one (rmse).
    """

    scale_mode: Literal["min", "median", "rmse"] = "min"


class CAGradOptions(Options):
    """Options of CAGrad.

    Attributes:
        c: Radius of the ball, in norms of the mean gradient.
    """

    c: NotNegative = 0.5
