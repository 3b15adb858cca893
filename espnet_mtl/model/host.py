"""What passes between a device and its host: few copies, for each waits until the device has computed what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor

from espnet_mtl.model.processes import processes_are_connected


@lru_cache(maxsize=256)
def constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Returns numbers (N,) on a device, to which they are copied once; nobody may change them."""
    with torch.inference_mode(False):  # what is made in inference could not be used in training
        return torch.tensor(values, dtype=dtype, device=device)


def on_host(figures: Mapping[str, float | Tensor]) -> dict[str, Tensor]:
    """Brings figures to the host in one copy: ESPnet's reporter would read one after the other.

    Args:
        figures: Numbers, and tensors of one element on one device.

    Returns:
        Scalars on the CPU, float64, in the same order.
    """
    tensors = [value for value in figures.values() if isinstance(value, Tensor)]
    copied = iter(_copied(tensors))
    found = {}
    for name, value in figures.items():
        found[name] = next(copied) if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
    return found


def for_trainer(loss: Tensor, figures: Mapping[str, Tensor], size: int) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Returns what ESPnet's Trainer takes of a batch: its loss (1,), figures to report, and its size.

    Args:
        loss: A scalar.
        figures: Scalars on the host, where ESPnet's reporter wants them. The processes of a distributed training first
            take their mean, on their devices.
        size: Utterances.
    """
    weight, values = torch.tensor([size]), torch.stack([*figures.values()])
    if processes_are_connected():
        weight, values = (one.to(loss.device, non_blocking=True) for one in (weight, values))
    return loss[None], dict(zip(figures, values.split(1), strict=True)), weight


def _copied(tensors: list[Tensor]) -> list[Tensor]:
    if not tensors:
        return []
    values = [tensor.detach().reshape(()).double() for tensor in tensors]
    return list(torch.stack(values).cpu().unbind())
