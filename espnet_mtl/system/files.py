"""Files and directories that are written whole or not at all, by one process at a time."""

from __future__ import annotations

import lzma
import os
import shutil
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from filelock import FileLock, Timeout

from espnet_mtl.errors import UserError, no_room
from espnet_mtl.system.paths import file_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_TEXT = {
    b"PK\x03\x04": "a ZIP file, such as an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"\x1f\x8b": "a gzip file",
    b"%PDF": "a PDF file",
    b"RIFF": "a recording",
    b"fLaC": "a recording",
}
"""First bytes of files that are sometimes given where a text file belongs, and what they are."""
DAMAGE = (
    *(AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, OverflowError),
    *(RuntimeError, TypeError, ValueError, struct.error, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What numpy.load and torch.load raise over bytes that are not what they should be."""
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-16."""


def read_text(path: str | Path, encoding: str = "utf-8-sig", utf16: bool = False) -> str:
    """Reads a text file; in what is returned, lines end with a line feed, whatever they end with in the file.

    Args:
        path: The file.
        encoding: That of the file; "utf-8-sig" is UTF-8, with or without a byte order mark.
        utf16: Whether a file that begins with the byte order mark of UTF-16 is read as such; else it is refused.

    Raises:
        UserError: It is missing or may not be read, or holds bytes that are no text in this encoding.
    """
    data = read_bytes(path)
    if data.startswith(UTF16_MARKS):
        if not utf16:
            raise UserError(f"{path}: text in UTF-16: save it as UTF-8")
        encoding = "utf-16"
    text = _decoded(data, Path(path), encoding)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(f"{path}:{line}: a NUL character: no text, or text in UTF-16: save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_bytes(path: str | Path) -> bytes:
    """Reads a file.

    Raises:
        UserError: It is missing, no file, or may not be read.
    """
    path = Path(path)
    try:
        if path.is_file():
            return path.read_bytes()
        problem = "is no file" if path.exists() else "is missing"
    except OSError as error:
        raise UserError(f"{str(path)[-200:]} cannot be read: {error.strerror}") from error
    raise UserError(f"{path} {problem}")


def _decoded(data: bytes, path: Path, encoding: str) -> str:
    """Decodes the content of a text file; what is no text at all is named for what it is."""
    for start, kind in NO_TEXT.items():
        if data.startswith(start):
            raise UserError(f"{path}: no text, but {kind}: save it as plain text in UTF-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        name = encoding.removesuffix("-sig").upper()
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: not {name}: {error.reason} (byte {error.start}); save it as UTF-8") from error


def read_names(path: str | Path) -> list[str]:
    """Reads a list of names, one a line: a token list, or the classes of a label.

    Raises:
        UserError: What `read_text` raises, or a line is empty or comes twice.
    """
    text = read_text(path).removesuffix("\n")
    names: dict[str, int] = {}
    for number, name in enumerate(text.split("\n") if text else [], 1):
        if not name:
            raise UserError(f"{path}:{number}: an empty line: expected a name")
        if name in names:
            raise UserError(f"{path}:{number}: {name[:80]!r} comes twice, in line {names[name]} as well")
        names[name] = number
    return list(names)


def read_arrays(path: str | Path, most_bytes: int = 2**26) -> dict[str, NDArray]:
    """Reads the arrays of an .npz file by name. Pickled objects, whose reading could run code, are refused.

    Args:
        path: The file.
        most_bytes: Size of all arrays beyond which the file is refused, as one that is packed so that little grows
            huge.

    Raises:
        UserError: It is missing, damaged, no such file, or too large.
    """
    import numpy as np  # here: most commands that read files do without it

    if not Path(path).is_file():
        raise UserError(f"{path} is missing")
    try:
        with zipfile.ZipFile(path) as members:
            size = sum(member.file_size for member in members.infolist())
        if size > most_bytes:
            raise UserError(f"{path}: arrays of {size} bytes: at most {most_bytes} are expected")
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except DAMAGE as error:
        raise UserError(f"{path} is damaged, or holds no arrays (.npz): {error}") from error


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Yields a file to write to, which takes the name `path` when the block succeeds and all of it is on disk.

    A killed or failed block, a full disk or a power cut leaves the old `path` (or none) as it was. A file that people
    keep is written by this function or by those that call it, and by nothing else.
    """
    path = Path(path)
    temporary = path.with_name(f".{file_name(path.name)}.tmp")  # the whole name may leave no room for a longer one
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = temporary.open("wb")
        try:
            with file:
                yield file
            rename(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def rename(source: Path, target: Path) -> None:
    """Renames a file when it is on disk: after a power cut, its new name would else stand for an empty one."""
    with source.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(source, target)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Writes a file, see `whole_file`."""
    with whole_file(path) as file:
        file.write(content)


def write_text(path: str | Path, text: str) -> None:
    """Writes a text file, see `whole_file`."""
    write_bytes(path, text.encode())


def append_text(path: str | Path, text: str) -> None:
    """Adds to a text file, and returns when it is on disk; where that fails, the file is as it was."""
    path = Path(path)
    with naming(path), path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            rest = memoryview(text.encode())
            while rest:  # a disk that is nearly full takes a part only
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except BaseException:
            file.truncate(before)
            raise


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Has an error for want of room say where: the system names no file when it is written on."""
    try:
        yield
    except Exception as error:
        full = no_room(error)
        if full is not None and full.filename is None:
            full.filename = str(path)
        raise


@contextmanager
def whole_directory(path: str | Path) -> Iterator[Path]:
    """Yields a temporary directory beside `path` that takes its name only when the block succeeds.

    A killed or failed block leaves the old `path` (or none) as it was.
    """
    path = Path(path)
    temporary, old = path.with_name(f".{path.name}.tmp"), path.with_name(f".{path.name}.old")
    with locked(path):
        if old.exists() and not path.exists():  # killed between the two renames below
            os.replace(old, path)
        remove(temporary, old)
        temporary.mkdir()
        try:
            yield temporary
        except BaseException:
            remove(temporary)
            raise
        if path.exists():
            os.replace(path, old)
        os.replace(temporary, path)
        remove(old)


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Lets one process at a time write `path`, also where a killed recipe left its stage running.

    The lock is beside `path`, with a leading dot; it ends with the process that holds it, even a killed one. The thread
    that holds it may take it again.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock").absolute(), is_singleton=True)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(f"waiting for another process that writes {path}", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        with naming(path):
            yield
    finally:
        lock.release()


def file_state(path: str | Path) -> list[int]:
    """Returns the size of a file and the time of its last change in ns; of none, nothing."""
    try:
        state = os.stat(path)
    except OSError:
        return []
    return [state.st_size, state.st_mtime_ns]


def remove(*paths: Path) -> None:
    """Deletes files and directory trees that exist."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.exists() or path.is_symlink():
            path.unlink()


def require(paths: Iterable[str | Path], producer: str) -> None:
    """Raises `UserError` "run <producer> first: <file> is missing" for the first missing file."""
    for path in paths:
        if not Path(path).exists():
            raise UserError(f"run {producer} first: {path} is missing")
