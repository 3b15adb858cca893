"""Processes that end with the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path


def end_with_parent() -> None:
    """Has this process end as soon as the one that started it by `multiprocessing` is gone, even killed.

    It would else wait for work forever, or go on writing without the lock that its parent held.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=[parent], daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def run_child(command: Sequence[str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command that ends with this process, since it calls `end_with_input`, and takes what it says.

    Args:
        command: The program and its arguments.
        directory: Where it runs.
    """
    # Nothing is ever written to it: it ends when this process does
    reader, writer = os.pipe()
    try:
        return subprocess.run(command, cwd=directory, stdin=reader, capture_output=True, text=True, check=False)
    finally:
        os.close(reader)
        os.close(writer)


def end_with_input() -> None:
    """Has this process end as soon as its standard input does; see `run_child`."""
    threading.Thread(target=_end_at_end_of_input, daemon=True).start()


def _end_at_end_of_input() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)
