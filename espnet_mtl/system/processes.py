"""Mapping a function over many items in processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from espnet_mtl.errors import UserError
from espnet_mtl.system.caches import prepare_numba
from espnet_mtl.system.progress import progress


def parallel_map[T, R](function: Callable[[T], R], items: Sequence[T], nj: int, description: str) -> Iterator[R]:
    """Yields `function(item)` in the order of `items`, computed by `nj` processes, while reporting progress.

    Processes are spawned, not forked: forking a process that runs threads (torch, BLAS) may hang.

    Raises:
        UserError: A process was killed.
    """
    if nj <= 1 or len(items) <= 1:
        yield from progress(map(function, items), description, len(items))
        return
    prepare_numba()  # once, not in every process
    chunk = max(1, min(32, len(items) // (4 * nj)))
    with ProcessPoolExecutor(nj, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            yield from progress(pool.map(function, items, chunksize=chunk), description, len(items))
        except BrokenProcessPool as error:
            raise UserError(
                f"{description}: a process was killed; perhaps memory ran out: lower --nj ({nj})"
            ) from error
