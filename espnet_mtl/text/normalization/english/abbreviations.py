"""English abbreviations with a full stop, and signs before numbers."""

from __future__ import annotations

import re

from espnet_mtl.text.normalization.base import Rule, any_of, full_stop
from espnet_mtl.text.normalization.english import words

SIGNS = [name for name in words.BEFORE_NUMBERS if not name[0].isalpha()]
MARKS = [name for name in words.BEFORE_NUMBERS if name[0].isalpha()]
STREET = re.compile(r"(?:\d(?:st|nd|rd|th)?|[A-Z][a-z]+) $")
NAME = re.compile(r"\s[A-Z]")


def abbreviation_rules() -> list[Rule]:
    """Makes the rules of abbreviations."""
    return [
        Rule(re.compile(rf"(?<![\w.])(?:{any_of(words.ABBREVIATIONS)})(?!\w)"), _before_others),
        Rule(re.compile(rf"(?<![\w.])(?:{any_of(words.AT_THE_END)})(?!\w)"), _at_the_end),
        Rule(re.compile(rf"(?<!\w)(?:{any_of(MARKS)})\s?(?=\d)"), _before_number),
        Rule(re.compile(rf"(?<![^\s(\[\"'“])(?:{any_of(SIGNS)})\s?(?=[\d.$£€])"), _before_number),
        Rule(re.compile(r"\bSt\."), _saint_or_street),
    ]


def _before_others(match: re.Match[str]) -> str:
    return words.ABBREVIATIONS[match[0]] + full_stop(match, False)


def _at_the_end(match: re.Match[str]) -> str:
    return words.AT_THE_END[match[0]] + full_stop(match, True)


def _before_number(match: re.Match[str]) -> str:
    return f"{words.BEFORE_NUMBERS[match[0].strip()]} "


def _saint_or_street(match: re.Match[str]) -> str:
    """Says saint before a name, unless a name of a street stands before: 5 Main St."""
    street = STREET.search(match.string[: match.start()])
    if NAME.match(match.string, match.end()) and not street:
        return "Saint"
    return "Street" + full_stop(match, True)
