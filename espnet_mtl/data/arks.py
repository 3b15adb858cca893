"""Kaldi archives of feature matrices: the one place where they are written, and scp files of matrices are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import kaldiio
import numpy as np

from espnet_mtl.data.kaldi import read_scp, read_table
from espnet_mtl.errors import UserError
from espnet_mtl.system.kaldi.matrix import OpenArchive, load_matrix


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


class Matrices:
    """The matrices that a scp file names, each read when it is asked for.

    Args:
        scp: The table, such as `feats.scp`.
        producer: What makes it, e.g. "stage 3".

    Attributes:
        places: Where each is, by utterance.
        archives: Files that shapes were read from.

    Raises:
        UserError: The table is missing, or a line of it is no file: commands are not run.
    """

    def __init__(self, scp: Path, producer: str = ""):
        self.places = read_scp(scp, producer)
        self.archives: set[str] = set()
        self._columns: int | None = None

    def __getitem__(self, utt: str) -> np.ndarray:
        """Reads a matrix (T, D).

        Raises:
            UserError: What `load_matrix` raises, or D is another one than that of the matrix that was read first.
        """
        matrix = load_matrix(self.places[utt], self.places.at(utt))
        self._checked(utt, matrix.shape)
        return matrix

    def shapes(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Yields each utterance and the shape of its matrix: (T, D).

        Raises:
            UserError: As for the matrix, whose numbers are not looked at.
        """
        with OpenArchive() as archive:
            for utt, place in self.places.items():
                yield utt, self._checked(utt, archive.shape(place, self.places.at(utt)))
        self.archives = archive.paths

    def _checked(self, utt: str, shape: tuple[int, ...]) -> tuple[int, int]:
        if self._columns is None:
            self._columns = shape[-1]
        if len(shape) != 2 or shape[1] != self._columns:
            raise UserError(f"{self.places.where(utt)}: a matrix {shape}, where others have {self._columns} columns")
        return shape[0], shape[1]
