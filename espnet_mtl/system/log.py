"""Logging of a training: everything to a file, epochs and warnings to the console."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TRAIN_LOG = "train.log"
"""In the directory of the experiment."""
FORMAT = "%(asctime)s (%(module)s:%(lineno)d) %(levelname)s: %(message)s"


class _EpochsOnly(logging.Filter):
    """Lets through warnings, the line that begins an epoch and those of a vocoder's steps."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "py.warnings":
            return False
        begins = re.match(r"\d+/\d+epoch started|The training was|vocoder: ", record.getMessage())
        return record.levelno >= logging.WARNING or begins is not None


class _ToFile(logging.FileHandler):
    """Writes what it can: where the disk is full, it says so once, and training goes on to its next checkpoint."""

    def __init__(self, path: Path):
        super().__init__(path, encoding="utf-8")
        self._path = path
        self._told = False

    def emit(self, record: logging.LogRecord) -> None:
        # A library that sets up logging anew closes every handler: the file is opened again, outside of the try of emit
        try:
            super().emit(record)
        except OSError as error:
            self._tell(error)

    def close(self) -> None:
        try:
            super().close()
        except OSError as error:
            self._tell(error)

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exception()
        if isinstance(error, OSError):
            self._tell(error)
        else:
            super().handleError(record)

    def _tell(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            print(f"{self._path} is not whole: {error}", file=sys.stderr)


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Logs this process to `path` and to the console, in the block."""
    root = logging.getLogger()
    level = root.level
    to_file = _ToFile(path)
    to_file.setFormatter(logging.Formatter(FORMAT))
    to_console = logging.StreamHandler(sys.stdout)
    to_console.addFilter(_EpochsOnly())
    handlers = (to_file, to_console)
    logging.captureWarnings(True)
    root.setLevel(logging.INFO)
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield
    finally:
        root.setLevel(level)
        logging.captureWarnings(False)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
