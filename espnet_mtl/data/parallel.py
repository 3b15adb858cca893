"""Mapping a function over many items in processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from espnet_mtl.progress import progress


def parallel_map[Item, Result](
    function: Callable[[Item], Result], items: Sequence[Item], nj: int, description: str
) -> Iterator[Result]:
    """Yields `function(item)` in the order of `items`, computed by `nj` processes, while reporting progress.

    Processes are spawned, not forked: forking a process that runs threads (torch, BLAS) may hang.
    """
    if nj <= 1 or len(items) <= 1:
        yield from progress(map(function, items), description, len(items))
        return
    chunk = max(1, min(32, len(items) // (4 * nj)))
    with ProcessPoolExecutor(nj, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from progress(pool.map(function, items, chunksize=chunk), description, len(items))
