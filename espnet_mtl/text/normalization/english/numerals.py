"""English numerals: telephone numbers, ordinals, fractions, ranges, roman ones, plain ones, and signs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from espnet_mtl.text.normalization.base import END, SIGN, START, Rule, before, rule, word_after, word_before
from espnet_mtl.text.normalization.english import words
from espnet_mtl.text.normalization.fractions import VULGAR, vulgar
from espnet_mtl.text.normalization.numbers import is_long, roman
from espnet_mtl.text.normalization.numerals import Numerals

if TYPE_CHECKING:
    from espnet_mtl.text.normalization.english.rules import English

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?: 000)+|\d+(?:\.\d+)?|\.\d+)"
FRACTIONS = {2: ("half", "halves"), 4: ("quarter", "quarters")}
BEFORE_A = re.compile(r"\bA ?$")
MOST_PARTS, MOST_MONTHS, MOST_DAYS = 100, 12, 31
NO_NUMERALS = ("XL", "L", "LI", "LV", "LX", "LL")


class EnglishNumerals(Numerals):
    """Numbers that stand for themselves, as a variety of English says them."""

    def __init__(self, language: English):
        super().__init__(language, NUMBER, _value, words.SIGNS, ("to", "to"))
        self.american = language.american

    def strings(self) -> list[Rule]:
        return [
            *super().strings(),
            rule(r"(?<![\w.-])(?:\+?1[ -])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])", self._phone),
            rule(r"(?<![\w.-])\d{3}-\d{4}(?![\w-])", self._phone),
            rule(r"(?<=[Cc]all )\d{3}(?![\w-])|(?<=[Dd]ial )\d{3}(?![\w-])", self._phone),
        ]

    def rules(self) -> list[Rule]:
        ordinal = rf"{START}(?P<number>\d{{1,3}}(?:,\d{{3}})+|\d+)(?:st|nd|rd|th)\b"
        fraction = rf"{START}{SIGN}(?:(?P<whole>\d+)\s)?(?P<top>\d+)/(?P<bottom>\d+)(?![\w/])"
        return [
            rule(ordinal, self._ordinal_number, re.I),
            rule(r"(?<![\w/])(?:24/7|9/11|(\d+)/\1)(?![\w/])", self._said_together),
            rule(r"\b1,?000?s\b", lambda match: "thousands" if match[0].count("0") > 2 else "hundreds"),
            rule(r"(?<=\w)\+\+", lambda match: "plus plus"),
            rule(r"(?<=\b[CF])#", lambda match: "sharp"),
            rule(fraction, self._fraction),
            rule(rf"(?:(?P<whole>\d+)\s?)?(?P<part>[{VULGAR}])", self._vulgar),
            rule(r"\b(?P<noun>[A-Z][A-Za-z]+(?:['’]s)?) (?P<roman>[IVXL]+)\b(?!['’](?!s\b))", self._roman),
            *super().rules(),
        ]

    def plain(self) -> list[Rule]:
        magnitude = r"(?:(?P<magnitude>bn|tn|[kKMB])(?![^\W_]))?"
        return [rule(rf"{SIGN}{START}(?P<number>{NUMBER}){END}{magnitude}", self._plain)]

    def _ordinal_number(self, match: re.Match[str]) -> str | None:
        written = match["number"].replace(",", "")
        return None if is_long(written) else self.language.ordinal(int(written))

    def _said_together(self, match: re.Match[str]) -> str:
        first, _, last = match[0].partition("/")
        return f"{self.language.number(first)} {self.language.number(last)}"

    def _fraction(self, match: re.Match[str]) -> str | None:
        top, bottom = int(match["top"]), int(match["bottom"])
        month, day = (top, bottom) if self.american else (bottom, top)
        if word_before(match) == "on" and 1 <= month <= MOST_MONTHS and 1 <= day <= MOST_DAYS:
            return self.language.date(None, month, day, match.string[: match.start()])
        if not 0 < top < bottom or bottom > MOST_PARTS:
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

    def _plain(self, match: re.Match[str]) -> str:
        said = self.language.number(match["number"])
        if match["magnitude"] == "K" and len(match["number"]) == 1:
            return f"{said} K"
        if match["magnitude"] == "B" and "." not in match["number"] and word_after(match) not in words.BILLIONS_OF:
            return f"{said} B"  # Apt. 4B
        if match["magnitude"]:
            said += f" {words.MAGNITUDES[match['magnitude']]}"
        return self.language.signed(match, said)

    def _product(self, match: re.Match[str]) -> str:
        return super()._product(match) if match[0][0].isspace() else "by"

    def _sign(self, match: re.Match[str]) -> str | None:
        if match[0] == "&" and BEFORE_A.search(before(match)):
            return None  # espeak would take the letter before "and" for an article
        return super()._sign(match)


def _ends_name(match: re.Match[str]) -> bool:
    """Tells whether a numeral of one letter is behind a name, and no word of a sentence: Charles I."""
    following = match.string[match.end() :].lstrip()
    return match["roman"] != "I" or not following or following[0] in ".,;:!?)"


def _value(number: str) -> float:
    return float(number.replace(",", "").replace(" ", ""))
