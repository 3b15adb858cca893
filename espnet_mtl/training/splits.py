"""Tables in parts, of which a process holds one at a time: ESPnet's `multiple_iterator`, for millions of utterances."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from zlib import crc32

from espnet_mtl.data.provenance.notes import file_digest, is_sealed, seal
from espnet_mtl.errors import UserError
from espnet_mtl.system.files import locked, read_text, whole_directory, write_text

NUMBER = "num_splits"
"""ESPnet's name of the file that says how many parts there are."""
Input = tuple[str, str, str]
"""A table, the batch entry that it fills, and ESPnet's type of it."""


def read_in_parts(args: argparse.Namespace, number: int, directory: Path) -> None:
    """Has a training read its train set part by part.

    Args:
        args: The training's: in it, the tables of the train set are replaced by the directories of their parts.
        number: How many parts; 1: nothing happens.
        directory: Where parts are kept.

    Raises:
        UserError: A part would be empty, or there is no room.
    """
    if number == 1:
        return
    args.multiple_iterator = True
    inputs = args.train_data_path_and_name_and_type
    args.train_data_path_and_name_and_type = [
        (str(split_table(Path(table), number, directory)), entry, kind) for table, entry, kind in inputs
    ]
    shapes = args.train_shape_file
    args.train_shape_file = [str(split_table(Path(table), number, directory)) for table in shapes]


class TrainTables:
    """The tables of a train set, as a training reads them: whole, or in parts.

    Args:
        args: The training's.

    Raises:
        UserError: The parts are not there any more.
    """

    def __init__(self, args: argparse.Namespace):
        self._inputs = args.train_data_path_and_name_and_type
        self._count = 1
        if args.multiple_iterator:
            first = Path(self._inputs[0][0])
            self._count = int(read_text(first / NUMBER))

    def part_of(self, utt: str) -> int:
        """Returns the part that an utterance is in, from 0; of whole tables, 0."""
        return part_of(utt, self._count)

    def inputs(self, part: int) -> list[Input]:
        """Returns what ESPnet's dataset is made of: the tables of a part, the entries that they fill, and the types."""
        if self._count == 1:
            return [(path, entry, kind) for path, entry, kind in self._inputs]
        return [(str(part_table(Path(path), part)), entry, kind) for path, entry, kind in self._inputs]


def check_steps(num_iters_per_epoch: int | None, number: int) -> None:
    """Checks that an epoch has a step of each part.

    Raises:
        UserError: It has not: ESPnet would never train on some parts.
    """
    if num_iters_per_epoch is not None and num_iters_per_epoch < number:
        raise UserError(
            f"--num_splits {number}: num_iters_per_epoch {num_iters_per_epoch} leaves parts out, since each needs a "
            f"step of an epoch: --num_splits {num_iters_per_epoch} is the most"
        )


def split_table(table: Path, number: int, directory: Path) -> Path:
    """Parts a table, as ESPnet reads it; where that was done, it is not done again.

    An utterance goes by its name, so that it is in the same part of every table, and speakers are spread over all.
    Trainings that need the same parts wait for the one that makes them. What is in the table is part of the name of
    their directory, so that parts that a training reads are never replaced.

    Args:
        table: The table.
        number: How many parts.
        directory: Where parts are kept.

    Returns:
        The directory of its parts.

    Raises:
        UserError: A part would be empty, the table is changed meanwhile, or there is no room.
    """
    digest = file_digest(table)
    parts = directory / f"{table.stem}_{digest[:16]}_{number}"
    with locked(parts):
        if not is_sealed(parts):
            _split(table, digest, parts, number)
    return parts


def part_table(directory: Path, part: int) -> Path:
    """Names the table of a part, from 0, as ESPnet does."""
    return directory / f"split.{part}"


def _split(whole: Path, digest: str, directory: Path, number: int) -> None:
    counts = [0] * number
    with whole_directory(directory) as parts, ExitStack() as stack:
        tables = [part_table(parts, part) for part in range(number)]
        files = [stack.enter_context(table.open("w", encoding="utf-8")) for table in tables]
        with whole.open(encoding="utf-8") as lines:
            for line in lines:
                part = part_of(line.split(maxsplit=1)[0], number)
                counts[part] += 1
                files[part].write(line)
        if not all(counts):
            raise UserError(f"--num_splits {number}: {whole} has too few lines ({sum(counts)}): take fewer splits")
        if file_digest(whole) != digest:
            raise UserError(f"{whole} has changed while it was parted: run the same command again")
        write_text(parts / NUMBER, f"{number}\n")
        # Here, when all of them are closed
        stack.close()
        seal(parts)


def part_of(utt: str, number: int) -> int:
    """Returns the part of an utterance, from 0."""
    return crc32(utt.encode()) % number
