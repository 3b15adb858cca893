"""Methods that combine the gradients of tasks: an adapter to `torchjd.aggregation`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torchjd import aggregation

from espnet_mtl.model.weighting.base import Weighting, same_draws
from espnet_mtl.model.weighting.options import AlignedMTLOptions, CAGradOptions


class GradientBased(Weighting):
    """Weighs gradients by their inner products with `method`, a weighting of torchjd.

    A method whose weights stand for a mean, or sum to 1, has them times K: where they are alike, the gradients are
    summed, as with fixed weights. A projection of λ_k g_k is λ_k times that of g_k; the other methods, which go by the
    sizes of gradients, would undo the λ_k in them: they get the g_k, and the λ_k multiply their weights.
    """

    combines = True
    method: torch.nn.Module
    mean = True
    """Whether the method's weights stand for a mean rather than a sum."""
    projects = False
    """Whether the method projects gradients."""

    def combine(self, tap: str, tasks: Sequence[str], gramian: Tensor) -> Tensor:
        """Asks torchjd, whose random methods draw alike in all processes; most of its methods compute on the CPU."""
        if not self.projects:
            factors = gramian.new_tensor([self.preference(task) or 1.0 for task in tasks])
            gramian = gramian / torch.outer(factors, factors)
            gramian = gramian / gramian.trace()
        with same_draws(self.steps, gramian.device):
            weights = self.method(gramian)
        return len(tasks) * weights if self.mean else weights


class PCGrad(GradientBased):
    """Removes from each gradient what conflicts with another (Yu et al. 2020, NeurIPS, algorithm 1)."""

    mean = False
    projects = True

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        self.method = aggregation.PCGradWeighting()


class UPGrad(GradientBased):
    """Projects each gradient onto the cone that conflicts with none (Quinton & Rey 2024, arXiv 2406.16232, eq. 5)."""

    projects = True

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        self.method = aggregation.UPGradWeighting()


class AlignedMTL(GradientBased):
    """Aligns the principal components of the gradients (Senushkin et al. 2023, CVPR, algorithm 1).

    Args:
        preferences: λ_k per task.
        options: Values of `Options`.
    """

    Options = AlignedMTLOptions
    options: AlignedMTLOptions

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        self.method = aggregation.AlignedMTLWeighting(scale_mode=self.options.scale_mode)


class CAGrad(GradientBased):
    """The gradient near the mean that serves the worst task best (Liu et al. 2021, NeurIPS, eq. 3).

    Args:
        preferences: λ_k per task.
        options: Values of `Options`.
    """

    Options = CAGradOptions
    options: CAGradOptions

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        # Where a gradient is smaller than norm_eps of the whole, torchjd drops all of them.
        self.method = aggregation.CAGradWeighting(c=self.options.c, norm_eps=1e-9)


class IMTLG(GradientBased):
    """Equal projections onto every task's gradient (Liu et al. 2021, ICLR, eq. 6)."""

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        self.method = aggregation.IMTLGWeighting()


class MGDA(GradientBased):
    """The shortest convex combination of the gradients (Sener & Koltun 2018, NeurIPS, algorithm 2)."""

    smallest_first = True

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        self.method = aggregation.MGDAWeighting()
