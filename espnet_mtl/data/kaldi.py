"""Kaldi-style tables, `<key> <value>` a line: the one place where they are read and written."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from espnet_mtl.errors import UserError
from espnet_mtl.labels import ClassLabel, ContinuousLabel
from espnet_mtl.system.files import read_text, write_text
from espnet_mtl.system.paths import CONTROL
from espnet_mtl.system.unicode import OneForm, normal_name
from espnet_mtl.text.normal import normal_text

Label = ClassLabel | ContinuousLabel

GAP = re.compile(r"[ \t]+")
"""What stands between key and value."""
BYTE_ORDER_MARK = "\ufeff"
LONGEST_SHOWN = 80
"""Letters of a wrong line that a message repeats."""


class Table(dict[str, str]):
    """Values by key, in the order of the lines; no key is ever added or taken away once it has been read.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path):
        super().__init__()
        self.path = path

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """Number of each key's line, from 1; made once a message needs it, as it takes as much room as the rest."""
        return {key: number for number, key in enumerate(self, 1)}

    def where(self, key: str) -> str:
        """Names the place of a line, for messages: file, number, and utterance."""
        return f"{self.path}:{self._numbers[key]}: utterance {key}"

    def at(self, key: str) -> TableLine:
        """Returns the place of a line as what is `where` once a message is made of it."""
        return TableLine(self, key)

    def check_has(self, keys: Iterable[str], other: Path) -> None:
        """Raises UserError where a key lacks a line; `other` is the file that names it."""
        lacking = [key for key in keys if key not in self]
        if lacking:
            more = f" ({len(lacking)} such utterances)" if len(lacking) > 1 else ""
            raise UserError(f"{self.path}: no line for {lacking[0]}, which is in {other.name}{more}")

    def check_only(self, keys: Mapping[str, object], other: Path) -> None:
        """Raises UserError where a line is that of no key; `other` is the file that names them."""
        for key in self:
            if key not in keys:
                raise UserError(f"{self.where(key)} is not in {other.name}: correct the line, or delete it")


class TableLine(NamedTuple):
    """A line of a table: as text, its place. That of every line would take long to make where hardly any is shown."""

    table: Table
    key: str

    def __str__(self) -> str:
        """Returns the place."""
        return self.table.where(self.key)


def read_table(path: str | Path, producer: str = "", empty_values: bool = False, only_keys: bool = False) -> Table:
    """Reads a table such as `text` or `utt2spk`; one of files, such as `wav.scp`, is for `read_scp`.

    Args:
        path: The file: one `<key> <value>` a line, UTF-8.
        producer: What makes this file, e.g. "stage 3", for the error where it is missing.
        empty_values: Whether a line may hold a key alone.
        only_keys: Whether values are of no use: all are empty then, which takes little room.

    Raises:
        UserError: The file is missing or no text, a line has no value or a control character, or a key comes twice.
    """
    path = Path(path)
    if producer and not path.is_file():
        raise UserError(f"run {producer} first: {path} is missing")
    table = Table(path)
    for number, line in _numbered_lines(path):
        # In ASCII there is no other space left at which `str.split`, which is faster, could part a line
        parts = line.split(maxsplit=1) if line.isascii() else GAP.split(line, maxsplit=1)
        if not parts or not parts[0] or (len(parts) < 2 and not empty_values):
            raise UserError(f"{path}:{number}: expected '<key> <value>', got {line[:LONGEST_SHOWN]!r}")
        key = _key(parts[0], path, number)
        if key in table:
            raise UserError(f"{path}:{number}: {key!r} comes twice; every key must be unique")
        table[key] = parts[1].strip() if len(parts) > 1 and not only_keys else ""
    return table


def _key(word: str, path: Path, number: int) -> str:
    """Returns the one form of a key; the tables of a set share theirs, as a million of them take room."""
    # Such as a no-break space, at which ESPnet would part the line, or the mark of two files that were joined
    if not word.isascii() and (any(map(str.isspace, word)) or BYTE_ORDER_MARK in word):
        raise UserError(f"{path}:{number}: {word[:LONGEST_SHOWN]!r} is no key: it holds a space of another kind")
    return sys.intern(normal_name(word))


