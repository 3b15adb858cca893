"""The one door to parallel work: `parallel_map`, and what chooses its back end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from espnet_mtl.system.parallel.base import Backend
from espnet_mtl.system.parallel.processes import Processes
from espnet_mtl.system.progress import progress

_CHOSEN: ContextVar[Backend | None] = ContextVar("backend", default=None)


@contextmanager
def working_on(backend: Backend) -> Iterator[None]:
    """Lets `parallel_map` work there, and not in processes of this machine."""
    token = _CHOSEN.set(backend)
    try:
        yield
    finally:
        _CHOSEN.reset(token)


def parallel_map[T, R](
    function: Callable[[T], R], items: Sequence[T], nj: int, description: str
) -> Generator[R, None, None]:
    """Yields `function(item)` in the order of `items`, while reporting progress.

    Who may stop before the last result, over an error perhaps, closes it (`contextlib.closing`): until then, workers go
    on with what nobody will take, and the command does not end.

    Args:
        function: A function of a module, or a `partial` of one.
        items: What it is called with.
        nj: Processes; where a cluster was chosen (`working_on`), its workers do it instead.
        description: What is done, for messages.

    Raises:
        UserError: A worker was killed, and the work could not be done again.
    """
    backend = _CHOSEN.get() or Processes(nj)
    yield from progress(backend.map(function, items, description), description, len(items))
