"""Processors to compute on."""

from __future__ import annotations

import os

from espnet_mtl.errors import UserError


def available_cores() -> int:
    """Counts the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_gpus(count: int) -> None:
    """Raises UserError where PyTorch finds fewer than `count` GPUs."""
    import torch

    found = torch.cuda.device_count()
    if count > found:
        raise UserError(f"--ngpu {count}: PyTorch finds {found or 'no'} GPU(s) here; 0 takes the CPU")
