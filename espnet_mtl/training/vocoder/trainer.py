"""The training of a source-filter vocoder, step by step: it can be killed and called again, with the same result."""

from __future__ import annotations

import logging
import math
import time
from collections import defaultdict
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from espnet_mtl.errors import UserError
from espnet_mtl.system.files import whole_file
from espnet_mtl.system.networks import load_tensors
from espnet_mtl.training.vocoder.data import Batch, VocoderData
from espnet_mtl.training.vocoder.discriminators import Discriminators
from espnet_mtl.training.vocoder.losses import SpectralDistance
from espnet_mtl.vocoder.options import VocoderOptions
from espnet_mtl.vocoder.source_filter.network import SourceFilterNetwork

SOURCE_WEIGHT, F0_WEIGHT = 0.3, 2.0
WARM_UP = 0.05
LOWEST_RATE = 0.02
"""Of the learning rate's highest."""
AVERAGED = 0.999
"""Share of the average of weights that a step keeps."""
CLIP = 5.0
JUDGES_RATE = 4.0
"""Learning rate of the discriminators, relative to the network's, which begins with an envelope or trained weights."""
BETAS = (0.8, 0.99)
LOG_EVERY, SAVE_EVERY = 100, 250


class VocoderTrainer:
    """Trains a network; what it has learned is the average of its weights over the last steps.

    Each step's segments and noises are drawn from the seed and the number of the step, and its learning rate is a
    function of that number, so that a training that goes on needs no more than weights and optimizers.

    Args:
        network: The vocoder's network, as it begins.
        options: How to train.
        device: Where to train.
        discriminators: Weights that the discriminators begin with; None: random ones.
    """

    def __init__(
        self,
        network: SourceFilterNetwork,
        options: VocoderOptions,
        device: str = "cpu",
        discriminators: Mapping[str, Tensor] | None = None,
    ):
        self.options, self.device = options, device
        self.network = network.to(device).train()
        self.average = deepcopy(network).eval().requires_grad_(False)
        self.distance = SpectralDistance(network.signal).to(device)
        self.optimizer = torch.optim.AdamW(network.parameters(), options.learning_rate, BETAS)
        self.discriminators: Discriminators | None = None
        if options.discriminators:
            torch.manual_seed(options.seed)
            self.discriminators = Discriminators(network.signal.fs).to(device)
            if discriminators is not None:
                self.discriminators.load_state_dict(discriminators)
            self.judges = torch.optim.AdamW(self.discriminators.parameters(), betas=BETAS)
        self.step = 0

    def run(self, data: VocoderData, checkpoint: Path | None = None) -> None:
        """Trains to the end, from the checkpoint where there is one.

        Args:
            data: What it learns from.
            checkpoint: Where the state is kept while it trains; None: nowhere.

        Raises:
            UserError: Its figures are no numbers any more.
        """
        if checkpoint is not None and checkpoint.is_file():
            self.load_state(load_tensors(checkpoint, self.device))
        figures: dict[str, list[Tensor]] = defaultdict(list)
        begun, first = time.monotonic(), self.step
        while self.step < self.options.steps:
            batch = self._draw(data)
            for name, value in self.train_step(batch).items():
                figures[name].append(value)
            if self.step % LOG_EVERY == 0 or self.step == self.options.steps:
                seconds = (time.monotonic() - begun) / (self.step - first)
                self._report(figures, seconds)
                figures.clear()
            if checkpoint is not None and self.step % SAVE_EVERY == 0:
                with whole_file(checkpoint) as file:
                    torch.save(self.state(), file)

    def _draw(self, data: VocoderData) -> Batch:
        rng = np.random.default_rng([self.options.seed, self.step])
        torch.manual_seed(int(rng.integers(2**62)))  # of the noises
        batch = data.draw(self.options.batch_size, self.options.segment, self.options.predicted, rng)
        return Batch(*(part.to(self.device) for part in batch))

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        """Takes one step, and returns figures to report, scalars."""
        self._set_rate()
        noises = torch.randn(2, *batch.wave.shape, device=batch.wave.device)
        speech = self.network(batch.mel, batch.log_f0, batch.voicing, noises)
        natural = self.distance.views(batch.wave)
        views = [self.distance.views(one) for one in speech]
        distance, error = self.distance.energy_distance(natural, views)
        source, figures = self._source_loss(batch)
        loss = distance + SOURCE_WEIGHT * source
        figures |= {"distance": distance.detach(), "error": error}
        if self.discriminators is not None and self.step >= self.options.start * self.options.steps:
            # They cost more than the network: half of the segments must do
            judged_part = slice(0, -(-len(batch.wave) // 2))
            judged, judged_figures = self._adversarial(
                self.discriminators, batch.wave[judged_part], speech[0][judged_part]
            )
            loss = loss + judged
            figures |= judged_figures
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimizer.step()
        self.step += 1
        self._average()
        return figures

    def _source_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Scores what the network says of F0 and voicing."""
        found = self.network.find_source(batch.mel)
        voicing = functional.binary_cross_entropy_with_logits(found.voicing, batch.voicing)
        error = ((found.log_f0 - batch.log_f0).abs() * batch.voicing).sum() / batch.voicing.sum().clamp(min=1)
        right = ((found.voicing > 0) == (batch.voicing > 0.5)).float().mean()
        return voicing + F0_WEIGHT * error, {"voicing_acc": right.detach(), "log_f0_error": error.detach()}

    def _adversarial(self, judges: Discriminators, natural: Tensor, speech: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Trains the discriminators, and has them judge."""
        doubt = judges.loss(natural, speech)
        self.judges.zero_grad()
        doubt.backward()
        nn.utils.clip_grad_norm_(judges.parameters(), CLIP)
        self.judges.step()
        adversarial, matching = judges.requires_grad_(False).judge(natural, speech)
        judges.requires_grad_(True)
        loss = self.options.adversarial * adversarial + self.options.matching * matching
        figures = {"discriminators": doubt, "adversarial": adversarial, "matching": matching}
        return loss, {name: value.detach() for name, value in figures.items()}

    def _set_rate(self) -> None:
        done = self.step / self.options.steps
        rise = min(1.0, (done + 1 / self.options.steps) / WARM_UP)
        fall = LOWEST_RATE + (1 - LOWEST_RATE) * (1 + math.cos(math.pi * done)) / 2
        rate = self.options.learning_rate * rise * fall
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if self.discriminators is not None:
            for group in self.judges.param_groups:
                group["lr"] = JUDGES_RATE * rate

    @torch.no_grad()
    def _average(self) -> None:
        """Moves the average towards the weights; at first it forgets fast."""
        keep = min(AVERAGED, self.step / (self.step + 10))
        for mean, value in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(value, 1 - keep)

    def _report(self, figures: Mapping[str, list[Tensor]], seconds: float) -> None:
        means = {name: float(torch.stack(values).mean()) for name, values in figures.items()}
        text = ", ".join(f"{name}={value:.4g}" for name, value in means.items())
        if not all(map(math.isfinite, means.values())):
            raise UserError(f"the vocoder's training came apart before step {self.step}: lower vocoder.learning_rate")
        logging.info("vocoder: step %d of %d: %s; %.3g s a step", self.step, self.options.steps, text, seconds)

    def state(self) -> dict[str, Any]:
        """Returns all that a training goes on from."""
        state: dict[str, Any] = {"step": self.step}
        for name, part in self._parts().items():
            state[name] = part.state_dict()
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` returned."""
        self.step = int(state["step"])
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        parts = {"network": self.network, "average": self.average, "optimizer": self.optimizer}
        if self.discriminators is not None:
            parts |= {"discriminators": self.discriminators, "judges": self.judges}
        return parts
