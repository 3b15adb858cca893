"""All of `tools/benchmark.py gpu`, as one JSON object."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tools.gpu.loading import benchmark_loading
from tools.gpu.setting import Setting
from tools.gpu.speaking import benchmark_speaking
from tools.gpu.training import benchmark_training, mixed_precision

ROUNDS, SMALL_ROUNDS = 8, 2
"""Turns of each model."""


def benchmark_gpu(
    build_args: Callable[..., argparse.Namespace],
    heads: dict[str, Any],
    make_batch: Callable[..., dict[str, torch.Tensor]],
    *,
    device: str,
    small: bool,
) -> None:
    """Measures and prints.

    Args:
        build_args: Makes the arguments of a training, of a directory for its statistics and tasks.
        heads: The tasks with a head.
        make_batch: Makes a batch, of its utterances and of the tokens of each.
        device: `cuda`, or `cpu`.
        small: Whether networks and batches are tiny.
    """
    with tempfile.TemporaryDirectory() as name, mixed_precision(device):
        directory = Path(name)
        setting = Setting(
            lambda tasks: build_args(directory, tasks),
            heads,
            device=device,
            small=small,
            rounds=SMALL_ROUNDS if small else ROUNDS,
            workers=1 if small else 4,
        )
        batches = [batch_of(setting, make_batch)] * setting.steps
        found: dict[str, Any] = {"device": described(device), "torch": torch.__version__, "small": small}
        for precision in ("fp32", "bf16"):
            found[f"training_{precision}"] = benchmark_training(setting, batches, half=precision == "bf16")
        found["loading"] = benchmark_loading(setting, directory)
        found["speaking"] = benchmark_speaking(setting, directory)
    print(json.dumps(found, indent=1))


def batch_of(setting: Setting, make_batch: Callable[..., dict[str, torch.Tensor]]) -> Any:
    """Makes a batch with emotions, in memory that a GPU copies from without waiting."""
    batch = make_batch(setting.size, setting.tokens)
    batch["emotion"] = torch.eye(5)[batch["sids"].view(-1)]
    if setting.device != "cpu":
        batch = {name: value.pin_memory() for name, value in batch.items()}
    return [f"utt{number}" for number in range(setting.size)], batch


def described(device: str) -> str:
    """Names a device."""
    return "CPU" if device == "cpu" else torch.cuda.get_device_name()
