"""Processors to compute on."""

from __future__ import annotations

from espnet_mtl.errors import UserError


def check_gpus(count: int) -> None:
    """Raises UserError where PyTorch finds fewer than `count` GPUs."""
    import torch

    found = torch.cuda.device_count()
    if count > found:
        raise UserError(f"--ngpu {count}: PyTorch finds {found or 'no'} GPU(s) here; 0 takes the CPU")
