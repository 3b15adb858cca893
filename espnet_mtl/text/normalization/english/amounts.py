"""English amounts: money, units and sizes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from espnet_mtl.text.normalization.base import (
    DASH,
    END,
    SIGN,
    START,
    Rule,
    any_of,
    listed,
    rule,
    word_after,
    word_before,
)
from espnet_mtl.text.normalization.english import words
from espnet_mtl.text.normalization.english.numerals import NUMBER
from espnet_mtl.text.normalization.fractions import behind_fractions

if TYPE_CHECKING:
    from espnet_mtl.text.normalization.english.rules import English

AMOUNT = rf"(?P<number>{NUMBER})"
PRICE = rf"(?P<number>{NUMBER}|\d+,\d\d)"
DECIMAL_COMMA = re.compile(r",(\d\d)$")
"""As many countries write prices: €3,50."""
RANGE = rf"(?:(?P<first>{NUMBER})(?:{DASH}|\sto\s))?{AMOUNT}"
CURRENCY = any_of(words.CURRENCIES)
MAGNITUDE = rf"(?:[\s-]?(?P<magnitude>{any_of(words.MAGNITUDES)})(?![^\W_]))?"
STOP = r"(?:\.(?=\s[a-z\d]))?"
"""A full stop behind a unit that ends no sentence: 6 ft. tall."""
ARTICLES = frozenset(listed("a an another this that every each per the"))


class Amounts:
    """Numbers with a unit or a currency."""

    def __init__(self, language: English):
        self.language = language

    def rules(self) -> list[Rule]:
        """Lists the rules of money, heights and units."""
        before = (
            rf"{SIGN}(?P<currency>{CURRENCY})\s?(?:(?P<first>{NUMBER}){DASH}(?:{CURRENCY})?)?{PRICE}{END}{MAGNITUDE}"
        )
        behind = rf"{START}{SIGN}{RANGE.replace(AMOUNT, PRICE)}{MAGNITUDE}\s?(?P<currency>{CURRENCY})(?!\w)"
        unit = (
            rf"{START}{SIGN}{RANGE}(?P<hyphen>[ -]?)(?P<unit>{any_of(words.UNITS)})(?![^\W_]|[²³])(?:\.(?=\s[a-z\d]))?"
        )
        return [
            rule(before, self._money),
            rule(behind, self._money),
            rule(r"(?<![\w.])(?P<feet>\d)['′’](?P<inches>\d\d?)[\"″”]", self._height),
            rule(unit, self._unit),
            behind_fractions(words.UNITS, lambda unit, whole: words.UNITS[unit][whole]),
            rule(r"(?<=\d)/(?=(?:second|minute|hour|day|week|month|year|night|person)\b)", lambda match: " per "),
        ]

    def _money(self, match: re.Match[str]) -> str:
        one, many, cent, cents = words.CURRENCIES[match["currency"]]
        written, first = DECIMAL_COMMA.sub(r".\1", match["number"]), match["first"]
        magnitude = words.MAGNITUDES[match["magnitude"]] if match["magnitude"] else ""
        whole, point, decimals = written.replace(",", "").partition(".")
        if point and len(decimals) == 2 and not magnitude and not first:
            said = self._with_cents(int(whole or 0), int(decimals), (one, many, cent, cents))
            return self.language.signed(match, said)
        single = (whole == "1" and not point and not magnitude and not first) or _adjective(match)
        amount = self._span(first, written)
        return self.language.signed(match, " ".join(filter(None, (amount, magnitude, one if single else many))))

    def _with_cents(self, whole: int, decimals: int, names: Sequence[str]) -> str:
        parts = []
        if whole or not decimals:
            parts.append(f"{self.language.number(str(whole))} {names[0] if whole == 1 else names[1]}")
        if decimals:
            parts.append(f"{self.language.number(str(decimals))} {names[2] if decimals == 1 else names[3]}")
        return " ".join(parts)

    def _span(self, first: str | None, last: str) -> str:
        return f"{self.language.number(first)} to {self.language.number(last)}" if first else self.language.number(last)

    def _height(self, match: re.Match[str]) -> str:
        feet = "foot" if match["feet"] == "1" else "feet"
        return f"{self.language.number(match['feet'])} {feet} {self.language.number(match['inches'])}"

    def _unit(self, match: re.Match[str]) -> str | None:
        unit, written = match["unit"], match["number"]
        if unit in ("s", "g", "h", "m", "V", "in.") and not match["hyphen"] and unit in "sV":
            return None
        if unit == "in." and not re.match(r"\s+[a-z]|$", match.string[match.end() :]):
            return None
        one, many = words.UNITS[unit]
        single = (written == "1" and not match["first"]) or match["hyphen"] == "-" or _adjective(match)
        said = f"{self._span(match['first'], written)} {one if single else many}"
        return self.language.signed(match, said)


def _adjective(match: re.Match[str]) -> bool:
    """Tells whether an amount belongs to a noun behind it: a $5 million deal, a 5 km run, a $20 bill."""
    after = word_after(match)
    if after in words.NOTES:
        return True
    return after.islower() and word_before(match) in ARTICLES and after not in words.AFTER_AMOUNTS
