"""One form for what looks the same: Unicode composes letters in several ways, and has characters that nobody sees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from espnet_mtl.errors import UserError, one_of, shown

INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0\ufffc")
"""Characters without a look of their own, beside whole categories: joiner of graphemes, fillers, place of an object."""
INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf"})
"""Controls, and format marks such as U+200B, U+FEFF, U+200E and soft hyphens."""
JOINERS = "\u200c\u200d"
JOINED = "\u0600-\u18ff"
"""Scripts from Arabic over those of India to Mongolian: a joiner between two of their letters is part of the word."""
MINUS = "\u2212\u02d7"
"""Signs that look like dashes, and are none to Unicode."""
PLAIN_NAME = re.compile(r"[!-.0-\[\]-~]+")
"""Of ASCII alone, without spaces and slashes."""
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
    if PLAIN_NAME.fullmatch(name):
        return name
    return re.sub(r"[\s/\\]+", "_", one_form(name))


def only_dashes(name: str) -> bool:
    """Tells whether a name is made of dashes alone: `-` is no name, and editors write others for it."""
    return bool(name) and all(letter in MINUS or unicodedata.category(letter) == "Pd" for letter in name)


def plain_number(text: str) -> float:
    """Reads a number. Python's own `float` takes underscores, too: 1_0 for 10.

    Raises:
        ValueError: The text is no number.
    """
    if "_" in text:
        raise ValueError(f"could not convert string to float: {text!r}")
    return float(text)


class OneForm:
    """Gives names their one form; of a kind of names, no two that are written apart may share it: `a b` and `a_b`.

    Args:
        kind: What is called so, such as speaker.
    """

    def __init__(self, kind: str):
        self._kind = kind
        self._seen: dict[str, tuple[str, str]] = {}

    def of(self, name: str, where: str) -> str:
        """Returns the form of a name (`normal_name`).

        Args:
            name: The name.
            where: Its place, for messages.

        Raises:
            UserError: Another name has this form.
        """
        form = normal_name(name)
        first, place = self._seen.setdefault(form, (one_form(name), where))
        if first != one_form(name):
            raise UserError(
                f"{where}: {self._kind} {shown(name)}: {shown(first)} ({place}) would have the same name, {form}, in "
                "tables: rename one of them, or write both alike"
            )
        return form


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
