"""Progress of long work: a bar on a terminal, a line per tenth in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from tqdm import tqdm


def progress[T](items: Iterable[T], description: str, total: int) -> Iterator[T]:
    """Yields `items` while reporting how many of `total` are done on stderr."""
    if sys.stderr is None:  # it was closed before the start
        yield from items
        return
    if sys.stderr.isatty():
        yield from tqdm(items, desc=description, total=total, leave=False)
        return
    tenth = max(1, -(-total // 10))
    for done, item in enumerate(items, 1):
        yield item
        if done % tenth == 0 or done == total:
            print(f"{description}: {done}/{total}", file=sys.stderr, flush=True)
