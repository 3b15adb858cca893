"""Tables in parts, of which a process holds one at a time: ESPnet's `multiple_iterator`, for millions of utterances."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from zlib import crc32

from espnet_mtl.errors import UserError
from espnet_mtl.system.files import locked, whole_directory, write_text

NUMBER = "num_splits"
"""ESPnet's name of the file that says how many parts there are; it is written last."""


def split_tables(tables: Iterable[tuple[Path, Path]], number: int) -> None:
    """Parts each table in `number` of them, as ESPnet reads them; where that was done, it is not done again.

    An utterance goes by its name, so that it is in the same part of every table, and speakers are spread over all.
    Trainings that need the same parts wait for the one that makes them.

    Args:
        tables: Each table, and the directory that its parts go to.
        number: How many parts.

    Raises:
        UserError: A part would be empty, or there is no room.
    """
    for table, directory in tables:
        with locked(directory):
            if not (directory / NUMBER).is_file():
                _split(table, directory, number)


def _split(table: Path, directory: Path, number: int) -> None:
    counts = [0] * number
    with whole_directory(directory) as parts, ExitStack() as stack:
        files = [stack.enter_context(open(parts / f"split.{part}", "w", encoding="utf-8")) for part in range(number)]
        with table.open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                part = part_of(line.split(maxsplit=1)[0], number)
                counts[part] += 1
                files[part].write(line)
        if not all(counts):
            raise UserError(f"--num_splits {number}: {table} has too few lines ({sum(counts)}): take fewer splits")
        write_text(parts / NUMBER, f"{number}\n")


def part_of(utt: str, number: int) -> int:
    """Returns the part of an utterance, from 0."""
    return crc32(utt.encode()) % number
