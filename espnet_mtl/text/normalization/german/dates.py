"""German dates, times, years and decades."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from espnet_mtl.text.normalization.base import DASH, END, START, Rule, any_of, rule, word_after, word_before
from espnet_mtl.text.normalization.german import words
from espnet_mtl.text.normalization.german.ordinals import in_form

if TYPE_CHECKING:
    from espnet_mtl.text.normalization.german.rules import German

MONTH = rf"(?P<month>{any_of(words.MONTHS)}|(?:{any_of(words.SHORT_MONTHS)})\b\.?)"
DAY = r"(?P<day>[12]\d|3[01]|0?[1-9])\."
YEAR = r"(?P<year>1[1-9]\d\d|20\d\d)"
MOST_HOURS, MOST_MONTHS, MOST_DAYS = 24, 12, 31


class Dates:
    """Dates and times."""

    def __init__(self, language: German):
        self.language = language

    def rules(self) -> list[Rule]:
        """Lists the rules of dates, times and years."""
        first = rf"(?:(?P<first>\d\d?)\.?(?P<to>{DASH}|\sbis\s(?:zum\s)?|\sund\s|\soder\s|/))?"
        clock = rf"{START}(?P<hour>\d\d?):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?{END}(?P<uhr>\sUhr)?"
        until = r"(?P<until_hour>\d\d?):(?P<until_minute>[0-5]\d)"
        clocks = rf"{START}(?P<hour>\d\d?):(?P<minute>[0-5]\d){DASH}{until}{END}(?:\sUhr)?"
        years = rf"{START}(?P<first>1[1-9]\d\d|20\d\d){DASH}(?P<second>\d{{4}}|\d\d){END}(?!\s?[%°€])"
        return [
            rule(r"(?<![\w-])(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?![\w-])", self._numbers),
            rule(rf"{START}{first}{DAY}\s?(?P<month>1[0-2]|0?[1-9])\.\s?(?P<year>\d{{4}}|\d\d)?(?!\w)", self._numbers),
            rule(rf"{START}{first}{DAY}\s?{MONTH}(?!\w)(?:\s{YEAR}{END}(?!\w))?", self._named),
            rule(clocks, self._times),
            rule(clock, self._time),
            rule(rf"{START}(?P<hour>\d\d?)\.(?P<minute>[0-5]\d)\s(?P<uhr>Uhr)", self._time),
            rule(rf"{START}(?P<hour>\d\d?)(?P<uhr>\sUhr)", self._time),
            rule(rf"(?<=\d){DASH}(?=\d\d?(?:[:.]\d\d)?\sUhr)|(?<=:\d\d){DASH}(?=\d\d?:\d\d)", lambda match: "bis"),
            rule(r"(?<!\w)['’]?(?P<number>\d{2,4})er\b", self._decade),
            rule(rf"{START}(?P<year>\d{{4}})/(?P<second>\d\d){END}(?!\w)", self._season),
            rule(years, self._years),
            rule(rf"{START}{YEAR}{END}(?![\w%])", self._year),
        ]

    def _numbers(self, match: re.Match[str]) -> str | None:
        month, day, written = int(match["month"]), int(match["day"]), match["year"] or ""
        if not (1 <= month <= MOST_MONTHS and 1 <= day <= MOST_DAYS):
            return None
        year = int(written) if written else None
        if year is not None and len(written) == 2:
            year += 2000 if year < 50 else 1900
        before = match.string[: match.start()]
        return self._first(match, before) + self.language.date(year, month, day, before)

    def _named(self, match: re.Match[str]) -> str:
        name = match["month"].rstrip(".")
        month = words.SHORT_MONTHS.get(name) or words.MONTHS.index(name) + 1
        before = match.string[: match.start()]
        year = int(match["year"]) if match["year"] else None
        return self._first(match, before) + self.language.date(year, month, int(match["day"]), before)

    def _first(self, match: re.Match[str], before: str) -> str:
        """Says the first day of two."""
        groups = match.groupdict()
        if not groups.get("first"):
            return ""
        to = groups["to"].strip()
        between = to if to.isalpha() or " " in to else "bis" if to != "/" else "auf"
        return f"{in_form(int(groups['first']), self.language.of_month(before))} {between} "

    def _time(self, match: re.Match[str]) -> str | None:
        groups = match.groupdict()
        hour, minute, second = int(groups["hour"]), groups.get("minute"), groups.get("second")
        if hour > MOST_HOURS:
            return None
        said = self._clock(hour, minute if minute and (int(minute) or second) else None)
        return f"{said} {self.language.number(str(int(second)))}" if second else said

    def _times(self, match: re.Match[str]) -> str | None:
        said = []
        for hour, minute in ((match["hour"], match["minute"]), (match["until_hour"], match["until_minute"])):
            if int(hour) > MOST_HOURS:
                return None
            said.append(self._clock(int(hour), minute if int(minute) else None))
        return " bis ".join(said)

    def _clock(self, hour: int, minute: str | None) -> str:
        said = f"{self.language.counted(str(hour), 'm')} Uhr"
        return f"{said} {self.language.number(str(int(minute)))}" if minute else said

    def _decade(self, match: re.Match[str]) -> str:
        number = int(match["number"])
        return f"{self.language.year(number)}er"

    def _season(self, match: re.Match[str]) -> str:
        return f"{self.language.year(int(match['year']))} {self.language.number(str(int(match['second'])))}"

    def _years(self, match: re.Match[str]) -> str | None:
        first, last = match["first"], match["second"]
        until = int(last if len(last) == 4 else first[:2] + last)
        if not int(first) < until < int(first) + 1000:
            return None
        said = self.language.year(until) if len(last) == 4 else self.language.number(str(int(last)))
        return f"{self.language.year(int(first))} bis {said}"

    def _year(self, match: re.Match[str]) -> str | None:
        before = word_before(match)
        counted = before in words.NUMBERED_BY or (word_after(match)[:1].isupper() and before not in words.YEAR_AFTER)
        return None if counted else self.language.year(int(match["year"]))
