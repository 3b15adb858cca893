"""Kaldi-style tables: `<key> <value>` a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from espnet_mtl.errors import UserError
from espnet_mtl.labels import ClassLabel, ContinuousLabel
from espnet_mtl.system.files import read_text, write_text
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.text.normal import normal_text

Label = ClassLabel | ContinuousLabel


def read_table(path: str | Path, producer: str = "") -> dict[str, str]:
    """Reads a table such as `text`, `wav.scp` or `utt2spk`.

    Args:
        path: The file: one `<key> <value>` a line, UTF-8.
        producer: What makes this file, e.g. "stage 3", for the error where it is missing.

    Raises:
        UserError: The file is missing or not UTF-8, a line has no value, or a key comes twice.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"run {producer} first: {path} is missing" if producer else f"{path} is missing")
    table: dict[str, str] = {}
    for number, line in numbered_lines(path):
        key, _, value = line.partition(" ")
        if not value:
            raise UserError(f"{path}:{number}: expected '<key> <value>', got {line!r}")
        key = normal_name(key)
        if key in table:
            raise UserError(f"{path}:{number}: {key!r} comes twice; every key must be unique")
        table[key] = value.strip()
    return table


def numbered_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yields the number of each line of a UTF-8 file, from 1, and the line without spaces around it.

    Raises:
        UserError: The file is missing, or a line is not UTF-8.
    """
    text = read_text(path).removesuffix("\n")
    lines = text.split("\n") if text else []
    for number, line in enumerate(lines, 1):
        yield number, line.strip()


def read_texts(path: Path) -> dict[str, str]:
    """Reads a table `text`, each in its one form; a line may hold a key alone: its text is empty.

    Raises:
        UserError: The file is missing, or a line is not UTF-8.
    """
    texts = {}
    for _, line in numbered_lines(path):
        utt, _, text = line.partition(" ")
        if utt:
            texts[normal_name(utt)] = normal_text(text)
    return texts


def read_labels(path: Path, label: Label) -> dict[str, str]:
    """Reads the lines of a label table that may not be there: then there are none. Names have their one form.

    Raises:
        UserError: A line is no label; the message names the file and the utterance.
    """
    table = read_optional(path)
    for utt, line in table.items():
        try:
            table[utt] = normal_label(label, line)
        except UserError as error:
            raise UserError(f"{path}: utterance {utt}: {error}") from error
    return table


def normal_label(label: Label, line: str) -> str:
    """Returns a line of a label with names in their one form.

    Raises:
        UserError: It is not what `espnet_mtl.labels` reads.
    """
    if isinstance(label, ClassLabel):
        return label.normal_line(line)
    label.read(line)
    return line


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
