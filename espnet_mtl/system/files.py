"""Files and directories that are written whole or not at all, by one process at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from espnet_mtl.errors import UserError


def write_text(path: str | Path, text: str) -> None:
    """Writes a text file under a temporary name that is then renamed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


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
