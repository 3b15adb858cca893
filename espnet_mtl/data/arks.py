"""Kaldi archives of feature matrices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import kaldiio

from espnet_mtl.data.kaldi import read_table


@contextmanager
def ark_writers(directory: Path, names: Iterable[str]) -> Iterator[dict[str, kaldiio.WriteHelper]]:
    """Opens `<name>.ark` with `<name>.scp` in a directory for each name; call `writers[name](utt, matrix)`."""
    with ExitStack() as stack:
        writers = {}
        for name in names:
            writer = kaldiio.WriteHelper(f"ark,scp:{directory}/{name}.ark,{directory}/{name}.scp")
            writers[name] = stack.enter_context(writer)
        yield writers


def moved_scp(scp: Path, directory: Path) -> dict[str, str]:
    """Reads a scp file whose archive is about to be found in `directory`."""
    return {utt: str(directory / Path(place).name) for utt, place in read_table(scp).items()}
