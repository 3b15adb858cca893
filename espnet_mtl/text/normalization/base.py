"""The contract of a language's rules, and what a rule does: it finds a written form and says it in words."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from espnet_mtl.text.normalization.numbers import digits_of

START = r"(?<![^\W_])(?<!\d[.,:/-])"
"""Where a number may begin: not within a word or another number."""
END = r"(?!\d)(?![.,:/]\d)"
"""Where it may end: not within a longer one."""
SIGN = r"(?P<sign>(?<![\w)\]])[-−])?"
DASH = r"\s?[-‐‑‒–—]\s?"
"""Between the ends of a range."""
WORD_AFTER = re.compile(r"\s+([^\W\d_]+)")
WORD_BEFORE = re.compile(r"([^\W\d_]+)[.,]?\s+$")
REACH = 30
"""How far a rule looks for the word before."""
CONTEXT = 100
"""How far one looks for all that an ordinal stands in line with."""
NO_FORM = re.compile(r"(?<![\W\d_])[\W\d_]{100,}|(?<!\S)\S{200,}")
"""No written form is so long without a letter, or without a space."""
HIDDEN = "q"
PIECE = re.compile(r"(?s:.{1000,1500}?)[^\W\d_](?=\s[a-z]{2})|(?s:.{1,1500})")
"""A part of a long text, which ends between two words if it can."""
NUMBER_OF_LIST = re.compile(r"\(?\d{1,3}[.)]")
ADDRESS = r"[^\W_]\.[^\W_]|://"
CLOSED = re.compile(r"[\"'”’»“)\]]*$")
NEW_SENTENCE = re.compile(r"[\"'”’»“)\]]*(?:$|\s+[\"'„“«(]*[A-ZÀ-ÖØ-ÞĄĆĘŁŃÓŚŹŻ])")


class Edit(NamedTuple):
    """What is said in place of the characters of a text from `start` on, and not from `end` on."""

    start: int
    end: int
    said: str


class Rule(NamedTuple):
    """A written form, and what says it; None leaves it to later rules."""

    pattern: re.Pattern[str]
    said: Callable[[re.Match[str]], str | None]


class LanguageRules(ABC):
    """How a language says what is not written in words. All rules read the text as it is written.

    Args:
        language: espeak's language, of which there may be several: en-us, en-gb.

    Attributes:
        signs: Characters without which, and without digits and `forms`, no rule applies.
        forms: A pattern of abbreviations and the like.
        digits: Names of the ten digits.
        number_pattern: How numbers are written.
        decimal_mark: The mark before decimals.
        point: What is said for it.
        power: What is said for the sign of powers: 10^6.
        letters: How letters are called, where espeak does not say it.
        address: Names of the signs of addresses.
    """

    signs: str
    forms: str
    digits: Sequence[str]
    number_pattern: str
    decimal_mark = ","
    point: str
    power: str
    minus = "minus"
    plus = "plus"
    letters: Mapping[str, str]
    address: Mapping[str, str]

    def __init__(self, language: str):
        self.language = language

    @abstractmethod
    def rules(self) -> Sequence[Rule]:
        """Lists the rules; of two that find the same, the first one says it."""

    @abstractmethod
    def number(self, written: str) -> str:
        """Says a whole or decimal number without a sign, as it is counted."""

    @abstractmethod
    def ordinal(self, number: int, before: str = "", after: str = "") -> str:
        """Says an ordinal as it stands between the texts before and after it."""

    @abstractmethod
    def date(self, year: int | None, month: int, day: int, before: str) -> str:
        """Says a date behind a text."""

    @cached_property
    def _trigger(self) -> re.Pattern[str]:
        return re.compile(rf"[\d{re.escape(self.signs)}]|{ADDRESS}|{self.forms}")

    @cached_property
    def _rules(self) -> Sequence[Rule]:
        return self.rules()

    def edits(self, text: str) -> list[Edit]:
        """Finds what is said otherwise than it is written, in the order of the text."""
        edits: list[Edit] = []
        for place, piece in _pieces(text):
            if self._trigger.search(piece):
                edits += (Edit(place + start, place + end, said) for start, end, said in self._edits(piece))
        return edits

    def _edits(self, text: str) -> list[Edit]:
        edits: list[Edit] = []
        taken = bytearray(len(text))
        for pattern, say in self._rules:
            for match in pattern.finditer(text):
                start, end = match.span()
                if start == end or any(taken[start:end]):
                    continue
                said = say(match)
                if said is not None:
                    edits.append(Edit(start, end, _apart(text, start, end, said)))
                    taken[start:end] = b"\1" * (end - start)
        return _in_line(edits)

    @abstractmethod
    def abbreviations(self) -> tuple[Collection[str], Collection[str]]:
        """Lists abbreviations that end no sentence: those of any word, and those of numbers alone."""

    def goes_on(self, before: str, after: str) -> bool:
        """Tells whether a text that ends with a full stop goes on in another one: Dr. | Müller, No. | 5."""
        if NUMBER_OF_LIST.fullmatch(before):
            return True
        before = before[-REACH:]  # which is all that a long text costs
        if self._never_last.search(before):
            return True
        return after[:1].isdecimal() and bool(self._before_numbers.search(before))

    @cached_property
    def _never_last(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w.])(?:{any_of(self.abbreviations()[0])})$")

    @cached_property
    def _before_numbers(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w.])(?:{any_of(self.abbreviations()[1])})$")

    def spelled(self, letters: str) -> str:
        """Names letters, and digits, one by one."""
        names = [self.digits[int(sign)] if sign.isdecimal() else self._letter(sign) for sign in letters]
        return " ".join(names)

    def _letter(self, sign: str) -> str:
        return self.letters.get(sign.lower(), sign.upper())

    def digit_string(self, written: str) -> str:
        """Says digits one by one, with a pause between groups of them."""
        groups = re.findall(r"\d+", written)
        said = ", ".join(digits_of(group, self.digits) for group in groups)
        return f"{self.plus} {said}" if written.lstrip(" (").startswith("+") else said

    def signed(self, match: re.Match[str], said: str) -> str:
        """Puts the word for a minus before what is said."""
        return f"{self.minus} {said}" if match.groupdict().get("sign") else said


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yields parts of a text, and where they begin, in which rules find everything quickly.

    Patterns of numbers and addresses take the square of the time, and more, for what goes on and on: 000 000 000…
    Letters stand in place of it, so that all else stays where it is, and espeak reads it as it is written.
    """
    seen = NO_FORM.sub(lambda match: re.sub(r"\S", HIDDEN, match[0]), text)
    for piece in PIECE.finditer(seen):
        yield piece.start(), piece[0]


