"""Fractions that are one character: ½."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from fractions import Fraction

from espnet_mtl.text.normalization.base import Rule, any_of, before, rule

VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"
WITH_WHOLE = re.compile(rf"\d(?:\s?[{VULGAR}]|\s\d+/\d+)$")


def vulgar(sign: str) -> tuple[int, int]:
    """Returns the numerator and the denominator of a sign."""
    value = Fraction(unicodedata.numeric(sign)).limit_denominator(10)
    return value.numerator, value.denominator


def behind_fractions(units: Collection[str], name: Callable[[str, bool], str]) -> Rule:
    """Makes the rule of units behind a fraction: 3/4 l.

    Args:
        units: How units are written.
        name: Says a unit, and knows whether there is a whole number too: 1½ l.
    """
    fraction = rf"(?:(?<=\d/\d)|(?<=\d/\d\d)|(?<=[{VULGAR}]))"
    unit = rf"(?P<unit>{any_of(units)})(?![^\W_]|[²³])(?:\.(?=\s[a-z\d]))?"

    def said(match: re.Match[str]) -> str:
        return f" {name(match['unit'], bool(WITH_WHOLE.search(before(match))))}"

    return rule(rf"{fraction}[ -]?{unit}", said)
