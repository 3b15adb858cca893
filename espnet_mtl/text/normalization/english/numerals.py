"""English numerals: telephone numbers, ordinals, fractions, ranges, roman ones, plain ones, and signs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from espnet_mtl.text.normalization.base import DASH, END, SIGN, START, Rule, rule, word_before
from espnet_mtl.text.normalization.english import words
from espnet_mtl.text.normalization.fractions import VULGAR, vulgar
from espnet_mtl.text.normalization.numbers import is_long, roman

if TYPE_CHECKING:
    from espnet_mtl.text.normalization.english.rules import English

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?: 000)+|\d+(?:\.\d+)?|\.\d+)"
FRACTIONS = {2: ("half", "halves"), 4: ("quarter", "quarters")}
MOST_PARTS = 100
NO_NUMERALS = ("XL", "L", "LI", "LV", "LX", "LL")


class Numerals:
    """Numbers that stand for themselves."""

    def __init__(self, language: English):
        self.language = language

    def strings(self) -> list[Rule]:
        """Lists the rules of strings of digits, which come before all other numbers."""
        return [
            rule(rf"(?<![\w+])\+\d[\d ()/-]{{5,}}\d{END}", self._phone),
            rule(r"(?<![\w.-])(?:1[ -])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])", self._phone),
            rule(r"(?<![\w.-])\d{3}-\d{4}(?![\w-])", self._phone),
        ]

    def rules(self) -> list[Rule]:
        """Lists the rules of other numbers, and of signs."""
        ordinal = rf"{START}(?P<number>\d{{1,3}}(?:,\d{{3}})+|\d+)(?:st|nd|rd|th)\b"
        fraction = rf"{START}{SIGN}(?:(?P<whole>\d+)\s)?(?P<top>\d+)/(?P<bottom>\d+)(?![\w/])"
        plain = rf"{SIGN}{START}(?P<number>{NUMBER})(?!\d)(?:(?P<magnitude>bn|tn|[kKMB])(?![^\W_]))?"
        return [
            rule(ordinal, self._ordinal_number, re.I),
            rule(r"(?<![\w/])(?:24/7|9/11)(?![\w/])", self._said_together),
            rule(fraction, self._fraction),
            rule(rf"(?:(?P<whole>\d+)\s?)?(?P<part>[{VULGAR}])", self._vulgar),
            rule(rf"{START}(?P<first>{NUMBER}){DASH}(?P<second>{NUMBER})(?![\w-])(?![.,:/]\d)", self._range),
            rule(r"(?<=\d)\s?:\s?(?=\d)", lambda match: " to "),
            rule(r"(?<![\w.-])\d+(?:-\d+){2,}(?![\w-])", self._phone),
            rule(r"\b(?P<noun>[A-Z][a-z]+(?:['’]s)?) (?P<roman>[IVXL]+)\b(?!['’]\w)", self._roman),
            rule(rf"{START}\d+(?:\.\d+){{2,}}(?!\d)", self._version),
            rule(plain, self._plain),
            rule(r"\d+", lambda match: self.language.number(match[0])),
            rule(rf"[{re.escape(''.join(words.SIGNS))}]", self._sign),
        ]

    def _phone(self, match: re.Match[str]) -> str:
        return self.language.digit_string(match[0])

    def _ordinal_number(self, match: re.Match[str]) -> str | None:
        written = match["number"].replace(",", "")
        return None if is_long(written) else self.language.ordinal(int(written))

    def _said_together(self, match: re.Match[str]) -> str:
        first, _, last = match[0].partition("/")
        return f"{self.language.number(first)} {self.language.number(last)}"

    def _fraction(self, match: re.Match[str]) -> str | None:
        top, bottom = int(match["top"]), int(match["bottom"])
        if not 0 < top < bottom or bottom > 100:
            said = f"{self.language.number(match['top'])} slash {self.language.number(match['bottom'])}"
            return f"{self.language.number(match['whole'])} {said}" if match["whole"] else said
        return self.language.signed(match, self._parts(match["whole"], top, bottom))

    def _vulgar(self, match: re.Match[str]) -> str:
        return self._parts(match["whole"], *vulgar(match["part"]))

    def _parts(self, whole: str | None, top: int, bottom: int) -> str:
        one, many = FRACTIONS.get(bottom, (self.language.ordinal(bottom), f"{self.language.ordinal(bottom)}s"))
        if not whole:
            return f"{self.language.number(str(top))} {one if top == 1 else many}"
        count = ("a" if one != "eighth" else "an") if top == 1 else self.language.number(str(top))
        return f"{self.language.number(whole)} and {count} {one if top == 1 else many}"

    def _range(self, match: re.Match[str]) -> str:
        first, second = match["first"], match["second"]
        grows = float(first.replace(",", "").replace(" ", "")) < float(second.replace(",", "").replace(" ", ""))
        return f"{self.language.number(first)}{' to ' if grows else ' '}{self.language.number(second)}"

    def _roman(self, match: re.Match[str]) -> str | None:
        noun, numeral = match["noun"], match["roman"]
        number, name = roman(numeral), noun.lower().removesuffix("'s")
        if not number or numeral in ("XL", "L", "LI", "LV", "LX"):
            return None
        if name in words.NUMBERED:
            return f"{noun} {self.language.number(str(number))}"
        ruler = name in words.RULERS
        if ruler and (len(numeral) > 1 or word_before(match) in words.TITLES or _ends_name(match)):
            return f"{noun} the {self.language.ordinal(number)}"
        return f"{noun} {self.language.number(str(number))}" if len(numeral) > 1 else None

    def _version(self, match: re.Match[str]) -> str:
        return f" {self.language.point} ".join(self.language.number(part) for part in match[0].split("."))

    def _plain(self, match: re.Match[str]) -> str:
        said = self.language.number(match["number"])
        if match["magnitude"]:
            said += f" {words.MAGNITUDES[match['magnitude']]}"
        return self.language.signed(match, said)

    def _sign(self, match: re.Match[str]) -> str | None:
        if match[0] in "<>#+@=" and not re.search(r"(?:^|\s|\w)$", match.string[: match.start()]):
            return None
        if match[0] == "&" and re.search(r"\bA ?$", match.string[: match.start()]):
            return None  # espeak would take the letter before "and" for an article
        left = " " if match.string[: match.start()][-1:].strip() else ""
        right = " " if match.string[match.end() :][:1].strip() else ""
        return f"{left}{words.SIGNS[match[0]]}{right}"


def _ends_name(match: re.Match[str]) -> bool:
    """Tells whether a numeral of one letter is behind a name, and no word of a sentence: Charles I."""
    following = match.string[match.end() :].lstrip()
    return match["roman"] != "I" or not following or following[0] in ".,;:!?)"
