"""Matrices and vectors in Kaldi archives: the one reader of what an entry such as `feats.ark:1234` names."""

from __future__ import annotations

import io
import math
import os
import re
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from kaldiio.matio import read_kaldi

from espnet_mtl.errors import UserError

SUFFIX = ".ark"
PLACE = re.compile(r"(.+?)(?::(\d{1,18}))?")
"""File and, where there is one, offset of a matrix: `feats.ark:1234`."""
BINARY = b"\0B"
"""What a binary matrix begins with. kaldiio also reads others, among them pickles, whose reading runs code."""
NUMBERS = {b"FM": 4, b"DM": 8, b"FV": 4, b"DV": 8}
"""Bytes of a number in matrices and vectors of plain numbers."""
COMPRESSED = {b"CM": 1, b"CM2": 2, b"CM3": 1}
"""Bytes of a number in compressed matrices."""
LONGEST_HEADER = 32


@dataclass(frozen=True)
class Header:
    """What the first bytes of a matrix say: its shape, and where its bytes end, counted from its start."""

    shape: tuple[int, ...]
    end: int


def load_matrix(place: str, where: object) -> np.ndarray:
    """Reads a matrix (T, D) or a vector (T,) of a Kaldi archive; it is the caller's own.

    Args:
        place: `<file>` or `<file>:<offset>`. A command is not run, and a pickle not read.
        where: What names it, for messages: a text, or what becomes one.

    Raises:
        UserError: There is no such file, or no matrix at this place, or less than its header says, or a number of it is
            not finite.
    """
    with _opened(place, where) as (file, header):
        content = io.BytesIO(file.read(header.end))
    values = np.array(read_kaldi(content))
    if not np.isfinite(values).all():
        raise UserError(f"{where}: NaN or infinity among the numbers in {place}")
    return values


def matrix_shape(place: str, where: object) -> tuple[int, ...]:
    """Reads the shape alone of what `load_matrix` reads: (T, D) or (T,).

    Raises:
        UserError: As for the matrix, whose numbers are not looked at.
    """
    with _opened(place, where) as (_, header):
        return header.shape


class OpenArchive:
    """Reads the shapes of many matrices, of which one after the other mostly lies in the same file: that stays open.

    Attributes:
        paths: The files that were read.
    """

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self._path = ""
        self._files = ExitStack()
        self._file: BinaryIO | None = None

    def __enter__(self) -> OpenArchive:
        """Opens nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the last file."""
        self._files.close()

    def shape(self, place: str, where: object) -> tuple[int, ...]:
        """Does what `matrix_shape` does."""
        path, offset = _parted(place)
        with _told(path, where):
            if self._file is None or path != self._path:
                self._files.close()
                self._file = self._files.enter_context(_open_file(path, where))
                self._path = path
                self.paths.add(path)
            return _checked_header(self._file, path, offset, where).shape


@contextmanager
def _opened(place: str, where: object) -> Iterator[tuple[BinaryIO, Header]]:
    """Opens the file of a matrix at its start, once its header is known to be right."""
    path, offset = _parted(place)
    with _told(path, where), _open_file(path, where) as file:
        header = _checked_header(file, path, offset, where)
        file.seek(offset)
        yield file, header


@contextmanager
def _told(path: str, where: object) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{where}: {path[:200]} cannot be read: {error.strerror}") from error


def _open_file(path: str, where: object) -> BinaryIO:
    if not Path(path).is_file():  # nor a pipe with a name, at which reading would wait
        raise UserError(f"{where}: {path[:200]} is missing")
    return open(path, "rb")


def _checked_header(file: BinaryIO, path: str, offset: int, where: object) -> Header:
    """Reads the header of a matrix, and makes sure that it is one, and that its file does not end within it."""
    left = os.fstat(file.fileno()).st_size - offset
    file.seek(offset)
    header = _header(file.read(LONGEST_HEADER))
    place = f"{path}:{offset}" if offset else path
    if header is None or not all(header.shape):
        raise UserError(f"{where}: no Kaldi matrix at {place}")
    if header.end > left:
        raise UserError(f"{where}: {path} ends within the matrix {header.shape} at {place}: it is cut off")
    return header


def file_and_offset(place: str) -> tuple[Path, int]:
    """Parts a place, `feats.ark:1234`, into file and offset (0 where there is none)."""
    path, offset = _parted(place)
    return Path(path), offset


def _parted(place: str) -> tuple[str, int]:
    found = PLACE.fullmatch(place)
    if found is None or not found[2]:
        return place, 0
    return found[1], int(found[2])


def is_place_of_matrix(place: str) -> bool:
    """Tells whether a place is one in an archive, by its name alone."""
    path, offset = file_and_offset(place)
    return path.suffix == SUFFIX or offset > 0


def _header(start: bytes) -> Header | None:
    """Reads the first bytes of a matrix; None where they are those of something else.

    The form is Kaldi's: `\\0B`, a type and a space; then, each behind a byte 4, rows and columns (a vector: one
    length); or, of a compressed matrix, two numbers of 4 bytes, rows and columns.
    """
    kind, space, rest = start.removeprefix(BINARY).partition(b" ")
    if not start.startswith(BINARY) or not space:
        return None
    begin = len(start) - len(rest)
    sizes: tuple[int, ...] | None = None
    if kind in NUMBERS:
        sizes = _unpacked("<bibi" if kind.endswith(b"M") else "<bi", rest)
        # Each size is led by the number of its own bytes
        if sizes is None or set(sizes[::2]) != {4} or min(sizes[1::2]) < 0:
            return None
        shape = sizes[1::2]
        return Header(shape, begin + 5 * len(shape) + math.prod(shape) * NUMBERS[kind])
    if kind in COMPRESSED:
        sizes = _unpacked("<8xii", rest)
        if sizes is None or min(sizes) < 0:
            return None
        rows, columns = sizes
        percentiles = 8 * columns if kind == b"CM" else 0
        return Header((rows, columns), begin + 16 + percentiles + rows * columns * COMPRESSED[kind])
    return None


def _unpacked(form: str, data: bytes) -> tuple[int, ...] | None:
    size = struct.calcsize(form)
    return struct.unpack(form, data[:size]) if len(data) >= size else None
