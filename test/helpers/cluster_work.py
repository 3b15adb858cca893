"""What workers of a cluster are given in tests: they import it, and so it is in no module of tests."""

import os
import signal
import time
from pathlib import Path


def place(_):
    """Says where a worker is."""
    return os.getcwd(), os.getpid()


def slow(item):
    time.sleep(0.05)
    return item * item


def once_deadly(first, item):
    """Kills the first worker that comes here; `first` is a path that does not exist until then."""
    try:
        Path(first).touch(exist_ok=False)
    except FileExistsError:
        return item
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def deadly(item):
    os.kill(os.getpid(), signal.SIGKILL)


def late(path, item):
    """Fails for the first item; for others it takes a while, and then leaves a mark."""
    if item == 0:
        raise ValueError("the first one")
    time.sleep(0.5)
    Path(path, str(item)).touch()
    return item
