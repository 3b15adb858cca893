"""What every back end does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

LARGEST_CHUNK = 32
"""Items that a worker gets at once, at most."""
CHUNKS_EACH = 4
"""Chunks that a worker gets of short work, so that none waits long for the slowest."""


class Backend(ABC):
    """Workers that a function can be given to."""

    @abstractmethod
    def map[T, R](self, function: Callable[[T], R], items: Sequence[T], description: str) -> Iterator[R]:
        """Yields `function(item)` in the order of `items`.

        An error that the function raises is raised here; no worker is at work any more then.

        Args:
            function: A function of a module, or a `partial` of one: workers import it.
            items: What it is called with; they and the results are pickled.
            description: What is done, for messages.
        """

    @staticmethod
    def chunk_size(items: int, workers: int) -> int:
        """Returns how many items a worker gets at once."""
        return max(1, min(LARGEST_CHUNK, items // (CHUNKS_EACH * max(1, workers))))
