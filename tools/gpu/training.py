"""Training by ESPnet's Trainer: samples a second, memory, and how often a step waits for the device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import torch

from tools.gpu.setting import Setting

GOALS = {"single": 0.95, "fixed": 0.9, "pcgrad": 0.85}
"""How many samples a second each is to reach, of ESPnet's."""
WARM_UP = 5
"""Steps before anything is measured."""
Batches = Iterable[tuple[list[str], dict[str, torch.Tensor]]]
"""Names of utterances and their batch, as ESPnet's loader gives them."""


class Training:
    """ESPnet's training of a model, of which steps are taken when asked for.

    Args:
        setting: What is measured on.
        name: Which model.
        half: Whether in mixed precision.
    """

    def __init__(self, setting: Setting, name: str, half: bool):
        from espnet2.train.distributed_utils import DistributedOption
        from espnet2.train.trainer import Trainer

        self.setting, self.name = setting, name
        self.model = setting.model(name)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4)
        self.scaler = torch.amp.GradScaler(setting.device) if half else None
        self.options = Trainer.build_options(setting.args(name))
        self.options.log_interval = 10**6
        self.train = partial(Trainer.train_one_epoch, distributed_option=DistributedOption(), summary_writer=None)

    def take(self, batches: Batches) -> float:
        """Takes a step for each of the batches; returns the seconds."""
        from espnet2.train.reporter import SubReporter

        self.setting.wait()
        begin = time.perf_counter()
        self.train(
            model=self.model,
            iterator=self._own(batches),
            optimizers=[self.optimizer],
            schedulers=[None],
            scaler=self.scaler,
            reporter=SubReporter("train", 1, 0),
            options=self.options,
        )
        self.setting.wait()
        return time.perf_counter() - begin

    def _own(self, batches: Batches) -> Batches:
        """ESPnet normalizes a batch in place, where it is not copied to a device."""
        for utts, batch in batches:
            copied = self.setting.device == "cpu"
            yield utts, {name: value.clone() if copied else value for name, value in batch.items()}


@contextmanager
def mixed_precision(device: str) -> Iterator[None]:
    """Gives ESPnet's Trainer, which knows that of GPUs only, mixed precision on the CPU, too."""
    from espnet2.train import trainer

    def on_cpu(_device: str, enabled: bool, **_: Any) -> torch.autocast:
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled)

    with patch.object(trainer, "autocast", on_cpu if device == "cpu" else trainer.autocast):
        yield


def benchmark_training(setting: Setting, batches: list[Any], half: bool) -> dict[str, Any]:
    """Measures samples a second of each model, in turns, with their ratios to ESPnet's, memory and synchronizations."""
    trainings = {name: Training(setting, name, half) for name in ("ESPnet", *GOALS)}
    found: dict[str, Any] = {}
    for name, training in trainings.items():
        training.take(batches[:1] * (1 if setting.small else WARM_UP))
        found[name] = {"peak_memory_MB": peak_memory(setting, training, batches)}
        found[name] |= synchronizations(setting, training, batches)
    seconds: dict[str, list[float]] = {name: [] for name in trainings}
    for _ in range(setting.rounds):
        for name, training in trainings.items():
            seconds[name].append(training.take(batches[: setting.steps]))
    samples = setting.steps * setting.size
    for name, own in seconds.items():
        ratios = [base / one for base, one in zip(seconds["ESPnet"], own, strict=True)]
        found[name]["samples_per_s"] = samples / statistics.median(own)
        found[name]["of_ESPnet"] = statistics.median(ratios)
        found[name]["goal"] = GOALS.get(name)
    return found


def peak_memory(setting: Setting, training: Training, batches: list[Any]) -> float | None:
    """Returns the most memory of a step, of which the other models' weights are no part, in MB; None on the CPU."""
    if setting.device == "cpu":
        training.take(batches[:1])
        return None
    before = torch.cuda.memory_allocated() - sum(p.numel() * p.element_size() for p in training.model.parameters())
    torch.cuda.reset_peak_memory_stats()
    training.take(batches[:1])
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def synchronizations(setting: Setting, training: Training, batches: list[Any]) -> dict[str, float | None]:
    """Counts what a step waits for: calls of cudaStreamSynchronize; None on the CPU."""
    if setting.device == "cpu":
        return {"cudaStreamSynchronize_per_step": None}
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        training.take(batches[:2])
    calls = sum(event.count for event in profile.key_averages() if event.key == "cudaStreamSynchronize")
    return {"cudaStreamSynchronize_per_step": calls / 2}
