"""Dates with a time as machines write them: 1999-12-31T23:59:59Z."""

from __future__ import annotations

import re

from espnet_mtl.text.normalization.base import LanguageRules, Rule, applied, rule

DATE, TIME = r"(?P<date>\d{4}-\d\d-\d\d)", r"(?P<time>\d\d:[0-5]\d(?::[0-5]\d)?)(?:\.\d+)?"


def timestamp_rule(language: LanguageRules) -> Rule:
    """Makes the rule that says the date, and then the time."""

    def said(match: re.Match[str]) -> str:
        written = f"{match['date']}, {match['time']}"
        return applied(written, language.edits(written)) + (" UTC" if match["zone"] else "")

    return rule(rf"(?<![\w-]){DATE}T{TIME}(?P<zone>Z)?(?!\w)", said)
