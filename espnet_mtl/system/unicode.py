"""One form for what looks the same: Unicode composes letters in several ways, and has characters that nobody sees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from espnet_mtl.errors import one_of

INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0\ufffc")
"""Characters without a look of their own, beside whole categories: joiner of graphemes, fillers, place of an object."""
INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf"})
"""Controls, and format marks such as U+200B, U+FEFF, U+200E and soft hyphens."""
JOINERS = "\u200c\u200d"
JOINED = "\u0600-\u18ff"
"""Scripts from Arabic over those of India to Mongolian: a joiner between two of their letters is part of the word."""
BETWEEN_LETTERS = re.compile(rf"(?<=[{JOINED}])[{JOINERS}](?=[{JOINED}])")


def one_form(text: str) -> str:
    """Returns a text composed (NFC), on one line, with single spaces and without characters that nobody sees.

    Letters and marks that can be seen stay as they are: no quote or dash becomes another one.
    """
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip(" ")
    words = text.split()  # at every kind of space and line break, which are controls in part
    visible = " ".join(words)
    while True:
        # What is taken away may bring together what then belongs together
        before, visible = visible, unicodedata.normalize("NFC", _visible(visible))
        if visible == before:
            return " ".join(visible.split())


def _visible(text: str) -> str:
    kept = {match.start() for match in BETWEEN_LETTERS.finditer(text)}
    characters = []
    for place, character in enumerate(text):
        if place in kept or not _is_invisible(character):
            characters.append(character)
    return "".join(characters)


@lru_cache(4096)
def _is_invisible(character: str) -> bool:
    if unicodedata.category(character) in INVISIBLE_CATEGORIES or character in INVISIBLE:
        return True
    return _is_variation_selector(character)


def _is_variation_selector(character: str) -> bool:
    """Tells whether a character only chooses among the looks of the one before it."""
    ranges = (("\u180b", "\u180f"), ("\ufe00", "\ufe0f"), ("\U000e0100", "\U000e01ef"))
    return any(first <= character <= last for first, last in ranges)


def printable(text: str) -> str:
    """Returns a text on one line that every UTF-8 file takes: what cannot be seen is written as Python does."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def normal_name(name: str) -> str:
    """Returns the one form of a name of a speaker, emotion, language or utterance, however Unicode writes it.

    It is composed (NFC), without characters that nobody sees, and with `_` for spaces and slashes, so that it can be a
    key of a table and part of a file's name.
    """
    return re.sub(r"[\s/\\]+", "_", one_form(name))


def find_name(kind: str, name: str, classes: Sequence[str]) -> int:
    """Returns the place of a name among classes, in whichever form either is written.

    Raises:
        UserError: It is not among them.
    """
    if not isinstance(name, str):
        raise one_of(kind, name, classes)
    if name in classes:
        return list(classes).index(name)
    wanted, normal = normal_name(name), [normal_name(known) for known in classes]
    if wanted not in normal:
        raise one_of(kind, name, classes)
    return normal.index(wanted)
