"""The back end `processes`: workers are processes of this machine."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from espnet_mtl.errors import UserError
from espnet_mtl.system.caches import prepare_numba
from espnet_mtl.system.parallel.base import Backend
from espnet_mtl.system.parallel.children import end_with_parent


@dataclass(frozen=True)
class Processes(Backend):
    """Processes that end with the work, or with the process that they work for.

    They are spawned, not forked: forking a process that runs threads (torch, BLAS) may hang.

    Attributes:
        nj: How many. One, or one item, is worked on in this process.
    """

    nj: int

    def map[T, R](self, function: Callable[[T], R], items: Sequence[T], description: str) -> Iterator[R]:
        """Yields `function(item)` in the order of `items`.

        Raises:
            UserError: A process was killed.
        """
        if self.nj <= 1 or len(items) <= 1:
            yield from map(function, items)
            return
        prepare_numba()  # once, not in every process
        chunk = self.chunk_size(len(items), self.nj)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.nj, spawn, initializer=end_with_parent) as pool:
            try:
                yield from pool.map(function, items, chunksize=chunk)
            except BrokenProcessPool as error:
                raise UserError(
                    f"{description}: a process was killed; perhaps memory ran out: lower --nj ({self.nj})"
                ) from error
