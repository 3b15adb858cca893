"""Methods that weigh tasks by the values of their losses: an adapter to `torchjd.scalarization`."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torchjd import scalarization

from espnet_mtl.model.weighting.base import LossBased, same_draws
from espnet_mtl.model.weighting.options import DWAOptions, FAMOOptions, STCHOptions


class UW(LossBased):
    """Uncertainty weighting: S = Σ_k ½ exp(-s_k) ℓ_k + ½ s_k with learned s_k (Kendall et al. 2018, CVPR, eq. 10)."""

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        self.scalarizer = scalarization.UW(len(self.sized))

    def scalarize(self, losses: Tensor) -> Tensor:
        """2 S."""
        return 2 * self.scalarizer(losses)


class IMTLL(LossBased):
    """Impartial learning of losses: S = Σ_k exp(s_k) ℓ_k - s_k with learned s_k (Liu et al. 2021, ICLR, eq. 8)."""

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        self.scalarizer = scalarization.IMTLL(len(self.sized))

    def scalarize(self, losses: Tensor) -> Tensor:
        """S."""
        return self.scalarizer(losses)


class RLW(LossBased):
    """Random loss weighting: softmax of normal noise, drawn at each step (Lin et al. 2022, TMLR)."""

    random = True

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        self.scalarizer = scalarization.Random()

    def scalarize(self, losses: Tensor) -> Tensor:
        """K S."""
        with same_draws(self.steps, losses.device):
            return len(losses) * self.scalarizer(losses)


class STCH(LossBased):
    """Smooth Tchebycheff: S = μ log Σ_k exp(ℓ_k / Kμ), nearly the largest loss (Lin et al. 2024, ICML, eq. 11).

    Args:
        preferences: λ_k per task.
        options: Values of `Options`.
    """

    Options = STCHOptions
    options: STCHOptions

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        self.scalarizer = scalarization.STCH(self.options.mu)

    def scalarize(self, losses: Tensor) -> Tensor:
        """K² S."""
        return len(losses) ** 2 * self.scalarizer(losses)


class DWA(LossBased):
    """Dynamic weight average: more weight on losses that fall slowly (Liu, Johns & Davison 2019, CVPR, eq. 7).

    The paper's epoch is the time from one call of `train()` to the next of `eval()`: ESPnet's epoch.

    Args:
        preferences: λ_k per task.
        options: Values of `Options`.

    Attributes:
        averages: Mean losses of the last two epochs (2, K); 0 where there was none.
        sums: Sum of losses in this epoch (K,).
        batches: Batches in this epoch.
        epochs: Epochs that have an average.
    """

    Options = DWAOptions
    options: DWAOptions
    counts = ("steps", "epochs")
    averages: Tensor
    sums: Tensor
    batches: Tensor

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        self.register_buffer("averages", torch.zeros(2, len(self.sized)))
        self.register_buffer("sums", torch.zeros(len(self.sized)))
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))
        self.epochs = 0

    def observe(self, losses: Tensor) -> Tensor:
        """Also adds them to the sums of this epoch."""
        labelled = super().observe(losses)
        self.sums += self.seen
        self.batches += 1
        return labelled

    def train(self, mode: bool = True) -> DWA:
        """The end of training mode is the end of an epoch."""
        super().train(mode)
        if not mode and self.batches:
            self.averages = torch.stack([self.averages[1], self.sums / self.batches])
            self.sums, self.batches = torch.zeros_like(self.sums), torch.zeros_like(self.batches)
            self.epochs += 1
        return self

    def scalarize(self, losses: Tensor) -> Tensor:
        """S, whose weights sum to K."""
        scalarizer = scalarization.DWA(self.options.temperature)
        for average in self.averages if self.epochs > 1 else ():
            scalarizer(average)
            scalarizer.step()
        return scalarizer(losses)


class FAMO(LossBased):
    """Fast adaptive optimization: all losses fall at one rate (Liu et al. 2023, NeurIPS, algorithm 1).

    The paper measures the fall by a second forward pass on the same batch. Here it is measured from batch to batch,
    which costs nothing and is noisier.

    Args:
        preferences: λ_k per task.
        options: Values of `Options`.

    Attributes:
        moments: State of the logits' Adam: its two moments (2, K). It has taken a step less than the training.
    """

    Options = FAMOOptions
    options: FAMOOptions
    moments: Tensor

    def __init__(self, preferences: Mapping[str, float], **options):
        super().__init__(preferences, **options)
        decay = self.options.weight_decay
        self.scalarizer = scalarization.FAMO(len(self.sized), lr=self.options.lr, weight_decay=decay)
        self.register_buffer("moments", torch.zeros(2, len(self.sized)))

    def observe(self, losses: Tensor) -> Tensor:
        """Also moves the logits by the change since the last batch."""
        before = self.seen
        labelled = super().observe(losses)
        if self.steps > 1:
            self.scalarizer(before)
            self.scalarizer._optimizer = self._adam()
            self.scalarizer.update(self.seen)
        return labelled

    def _adam(self) -> torch.optim.Adam:
        """The logits' optimizer, its state in `moments` so that checkpoints have it (torchjd's own is not saved)."""
        logits = self.scalarizer._w
        adam = torch.optim.Adam([logits], lr=self.scalarizer.lr, weight_decay=self.scalarizer.weight_decay)
        first, second = self.moments
        # Adam counts its steps on the host; the first batch of a training made none, and this one's is to come
        adam.state[logits] = {"exp_avg": first, "exp_avg_sq": second, "step": torch.tensor(self.steps - 2.0)}
        return adam

    def scalarize(self, losses: Tensor) -> Tensor:
        """K S."""
        return len(losses) * self.scalarizer(losses)
