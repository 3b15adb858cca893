"""Abbreviations, and words and signs that stand before numbers alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from espnet_mtl.text.normalization.base import Rule, before, full_stop

COMPARING = "<>≤≥≈"
QUANTITY = re.compile(r"(?:^|[\s(])(?:[^\W\d_]|\d+)\s$")
"""What a number is compared with: x > 5."""
Words = Mapping[str, str]


def abbreviation_rules(within: Words, at_the_end: Words, before_numbers: Words) -> list[Rule]:
    """Makes the rules of abbreviations; a space within one may be left out: z.B.

    Args:
        within: What stands before something else, so that its full stop ends no sentence.
        at_the_end: What may end a sentence: its full stop stays where a new one begins.
        before_numbers: What is said so before a number alone.
    """
    letters = [name for name in before_numbers if name[0].isalpha()]
    signs = [name for name in before_numbers if not name[0].isalpha()]

    def said_before_number(match: re.Match[str]) -> str | None:
        if match[0].strip() in COMPARING and QUANTITY.search(before(match)):
            return None
        said = before_numbers[_name(match)]
        return said if match.string[match.end()].isalnum() else f"{said} "

    return [
        Rule(_pattern(within), lambda match: within[_name(match, within)] + full_stop(match, False)),
        Rule(_pattern(at_the_end), lambda match: at_the_end[_name(match, at_the_end)] + full_stop(match, True)),
        Rule(re.compile(rf"(?<!\w)(?:{_any(letters)})\s?(?=\d)"), said_before_number),
        Rule(re.compile(rf"(?<![^\s(\[\"'“„])(?:{_any(signs)})\s?(?=[\d.$£€])"), said_before_number),
    ]


def any_abbreviation(*tables: Words) -> str:
    """Returns a pattern of all abbreviations of some tables."""
    return _any([name for table in tables for name in table])


def _pattern(table: Words) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.])(?:{_any(table)})(?!\w)")


def _any(names: Collection[str]) -> str:
    ordered = sorted(names, key=len, reverse=True)
    return "|".join(re.escape(name).replace(r"\ ", r"\s?") for name in ordered)


def _name(match: re.Match[str], table: Words | None = None) -> str:
    """Returns the key of an abbreviation, which has spaces where the text may have none."""
    written = match[0].strip()
    if table is None or written in table:
        return written
    return next(name for name in table if name.replace(" ", "") == written.replace(" ", ""))
