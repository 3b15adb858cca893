"""Files that are named as pictures, videos or arrays, before they are opened."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from espnet_mtl.visual.unusable import UnusableVisual

NOT_THERE = (errno.ENOENT, errno.ENOTDIR)


def check_file(path: Path) -> None:
    """Makes sure that a path is that of a file with something in it: to open a pipe would wait for a writer.

    Raises:
        UnusableVisual: It is not, and what it is.
    """
    try:
        status = path.stat()
    # A name that is too long, a link that leads to itself, a folder that may not be read; ValueError: a null byte
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None)
        if number in NOT_THERE:
            raise UnusableVisual(f"missing: {path}") from error
        raise UnusableVisual(f"unreadable: {path}: {os.strerror(number) if number else error}") from error
    if stat.S_ISDIR(status.st_mode):
        raise UnusableVisual(f"unreadable: {path}: it is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise UnusableVisual(f"unreadable: {path}: it is a pipe or a device, expected a file")
    if not status.st_size:
        raise UnusableVisual(f"unreadable: {path}: it is empty")
