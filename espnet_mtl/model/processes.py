"""What the processes of a distributed training tell each other."""

from __future__ import annotations

import torch
from torch import Tensor, distributed
from torch.distributed.nn import functional


def processes_are_connected() -> bool:
    """Tells whether this is one of the processes of a distributed training."""
    return distributed.is_available() and distributed.is_initialized()


def processes() -> int:
    """Counts the processes of a distributed training; 1: it is none."""
    return distributed.get_world_size() if processes_are_connected() else 1


def over_processes(values: Tensor) -> Tensor:
    """Sums a tensor over the processes of a distributed training."""
    if processes() > 1:
        distributed.all_reduce(values)
    return values


def gathered(values: Tensor) -> tuple[Tensor, int]:
    """Joins the rows of all processes, through which gradients go back to the process that a row is from.

    Args:
        values: Rows (B, …), of another B in each process.

    Returns:
        The rows of all, and how many are before those of this process.
    """
    if processes() == 1:
        return values, 0
    counts = values.new_zeros(processes(), dtype=torch.long)
    counts[distributed.get_rank()] = len(values)
    sizes = over_processes(counts).tolist()
    # Collective operations take tensors of one size
    padding = values.new_zeros(max(sizes) - len(values), *values.shape[1:])
    parts = functional.all_gather(torch.cat([values, padding]))
    rows = [part[:size] for part, size in zip(parts, sizes, strict=True)]
    return torch.cat(rows), sum(sizes[: distributed.get_rank()])
