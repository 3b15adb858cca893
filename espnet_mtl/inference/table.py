"""Tables of texts to say: a line a text, a column for each control."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from espnet_mtl.config.numbers import KNOBS
from espnet_mtl.errors import UserError, one_of, shown
from espnet_mtl.inference.request.controls import SOURCES, Controls
from espnet_mtl.inference.sound_files import sound_format
from espnet_mtl.system.files import read_text
from espnet_mtl.text.delimited import read_rows

CONTROLS = tuple(field.name for field in fields(Controls))
COLUMNS = ("text", "output", *CONTROLS)
NUMBERS = ("intensity", *KNOBS)
DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Line:
    """A text to say.

    Attributes:
        place: Where it stands: file and line.
        text: The text, or markup.
        output: The sound file, relative to the directory for all.
        given: The controls that the line says something of.
    """

    place: str
    text: str
    output: Path
    given: Mapping[str, Any]

    def controls(self, others: Controls) -> Controls:
        """Returns the controls of this line; those that it says nothing of are others'.

        Raises:
            UserError: A control that cannot be.
        """
        given = dict(self.given)
        for name in NUMBERS:
            if isinstance(given.get(name), str):
                given[name] = _number(name, given[name])
        if "emotion" in given:  # instead of what all others take theirs of
            given = dict.fromkeys(SOURCES) | given
        if any(given.get(source) is not None for source in SOURCES):
            given.setdefault("emotion", None)
        return replace(others, **given)


def read_lines(path: Path) -> list[Line]:
    """Reads a table of texts: .csv or .tsv with a header, or .jsonl, an object a line.

    Columns are `text`, `output` (a name of a sound file; without it, the number of the line) and the controls
    (`Controls`). An empty value, or null, is as if the line did not say anything of it.

    Raises:
        UserError: The table cannot be read, a column is not known, a text is missing, or two lines write to one file.
    """
    suffix = path.suffix.lower()
    if suffix in JSON_LINES:
        rows = _json_rows(path)
    elif suffix in DELIMITERS:
        rows = [(number, dict(row)) for number, row in read_rows(path, ("text",), DELIMITERS[suffix])]
    else:
        raise UserError(f"{path}: expected a table that ends in one of {', '.join([*DELIMITERS, *JSON_LINES])}")
    lines = [_line(f"{path}:{number}", number, row) for number, row in rows]
    if not lines:
        raise UserError(f"{path}: there is no line with a text")
    _check_outputs(lines)
    return lines


def _json_rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise UserError(f'{path}:{number}: no JSON: {error}: expected {{"text": "…", "emotion": "…"}}') from error
        if not isinstance(row, dict):
            raise UserError(f'{path}:{number}: expected an object such as {{"text": "…"}}, got {shown(row)}')
        rows.append((number, row))
    return rows


def _line(place: str, number: int, row: Mapping[str, Any]) -> Line:
    for name in row:
        if name not in COLUMNS:
            raise UserError(f"{place}: {one_of('column', name, COLUMNS)}")
    given = {name: value for name, value in row.items() if value is not None and value != ""}
    text = given.pop("text", "")
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{place}: text: expected what to say, got {shown(text)}")
    output = given.pop("output", f"{number}.wav")
    if not isinstance(output, str) or Path(output).is_absolute() or ".." in Path(output).parts:
        raise UserError(f"{place}: output: expected a name within the output directory, got {shown(output)}")
    try:
        sound_format(Path(output))
    except UserError as error:
        raise UserError(f"{place}: output: {error}") from error
    return Line(place, text, Path(output), given)


def _check_outputs(lines: Sequence[Line]) -> None:
    places: dict[Path, str] = {}
    for line in lines:
        if line.output in places:
            raise UserError(f"{line.place}: output {line.output} is also that of {places[line.output]}")
        places[line.output] = line.place


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise UserError(f"{name}: expected a number, got {text!r}") from error