def _in_line(edits: Iterable[Edit]) -> list[Edit]:
    """Sorts edits, with one space between two that nothing divides: 2x4."""
    line: list[Edit] = []
    for edit in sorted(edits):
        said = edit.said
        last = line[-1] if line else None
        if last and last.end == edit.start and last.said and said:
            if last.said[-1].isspace():
                said = said.lstrip()
            elif last.said[-1].isalnum() and said[0].isalnum():
                said = f" {said}"
        line.append(edit._replace(said=said))
    return line


def _apart(text: str, start: int, end: int, said: str) -> str:
    """Puts spaces between what is said and the letters beside it: MP3."""
    if said[:1].strip() and start and (text[start - 1].isalnum() or text[start - 1] in ",;"):
        said = f" {said}"
    if said[-1:].strip() and text[end : end + 1].isalnum():
        said = f"{said} "
    return said


def applied(text: str, edits: Iterable[Edit]) -> str:
    """Returns a text with its edits made."""
    parts: list[str] = []
    place = 0
    for edit in edits:
        parts += (text[place : edit.start], edit.said)
        place = edit.end
    return "".join([*parts, text[place:]])


def place_after(place: int, edits: Sequence[Edit]) -> int:
    """Returns where a place of a text is once its edits are made; one within an edit is at its end."""
    index = bisect_right(edits, place, key=lambda edit: edit.start)
    moved = sum(len(edit.said) - (edit.end - edit.start) for edit in edits[:index])
    if index and place <= edits[index - 1].start:
        last = edits[index - 1]  # it begins here
        return place + moved - (len(last.said) - (last.end - last.start))
    within = index and place < edits[index - 1].end
    return edits[index - 1].end + moved if within else place + moved


def before(match: re.Match[str]) -> str:
    """Returns the text before a match, as far as a rule looks."""
    return match.string[max(0, match.start() - REACH) : match.start()]


def word_before(match: re.Match[str]) -> str:
    """Returns the word before a match, in small letters; "" where a mark or nothing stands there."""
    return last_word(before(match))


def last_word(text: str) -> str:
    """Returns the word that a text ends with, in small letters."""
    found = WORD_BEFORE.search(text)
    return found[1].lower() if found else ""


def word_after(match: re.Match[str]) -> str:
    """Returns the word behind a match as it is written; "" where a mark or nothing stands there."""
    found = WORD_AFTER.match(match.string, match.end())
    return found[1] if found else ""


def full_stop(match: re.Match[str], ends_sentence: bool) -> str:
    """Returns the full stop that an abbreviation leaves behind where it also ends the sentence."""
    if not match[0].endswith("."):
        return ""
    if CLOSED.match(match.string, match.end()):
        return "."
    return "." if ends_sentence and NEW_SENTENCE.match(match.string, match.end()) else ""


def any_of(words: Collection[str]) -> str:
    """Returns a pattern of words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def rule(pattern: str, said: Callable[[re.Match[str]], str | None], flags: int = 0) -> Rule:
    """Makes a rule of a pattern that is not compiled."""
    return Rule(re.compile(pattern, flags), said)


def listed(text: str) -> tuple[str, ...]:
    """Returns the words of a list that is written as a text."""
    return tuple(text.split())
