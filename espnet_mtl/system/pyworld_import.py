"""Importing pyworld without what it says of pkg_resources, which nothing that a user does could change."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def without_remark() -> Iterator[None]:
    """Drops the warning that pyworld causes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "pkg_resources is deprecated as an API")
        yield


def import_pyworld() -> ModuleType:
    """Imports pyworld, and returns it."""
    with without_remark():
        import pyworld
    return pyworld
