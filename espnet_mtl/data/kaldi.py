"""Reading and writing Kaldi-style tables (`<key> <value>` a line), whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from espnet_mtl.errors import UserError


def read_table(path: str | Path, producer: str = "") -> dict[str, str]:
    """Reads a table such as `text`, `wav.scp` or `utt2spk`.

    Args:
        path: The file: one `<key> <value>` a line, UTF-8.
        producer: What makes this file, e.g. "stage 3", for the error where it is missing.

    Raises:
        UserError: The file is missing, a line has no value, or a key comes twice.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"run {producer} first: {path} is missing" if producer else f"{path} is missing")
    table: dict[str, str] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            key, _, value = line.strip().partition(" ")
            if not value:
                raise UserError(f"{path}:{number}: expected '<key> <value>', got {line.strip()!r}")
            if key in table:
                raise UserError(f"{path}:{number}: {key!r} comes twice; every key must be unique")
            table[key] = value.strip()
    return table


def read_optional(path: Path) -> dict[str, str]:
    """Reads a table that may not be there: then it is empty."""
    return read_table(path) if path.is_file() else {}


def write_table(path: str | Path, table: Mapping[str, object]) -> None:
    """Writes a table sorted by key, under a temporary name that is then renamed."""
    write_text(path, "".join(f"{key} {table[key]}\n" for key in sorted(table)))


def write_text(path: str | Path, text: str) -> None:
    """Writes a text file under a temporary name that is then renamed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def invert(utt2x: Mapping[str, str]) -> dict[str, str]:
    """Turns `utt2spk` into `spk2utt` (values: utterance ids joined by spaces, sorted)."""
    groups: dict[str, list[str]] = {}
    for utt in sorted(utt2x):
        groups.setdefault(utt2x[utt], []).append(utt)
    return {key: " ".join(utts) for key, utts in groups.items()}


@contextmanager
def whole_directory(path: str | Path) -> Iterator[Path]:
    """Yields a temporary directory beside `path` that takes its name only when the block succeeds.

    A killed or failed block leaves the old `path` (or none) as it was.
    """
    path = Path(path)
    temporary, old = path.with_name(f".{path.name}.tmp"), path.with_name(f".{path.name}.old")
    with locked(path):
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
    """Lets one process at a time write `path`, also where a killed recipe left its stage running."""
    lock = Path(path).with_name(f".{Path(path).name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another process that writes {path}", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


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
