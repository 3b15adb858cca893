"""Fractions that are one character: ½."""

from __future__ import annotations

import unicodedata
from fractions import Fraction

VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"


def vulgar(sign: str) -> tuple[int, int]:
    """Returns the numerator and the denominator of a sign."""
    value = Fraction(unicodedata.numeric(sign)).limit_denominator(10)
    return value.numerator, value.denominator
