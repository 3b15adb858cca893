"""English abbreviations that mean several things."""

from __future__ import annotations

import re

from espnet_mtl.text.normalization.base import before, full_stop

STREET = re.compile(r"(?:\d(?:st|nd|rd|th)?|[A-Z][a-z]+) $")
NAME = re.compile(r"\s[A-Z]")


def saint_or_street(match: re.Match[str]) -> str:
    """Says saint before a name, unless a name of a street stands before: 5 Main St."""
    street = STREET.search(before(match))
    if NAME.match(match.string, match.end()) and not street:
        return "Saint"
    return "Street" + full_stop(match, True)
