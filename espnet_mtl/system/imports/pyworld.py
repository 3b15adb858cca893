"""Importing pyworld without what it says of pkg_resources, which nothing that a user does could change."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from types import ModuleType

IMPORTING = RLock()
"""Held while something of the whole process (filters of warnings, decorators, modules) is another for an import: what
one thread puts back must be what it found. What is imported meanwhile never imports this package, so nobody waits in a
circle."""


@contextmanager
def without_remark() -> Iterator[None]:
    """Drops the warning that pyworld causes."""
    if "pyworld" in sys.modules:
        yield
        return
    with IMPORTING, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "pkg_resources is deprecated as an API")
        yield


def import_pyworld() -> ModuleType:
    """Imports pyworld, and returns it."""
    with without_remark():
        import pyworld
    return pyworld
