"""What languages have in common: telephone numbers, ranges, scores, versions, plain numbers and signs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from espnet_mtl.text.normalization.base import DASH, END, SIGN, START, LanguageRules, Rule, any_of, before, rule

CODE = r"(?:(?<=\b[A-Z])|(?<=\b[A-Z]{2})|(?<=\b[A-Z]{3}))(?!19|20)\d{4}(?!\w)"
"""The digits of a flight and the like, BA2490, which may not be those of a year."""
AFTER_WORD = re.compile(r"(?:^|[\s\w)])$")


class Numerals:
    """Numbers that stand for themselves.

    Args:
        language: How numbers are said.
        number: A pattern of numbers.
        value: Reads one.
        signs: Names of signs.
        to: What is said between the ends of a range, and between the numbers of a score.
    """

    def __init__(
        self,
        language: LanguageRules,
        number: str,
        value: Callable[[str], float],
        signs: Mapping[str, str],
        to: tuple[str, str],
    ):
        self.language, self.number, self.value, self.signs, self.to = language, number, value, signs, to

    def strings(self) -> list[Rule]:
        """Lists the rules of strings of digits, which come before all other numbers."""
        return [
            rule(CODE, self._phone),
            rule(rf"(?<![\w+])\+\d[\d ()/-]{{5,}}\d{END}", self._phone),
        ]

    def rules(self) -> list[Rule]:
        """Lists the rules of other numbers, and of signs."""
        between = rf"{START}(?P<first>{self.number}){DASH}(?P<second>{self.number})(?![\w-])(?![.,:/]\d)"
        return [
            rule(between, self._range),
            rule(r"(?<=\d)\s?:\s?(?=\d)", lambda match: self.to[1]),
            rule(r"(?<=\d)(?<!\b0)\s?[xX]\s?(?=\d)", self._product),
            rule(r"(?<=\d)\s?\^\s?(?=[-−]?\d)", lambda match: self.language.power),
            rule(r"(?<![\w.-])\d+(?:-\d+){2,}(?![\w-])", self._phone),
            *self.plain(),
            rule(r"(?<!\d)(?<!\d[.,])\d+(?:\.\d+){2,}(?!\d)", self._version),
            rule(r"\d+", lambda match: self.language.number(match[0])),
            rule(rf"[{re.escape(''.join(self.signs))}]", self._sign),
        ]

    def plain(self) -> list[Rule]:
        """Lists the rules of single numbers."""
        return [rule(rf"{SIGN}{START}(?P<number>{self.number}){END}", self._plain)]

    def _product(self, match: re.Match[str]) -> str:
        return self.signs["×"]

    def _phone(self, match: re.Match[str]) -> str:
        return self.language.digit_string(match[0])

    def _range(self, match: re.Match[str]) -> str:
        first, second = match["first"], match["second"]
        between = self.to[0] if self.value(first) < self.value(second) else self.to[1]
        return f"{self.language.number(first)} {between} {self.language.number(second)}"

    def _version(self, match: re.Match[str]) -> str:
        parts = [self.language.number(part) for part in match[0].split(".")]
        point = self.language.point if self.language.decimal_mark == "." else self.language.address["."]
        return f" {point} ".join(parts)

    def _plain(self, match: re.Match[str]) -> str | None:
        return self.language.signed(match, self.language.number(match["number"]))

    def _sign(self, match: re.Match[str]) -> str | None:
        if match[0] in "<>#+@=" and not AFTER_WORD.search(before(match)):
            return None
        return self.signs[match[0]]


def day_range(days: Mapping[str, str], between: str, before: str = "") -> Rule:
    """Makes the rule of ranges of days of the week: Mon.-Fri.

    Args:
        days: Names of days by their abbreviations.
        between: What is said between the first and the last one.
        before: What is said before the first one.
    """
    day = any_of(days)

    def said(match: re.Match[str]) -> str:
        return f"{before}{days[match['first']]} {between} {days[match['last']]}"

    return rule(rf"\b(?P<first>{day})\.?{DASH}(?P<last>{day})\b\.?", said)
