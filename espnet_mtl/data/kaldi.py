"""Kaldi-style tables: `<key> <value>` a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from espnet_mtl.errors import UserError
from espnet_mtl.system.files import write_text


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


def invert(utt2x: Mapping[str, str]) -> dict[str, str]:
    """Turns `utt2spk` into `spk2utt` (values: utterance ids joined by spaces, sorted)."""
    groups: dict[str, list[str]] = {}
    for utt in sorted(utt2x):
        groups.setdefault(utt2x[utt], []).append(utt)
    return {key: " ".join(utts) for key, utts in groups.items()}
