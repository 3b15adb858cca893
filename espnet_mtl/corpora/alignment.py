"""Phone times of an utterance: `<phone>:<end in seconds> ...` in speaking order, the first phone from 0."""

from __future__ import annotations

import math
from collections.abc import Iterable

from espnet_mtl.errors import UserError

Alignment = tuple[tuple[str, float], ...]


def parse_alignment(line: str, where: str = "alignment") -> Alignment:
    """Reads the value of a line of the table `alignment`; `where` names the line in errors.

    Raises:
        UserError: A part is not `<phone>:<seconds>`, or the times run backwards.
    """
    pairs: list[tuple[str, float]] = []
    last = 0.0
    for part in line.split():
        phone, _, end = part.rpartition(":")
        try:
            pairs.append((phone, float(end)))
        except ValueError:
            phone = ""
        if not phone or not last <= pairs[-1][1] < math.inf:
            raise UserError(f"{where}: expected <phone>:<end in seconds, never falling>, got {part!r}")
        last = pairs[-1][1]
    return tuple(pairs)


def format_alignment(alignment: Iterable[tuple[str, float]]) -> str:
    """Writes the value of a line of the table `alignment`."""
    return " ".join(f"{phone}:{end:.4f}" for phone, end in alignment)


def crop_alignment(alignment: Alignment, start: float, end: float) -> Alignment:
    """Moves phone ends to the time axis of the section from `start` to `end` seconds."""
    return tuple((phone, min(max(time - start, 0.0), end - start)) for phone, time in alignment)
