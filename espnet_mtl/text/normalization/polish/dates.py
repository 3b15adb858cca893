"""Polish dates, times and years."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from espnet_mtl.text.normalization.base import (
    DASH,
    END,
    NEW_SENTENCE,
    START,
    Rule,
    any_of,
    rule,
    word_after,
    word_before,
)
from espnet_mtl.text.normalization.numbers import roman
from espnet_mtl.text.normalization.polish import words
from espnet_mtl.text.normalization.polish.ordinals import in_form

if TYPE_CHECKING:
    from espnet_mtl.text.normalization.polish.rules import Polish

MONTH = rf"(?P<month>{any_of(words.MONTHS)})"
DAY = r"(?P<day>[12]\d|3[01]|0?[1-9])"
YEAR = r"(?P<year>1\d\d\d|20\d\d)"
R = r"(?P<r>\sr\.|\sroku)?"
OF_YEAR = rf"(?:\s{YEAR}{END}(?!\w){R})?"
CLOCK = r"(?P<hour>\d\d?)(?:[:.](?P<minute>[0-5]\d))"
TO = rf"(?:{DASH}(?P<hour2>\d\d?)(?:[:.](?P<minute2>[0-5]\d))?)?"
BEGINNING = re.compile(
    r"(?:W|Od|Do|Po|Przed|Około|Już w|Dopiero w|Pod koniec|Na początku)\s(?:\w+\s){0,3}"
    r"(?:\d+\s?r\.|[IVXL]+\s?w\.|\d0\.)"
)
"""A time that a sentence begins with, so that its full stop ends none: W 1999 r. Polska…"""
IS = frozenset(("jest", "był", "będzie", "to"))
MOST_HOURS, MOST_MONTHS, MOST_DAYS = 24, 12, 31


class Dates:
    """Dates and times."""

    def __init__(self, language: Polish):
        self.language = language

    def rules(self) -> list[Rule]:
        """Lists the rules of dates, times and years."""
        first = rf"(?:(?P<first>\d\d?)\.?(?P<to>{DASH}|\sdo\s|\si\s|\slub\s|\salbo\s))?"
        part_of_day = r"(?:rano|wieczorem|po\społudniu|w\snocy|nad\sranem)"
        years = rf"{START}(?P<first>1[1-9]\d\d|20\d\d){DASH}(?P<second>\d{{4}}){END}(?!\s?[%°])"
        return [
            rule(r"(?<![\w-])(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?![\w-])", self._numbers),
            rule(
                rf"{START}{DAY}\.(?P<month>1[0-2]|0?[1-9])\.(?P<year>\d{{4}})(?!\w)(?P<r>\sr\.|\sroku)?", self._numbers
            ),
            rule(rf"{START}{DAY}\s(?P<month>[IVX]+)\s{YEAR}{END}(?!\w){R}", self._roman_month),
            rule(rf"{START}{first}{DAY}\.?\s{MONTH}(?!\w){OF_YEAR}", self._named),
            rule(rf"\b[Gg]odz\.\s?(?P<hour>\d\d?)(?:[:.](?P<minute>[0-5]\d))?{TO}{END}", self._at_hour),
            rule(
                rf"{START}(?P<hour>\d\d?):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?"
                rf"(?:{DASH}(?P<hour2>\d\d?):(?P<minute2>[0-5]\d))?{END}",
                self._time,
            ),
            rule(rf"(?<=\b[oO]\s)(?P<hour>\d\d?)\.(?P<minute>[0-5]\d){END}", self._time),
            rule(rf"(?<=\b[oO]\s)(?P<hour>\d\d?)(?=\s{part_of_day})", self._time),
            rule(years, self._years),
            rule(rf"{START}(?P<year>\d{{3,4}})\s?(?P<r>r\.|roku|rok\b|rokiem)", self._year_with_name),
            rule(rf"{START}{YEAR}{END}(?![\w%])", self._year),
            rule(r"(?<=\d)\s?r\.", lambda match: " roku"),
        ]

    def _numbers(self, match: re.Match[str]) -> str | None:
        month, day, year = int(match["month"]), int(match["day"]), int(match["year"])
        if not (1 <= month <= MOST_MONTHS and 1 <= day <= MOST_DAYS and year):
            return None
        said = self.language.date(year, month, day, match.string[: match.start()])
        return said + (_of_year(match) if match.groupdict().get("r") else "")

    def _roman_month(self, match: re.Match[str]) -> str | None:
        month = roman(match["month"])
        if not 1 <= month <= MOST_MONTHS:
            return None
        said = self.language.date(int(match["year"]), month, int(match["day"]), match.string[: match.start()])
        return said + (_of_year(match) if match["r"] else "")

    def _named(self, match: re.Match[str]) -> str:
        form = "y" if word_before(match) in IS else "ego"
        said = f"{in_form(int(match['day']), form)} {match['month']}"
        if match["first"] and int(match["first"]):
            to = match["to"].strip()
            said = f"{in_form(int(match['first']), form)} {to if to.isalpha() else 'do'} {said}"
        if match["year"]:
            said += f" {in_form(int(match['year']), 'ego')}"
        return said + (_of_year(match) if match["r"] else "")

    def _at_hour(self, match: re.Match[str]) -> str | None:
        if not _is_time(match):
            return None
        if match["hour2"]:
            return f"godzinach od {self._clock(match, 'ej')} do {self._clock(match, 'ej', '2')}"
        before = word_before(match)
        oblique = before in words.LOCATIVE | words.GENITIVE
        return f"{'godzinie' if before in words.LOCATIVE else 'godziny' if oblique else 'godzina'} " + self._clock(
            match, "ej" if oblique else "a"
        )

    def _time(self, match: re.Match[str]) -> str | None:
        if not _is_time(match):
            return None
        groups, before = match.groupdict(), word_before(match)
        if groups.get("hour2"):
            start = "" if before == "od" else "od "
            return f"{start}{self._clock(match, 'ej')} do {self._clock(match, 'ej', '2')}"
        form = "ej" if before in words.LOCATIVE | words.GENITIVE | {"godzinie", "godziny"} else "a"
        if before in words.INSTRUMENTAL or before == "na":
            form = "ą"
        said = self._clock(match, form)
        return f"{said} {self._minutes(groups['second'])}" if groups.get("second") else said

    def _clock(self, match: re.Match[str], form: str, which: str = "") -> str:
        hour, minute = int(match[f"hour{which}"]), match.groupdict().get(f"minute{which}")
        said = in_form(hour, form) if hour else "zero"
        if minute and (int(minute) or not hour):
            said += f" {self._minutes(minute)}"
        return said

    def _minutes(self, written: str) -> str:
        said = self.language.number(str(int(written)))
        return f"zero {said}" if written[0] == "0" else said

    def _years(self, match: re.Match[str]) -> str | None:
        if int(match["first"]) >= int(match["second"]):
            return None
        return f"{self.language.number(match['first'])} do {self.language.number(match['second'])}"

    def _year_with_name(self, match: re.Match[str]) -> str:
        before, name = word_before(match), match["r"]
        form = "ym" if before in ("w", "we", "po", "o") or name == "rokiem" else "y" if name == "rok" else "ego"
        return in_form(int(match["year"]), form) + _of_year(match)

    def _year(self, match: re.Match[str]) -> str | None:
        before, after = word_before(match), word_after(match)
        if after.endswith(("ach", "ów", "ami", "om")) or after in words.PERSONS | {"lat", "osób", "ludzi", "razy"}:
            return None
        year = int(match["year"])
        if before == "roku":
            locative = re.search(r"\b[wW] roku $", match.string[: match.start()])
            return in_form(year, "ym" if locative else "ego")
        forms = {"rok": "y", "w": "ym", "po": "ym", "przed": "ym", "rokiem": "ym", "od": "ego", "do": "ego", "z": "ego"}
        return in_form(year, forms[before]) if before in forms else None


def _is_time(match: re.Match[str]) -> bool:
    return int(match["hour"]) <= MOST_HOURS and int(match.groupdict().get("hour2") or 0) <= MOST_HOURS


def _of_year(match: re.Match[str]) -> str:
    """Says the word for a year behind its number, and the full stop where that ends the sentence."""
    name = match["r"].strip()
    if name != "r.":
        return f" {name}"
    ends = NEW_SENTENCE.match(match.string, match.end()) and not BEGINNING.fullmatch(match.string[: match.end()])
    return " roku." if ends else " roku"
