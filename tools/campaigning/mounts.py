"""Disks that are full or read-only: mounts that only this process and its children see, and that end with them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = 4096
"""Bytes that a disk in memory gives to a file at once."""


def may_mount() -> bool:
    """Lets this process see mounts of its own; False where the system does not allow it."""
    try:
        os.unshare(os.CLONE_NEWNS)
    except OSError:
        return False
    return _mount("--make-rprivate", "/") and _mount("--bind", "/tmp", "/tmp") and _unmount("/tmp")


def _mount(*words: str | Path) -> bool:
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0


def _unmount(place: str | Path) -> bool:
    return subprocess.run(["umount", place], capture_output=True, check=False).returncode == 0


def room_taken(directory: Path) -> int:
    """Returns the bytes that the files of a directory take on a disk in memory."""
    files = [path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(-(-path.stat().st_size // PAGE) * PAGE for path in files)


@contextmanager
def small_disk(work: Path, size: int) -> Iterator[None]:
    """Lets a directory be on a disk of its own; what is on it in the end is left where the directory was.

    Args:
        work: The directory, whose files are on that disk as well.
        size: Bytes of the disk.
    """
    beside = work.with_name(f"{work.name}.beside")
    work.rename(beside)
    work.mkdir()
    assert _mount("-t", "tmpfs", "-o", f"size={size}", "campaign", work), "a disk cannot be mounted any more"
    try:
        shutil.copytree(beside, work, symlinks=True, dirs_exist_ok=True)
        yield
        shutil.rmtree(beside)
        shutil.copytree(work, beside, symlinks=True)
    finally:
        _unmount(work)
        work.rmdir()
        beside.rename(work)


@contextmanager
def read_only(work: Path) -> Iterator[None]:
    """Lets nobody write below a directory, whatever its permissions say."""
    assert _mount("--bind", work, work), "a directory cannot be mounted any more"
    try:
        assert _mount("-o", "remount,ro,bind", work), "a directory cannot be made read-only"
        yield
    finally:
        _unmount(work)
