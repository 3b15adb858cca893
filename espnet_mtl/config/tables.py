"""Names of classes and tokens, as a configuration holds them: a list, or a file of one a line."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from espnet_mtl.errors import UserError
from espnet_mtl.labels import TABLES
from espnet_mtl.system.files import read_names


def label_tables(args: Namespace) -> dict[str, list[str]]:
    """Names the classes of each label: `{"emotion": ["angry", …], …}`.

    Raises:
        UserError: A file of names is missing.
    """
    return {label.name: listed_names(getattr(args, key, None)) for key, label in TABLES.items()}


def listed_names(source: str | list[str] | None) -> list[str]:
    """Reads a list of names from a file, one a line, or takes the list as it is.

    Raises:
        UserError: The file is missing.
    """
    if source is None or isinstance(source, (list, tuple)):
        return list(source or [])
    if not Path(source).is_file():
        raise UserError(f"run stage 4 first: {source} is missing")
    return read_names(source)
