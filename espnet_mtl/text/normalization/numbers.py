"""Numbers in words, by the rules of Unicode's CLDR (RBNF)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unicode_rbnf import RbnfEngine

MOST_DIGITS = 15
"""Longer numbers are read digit by digit."""
SOFT_HYPHEN = "\u00ad"
ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50}
ROMAN_NUMERAL = re.compile(r"(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


@lru_cache
def _engine(language: str) -> RbnfEngine:
    from unicode_rbnf import RbnfEngine  # only for texts with numbers

    return RbnfEngine.for_language(language)


@lru_cache(4096)
def in_words(number: int, language: str, rules: str) -> str:
    """Says a whole number, from 0 on.

    Args:
        number: Of at most `MOST_DIGITS` digits.
        language: That of CLDR.
        rules: Name of CLDR's rules, such as `spellout-cardinal`.
    """
    written = "".join(_engine(language).iter_format_number(number, rules))
    # espeak finds no end of "tausend" within a German word; soft hyphens divide its parts
    written = re.sub(f"(tausend|hundert){SOFT_HYPHEN}", r"\1 ", written)
    return written.replace(SOFT_HYPHEN, "").replace("-", " ").replace(",", "")


def is_long(digits: str) -> bool:
    """Tells whether digits are no number that is counted: 007, or one of very many digits."""
    return len(digits) > MOST_DIGITS or (len(digits) > 1 and int(digits[0]) == 0)


def digits_of(written: str, names: Sequence[str]) -> str:
    """Says the digits of a text one by one."""
    return " ".join(names[int(sign)] for sign in written if sign.isdecimal())


def roman(written: str) -> int:
    """Reads a roman numeral of at most 99; 0 where it is none."""
    if not written or not ROMAN_NUMERAL.fullmatch(written):
        return 0
    total = 0
    for sign, following in zip(written, [*written[1:], "I"], strict=True):
        value = ROMAN[sign] if sign != "C" else 100
        after = ROMAN[following] if following != "C" else 100
        total += -value if value < after else value
    return total