def _numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the number of each line, from 1, and the line without spaces around it."""
    text = read_text(path)
    if text == "\n":
        return
    is_clean = CONTROL.search(text) is None
    for number, line in enumerate(io.StringIO(text, newline="\n"), 1):
        found = None if is_clean else CONTROL.search(line)
        if found:
            code = f"U+{ord(found[0]):04X}"
            shown = line.removesuffix("\n")[:LONGEST_SHOWN]
            raise UserError(f"{path}:{number}: the control character {code} in {shown!r}")
        yield number, line.strip()


def read_scp(path: str | Path, producer: str = "", pipes: bool = False, advice: str = "") -> Table:
    """Reads a table of files, such as `wav.scp` and `feats.scp`.

    Args:
        path: The table.
        producer: What makes it.
        pipes: Whether a line may be a command whose output is the file (`sox a.wav -t wav - |`). Readers of such files
            run it, so that only the user's own lines may hold one, and only where the user says so.
        advice: What to do about one, for the error.

    Raises:
        UserError: What `read_table` raises, or a line is a command, or the standard input.
    """
    table = read_table(path, producer)
    for key, place in table.items():
        if is_pipe(place) and not (pipes and place.endswith("|")):
            shown = place[:LONGEST_SHOWN]
            raise UserError(f"{table.where(key)}: a command ({shown!r}): only files are read here, no pipes{advice}")
        if place.rpartition(":")[2] == "-":
            raise UserError(f"{table.where(key)}: {place!r} is the standard input: name a file")
    return table


def is_pipe(place: str) -> bool:
    """Tells whether an entry of a scp file is a command, which is read from or written to."""
    return place.strip().startswith("|") or place.strip().endswith("|")


@contextmanager
def as_file(place: str) -> Iterator[str]:
    """Yields the path of the file that an entry of a scp file names; of a command, that of its output.

    Raises:
        UserError: The command fails.
    """
    if not is_pipe(place):
        yield place
        return
    with NamedTemporaryFile() as output:
        command = place.strip().removesuffix("|")
        done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE)
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise UserError(f"{command.strip()!r} failed with status {done.returncode}: {' '.join(last)}")
        yield output.name


def read_texts(path: Path) -> Table:
    """Reads a table `text`, each in its one form; a line may hold a key alone: its text is empty.

    Raises:
        UserError: What `read_table` raises.
    """
    table = read_table(path, "stage 1", empty_values=True)
    for utt, text in table.items():
        table[utt] = normal_text(text)
    return table


def read_labels(path: Path, label: Label) -> Table:
    """Reads the lines of a label table that may not be there: then there are none. Names have their one form.

    Raises:
        UserError: A line is no label, or two names have one form; the message names file, line and utterance.
    """
    table = read_optional(path)
    names = OneForm(label.name)
    forms: dict[str, str] = {}  # of a million lines few differ
    for utt, line in table.items():
        if line not in forms:
            try:
                forms[line] = normal_label(label, line)
            except UserError as error:
                raise UserError(f"{table.where(utt)}: {error}") from error
            if isinstance(label, ClassLabel) and not label.soft:
                names.of(line, table.where(utt))
        table[utt] = forms[line]
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


def read_optional(path: Path) -> Table:
    """Reads a table that may not be there: then it is empty."""
    return read_table(path) if is_there(path) else Table(path)


def is_there(path: Path) -> bool:
    """Tells whether a table is there; a link to nowhere is, too: to leave it out would lose all labels."""
    return path.exists() or path.is_symlink()


def parse_counts(table: Table, key: str, separator: str | None = None) -> list[int]:
    """Reads the whole numbers, 0 or more, of one line.

    Raises:
        UserError: It holds anything else.
    """
    words = table[key].split(separator)
    digits = "".join(words)
    # Numbers of more digits cannot be meant, and would be too large for arrays.
    if not (all(words) and digits.isascii() and digits.isdecimal() and max(map(len, words)) < 10):
        raise UserError(f"{table.where(key)}: expected whole numbers, got {table[key][:LONGEST_SHOWN]!r}")
    return [int(word) for word in words]


def write_table(path: str | Path, table: Mapping[str, object]) -> None:
    """Writes a table sorted by key, under a temporary name that is then renamed.

    Raises:
        UserError: A line could not be read again: a key with a space, no value, or a control character.
    """
    lines = []
    for key in sorted(table):
        line = f"{key} {table[key]}"
        key_and_value = line.split(maxsplit=1)
        if key_and_value[:1] != [key] or len(key_and_value) < 2:
            raise UserError(f"{path}: {line[:LONGEST_SHOWN]!r} is no line of a table: expected one word, and a value")
        if "\n" in line or CONTROL.search(line):
            raise UserError(f"{path}: {line[:LONGEST_SHOWN]!r} holds a control character")
        lines.append(line + "\n")
    text = "".join(lines)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        letters = text[max(error.start - 20, 0) : error.end + 20]
        raise UserError(f"{path}: {letters!r} is no Unicode: rename what is called so") from error
    write_text(path, text)


def invert(utt2x: Mapping[str, str]) -> dict[str, str]:
    """Turns `utt2spk` into `spk2utt` (values: utterance ids joined by spaces, sorted)."""
    groups: dict[str, list[str]] = {}
    for utt in sorted(utt2x):
        groups.setdefault(utt2x[utt], []).append(utt)
    return {key: " ".join(utts) for key, utts in groups.items()}
