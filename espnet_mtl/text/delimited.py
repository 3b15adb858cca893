"""Tables with a delimiter between their columns (.csv, .tsv): the one place where they are read.

A line is a row. Values may be quoted where the delimiter is a comma, or the semicolon that Excel writes where a comma
divides decimals; with any other delimiter, a quotation mark is a character like others, as in tables of sentences
(LJSpeech's, nEMO's).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from espnet_mtl.errors import UserError
from espnet_mtl.system.files import read_text

QUOTED = (",", ";")
"""The delimiters of tables whose values may be quoted."""
DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "'|'"}
"""Delimiters that a header is searched for, and their names."""

Row = tuple[int, dict[str, str]]
"""Number of a line, and its values by column."""


def read_rows(path: Path, required: Sequence[str], delimiter: str = ",") -> list[Row]:
    """Reads a table with a header, in UTF-8 or, with a byte order mark, UTF-16.

    Args:
        path: The table.
        required: Columns that it must have.
        delimiter: What separates columns.

    Returns:
        Line number and values by column, without spaces around them. Lines without any value are left out, and so are
        columns without name and values, which spreadsheets append; a column without a name is called `column 3`.

    Raises:
        UserError: It is missing or no text, lacks a column or has one twice, or a line has more or fewer values than
            the header, or a value that is not closed. The message names the line.
    """
    lines = list(numbered_values(path, delimiter))
    if not lines:
        raise UserError(f"{path}:1: an empty table: expected a header with {', '.join(required)}")
    (number, header), *rest = lines
    header = _without_empty_ends(header)
    _check_header(f"{path}:{number}", header, required, delimiter)
    columns = [name or f"column {place}" for place, name in enumerate(header, 1)]
    rows = []
    for number, values in rest:
        rows.append((number, _row(f"{path}:{number}", columns, values, delimiter)))
    return rows


def numbered_values(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the number of each line that has a value, from 1, and all its values without spaces around them.

    Raises:
        UserError: The file is missing or no text, or a value is not closed on its line.
    """
    for number, line in enumerate(read_text(path, utf16=True).split("\n"), 1):
        values = [value.strip() for value in _split(f"{path}:{number}", line, delimiter)]
        if any(values):
            yield number, values


def _split(where: str, line: str, delimiter: str) -> list[str]:
    """Returns the values of one line. Each line is read on its own, so that an open quotation swallows no others."""
    if delimiter not in QUOTED:
        values = line.split(delimiter)
        _check_bare(where, values, delimiter)
        return values
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True), [])
    except csv.Error as error:
        start, name = line[:60], DELIMITERS[delimiter]
        raise UserError(
            f"{where}: {error}: a value that begins with a quotation mark must end with one on the same line, before "
            f'{name} or the end, and a quotation mark in it is doubled: "He said ""no""." The line begins {start!r}'
        ) from error


def _check_bare(where: str, values: Sequence[str], delimiter: str) -> None:
    """Raises UserError for a row whose texts are all in quotes, as some programs write them: names would have them."""
    texts = [value.strip() for value in values[1:] if value.strip()]
    quoted = [text for text in texts if len(text) > 1 and text[0] == text[-1] == '"']
    if len(texts) > 1 and len(quoted) == len(texts):
        name = DELIMITERS.get(delimiter, repr(delimiter))
        raise UserError(
            f"{where}: every value is in quotation marks, as {quoted[-1]}, which are part of values where the "
            f"delimiter is {name}: write the table without them, or with commas"
        )


def _check_header(where: str, header: Sequence[str], required: Sequence[str], delimiter: str) -> None:
    absent = [name for name in required if name not in header]
    if absent:
        shown = delimiter.join(header)[:200]
        hint = _other_delimiter(header, required, delimiter)
        raise UserError(f"{where}: the header {shown!r} lacks {', '.join(absent)}{hint}")
    for name in header:
        if name and header.count(name) > 1:
            raise UserError(f"{where}: the column {name!r} comes twice in the header")


def _other_delimiter(header: Sequence[str], required: Sequence[str], delimiter: str) -> str:
    """Says what would make a line a header of the required columns: another delimiter, or other names."""
    line = delimiter.join(header)
    for other, name in DELIMITERS.items():
        columns = [column.strip(' "') for column in line.split(other)]
        if other != delimiter and set(required) <= set(columns):
            option = {"\t": "\\t"}.get(other, other)
            return f": it has {name} between its columns: set delimiter={option} (--corpus_conf 'delimiter={option}')"
    if line.lower().startswith("sep="):
        return ": delete this line, which is Excel's own, and set the delimiter"
    if set(required) <= {name.strip('"') for name in header}:
        return f": values are not quoted where the delimiter is {DELIMITERS.get(delimiter, repr(delimiter))}"
    return f": the first line must name the columns, {', '.join(required)} among them"


def _row(where: str, columns: Sequence[str], values: Sequence[str], delimiter: str) -> dict[str, str]:
    """Returns the values of a line by column; those beyond the columns must be empty."""
    own, beyond = values[: len(columns)], values[len(columns) :]
    if len(own) < len(columns) or any(beyond):
        quoted = delimiter in QUOTED
        advice = f"quote a value that holds {delimiter!r}" if quoted else f"no value may hold {delimiter!r}"
        raise UserError(f"{where}: {len(values)} values, but the header names {len(columns)}: {advice}")
    return dict(zip(columns, own, strict=True))


def _without_empty_ends(header: Sequence[str]) -> list[str]:
    """Returns the names of a header without the empty ones at its end, which trailing delimiters make."""
    named = list(header)
    while named and not named[-1]:
        named.pop()
    return named
