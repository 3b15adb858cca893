"""English dates, times, years and decades."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from espnet_mtl.text.normalization.base import DASH, END, START, Rule, any_of, rule, word_after, word_before
from espnet_mtl.text.normalization.english import words

if TYPE_CHECKING:
    from espnet_mtl.text.normalization.english.rules import English

MONTH = rf"(?P<month>{any_of(words.MONTHS)}|(?:{any_of(words.SHORT_MONTHS)})\b\.?)"
DAY = r"(?P<day>[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"
YEAR = r"(?P<year>1[1-9]\d\d|20\d\d)"
OF_YEAR = rf"(?:(?P<comma>,?)\s{YEAR}{END}(?!\w))?"
HALF_DAY = r"(?P<half>[ap])(?:\.\s?m\.|m\b\.?)"
HOUR = r"\d\d?(?::\d\d)?\s?"
MOST_HOURS = 24


class Dates:
    """Dates and times as a variety of English says them."""

    def __init__(self, language: English):
        self.language = language

    def rules(self) -> list[Rule]:
        """Lists the rules of dates, times and years."""
        years = rf"{START}(?P<first>1[1-9]\d\d|20\d\d){DASH}(?P<second>\d{{4}}|\d\d){END}(?!\s?[%°])"
        clock = rf"{START}(?P<hour>\d\d?):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?{END}(?:\s?{HALF_DAY})?"
        until = r"(?P<until_hour>\d\d?):(?P<until_minute>[0-5]\d)"
        clocks = rf"{START}(?P<hour>\d\d?):(?P<minute>[0-5]\d){DASH}{until}{END}(?:\s?{HALF_DAY})?"
        hour = rf"{START}(?P<hour>1[0-2]|0?[1-9])(?:\.(?P<minute>[0-5]\d))?\s?{HALF_DAY}"
        return [
            rule(r"(?<![\w-])(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?![\w-])", self._iso),
            rule(r"(?<![\w/])(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<year>\d{4}|\d\d)(?![\w/])", self._slashed),
            rule(rf"\b{MONTH}\s(?P<first>[12]\d|3[01]|[1-9]){DASH}{DAY}{END}(?![\w%])", self._days),
            rule(rf"\b{MONTH}\s{DAY}{END}(?![\w%]){OF_YEAR}", self._month_first),
            rule(rf"{START}{DAY}(?:\sof)?\s{MONTH}(?!\w){OF_YEAR}", self._day_first),
            rule(clocks, self._times, re.I),
            rule(clock, self._time, re.I),
            rule(hour, self._time, re.I),
            rule(
                rf"(?<=:\d\d){DASH}(?=\d\d?:\d\d)|(?:(?<=[\dm])|(?<=m\.)){DASH}(?={HOUR}{HALF_DAY})",
                lambda match: " to",
                re.I,
            ),
            rule(r"(?<![\w'’])['’]?(?P<century>\d\d)?(?P<decade>\d)0['’]?s\b", self._decade),
            rule(years, self._years),
            rule(rf"{START}{YEAR}/(?P<second>\d\d){END}(?!\w)", self._season),
            rule(r"(?<![\w.,:-])(?P<hour>[01]\d|2[0-4])(?P<minute>[0-5]\d)(?=\s?hours\b)", self._military),
            rule(rf"{START}{YEAR}{END}(?![\w%])", self._year),
        ]

    def _iso(self, match: re.Match[str]) -> str | None:
        return self._checked(int(match["year"]), int(match["month"]), int(match["day"]), match)

    def _slashed(self, match: re.Match[str]) -> str | None:
        first, second, year = int(match["a"]), int(match["b"]), int(match["year"])
        month, day = (first, second) if self.language.american else (second, first)
        if month > 12:
            month, day = day, month
        if len(match["year"]) == 2:
            year += 2000 if year < 50 else 1900
        return self._checked(year, month, day, match)

    def _checked(self, year: int, month: int, day: int, match: re.Match[str]) -> str | None:
        if 1 <= month <= 12 and 1 <= day <= 31:
            return self.language.date(year, month, day, match.string[: match.start()])
        return None

    def _month_first(self, match: re.Match[str]) -> str:
        the = "" if self.language.american or match["month"] == "May" else "the "
        return f"{_month(match)} {the}{self.language.ordinal(int(match['day']))}{self._of_year(match)}"

    def _days(self, match: re.Match[str]) -> str:
        first, last = self.language.ordinal(int(match["first"])), self.language.ordinal(int(match["day"]))
        return f"{_month(match)} {first} to {last}"

    def _day_first(self, match: re.Match[str]) -> str | None:
        article = "" if word_before(match) in ("the", "this", "every") else "the "
        return f"{article}{self.language.ordinal(int(match['day']))} of {_month(match)}{self._of_year(match)}"

    def _of_year(self, match: re.Match[str]) -> str:
        return f"{match['comma']} {self.language.year(int(match['year']))}" if match["year"] else ""

    def _time(self, match: re.Match[str]) -> str | None:
        groups = match.groupdict()
        hour, minute, second = int(groups["hour"]), groups["minute"], groups.get("second")
        half = groups["half"]
        if hour > MOST_HOURS:
            return None
        said = [self.language.number(str(hour))]
        if minute is not None and (int(minute) or second):
            said.append(self._minutes(minute))
        elif minute is not None and not half:
            said.append("o'clock" if 1 <= hour <= 12 else "hundred" if hour else "hundred hours")
        if second:
            said.append(self._minutes(second))
        if half:
            said.append(f"{half.lower()}.m.")
        return " ".join(said)

    def _times(self, match: re.Match[str]) -> str | None:
        first, last = int(match["hour"]), int(match["until_hour"])
        if max(first, last) > MOST_HOURS:
            return None
        half = f" {match['half'].lower()}.m." if match["half"] else ""
        return f"{self._clock(first, match['minute'])} to {self._clock(last, match['until_minute'])}{half}"

    def _clock(self, hour: int, minute: str) -> str:
        said = self.language.number(str(hour))
        if int(minute):
            return f"{said} {self._minutes(minute)}"
        return said if 1 <= hour <= 12 else f"{said} hundred"

    def _military(self, match: re.Match[str]) -> str:
        hour = self._minutes(match["hour"])
        return f"{hour} {'hundred' if match['minute'] == '00' else self._minutes(match['minute'])}"

    def _season(self, match: re.Match[str]) -> str:
        return f"{self.language.year(int(match['year']))} {self._minutes(match['second'])}"

    def _minutes(self, written: str) -> str:
        return f"oh {self.language.digits[int(written)]}" if int(written) < 10 else self.language.number(written)

    def _decade(self, match: re.Match[str]) -> str | None:
        decade = int(match["decade"]) * 10
        century = int(match["century"]) if match["century"] else 0
        if not century:
            return _plural(self.language.number(str(decade))) if decade > 10 else None
        if not decade and century % 10 == 0:
            return f"{self.language.number(str(century * 100))}s"
        tens = _plural(self.language.number(str(decade))) if decade else "hundreds"
        return f"{self.language.number(str(century))} {tens}"

    def _years(self, match: re.Match[str]) -> str | None:
        first, last = match["first"], match["second"]
        until = int(last if len(last) == 4 else first[:2] + last)
        if not int(first) < until < int(first) + 1000:
            return None
        short = self._minutes(last) if len(last) == 2 and int(last) else self.language.year(until)
        return f"{self.language.year(int(first))} to {short}"

    def _year(self, match: re.Match[str]) -> str | None:
        before, after = word_before(match), word_after(match)
        counted = after in words.COUNT_NOUNS or (after.islower() and after.endswith("s") and len(after) > 3)
        counted = counted and after not in words.NOT_COUNTED and not after.endswith(("us", "is", "ss"))
        if counted and (before not in words.YEAR_AFTER or before in words.COUNTED_AFTER):
            return None
        return self.language.year(int(match["year"]))


def _month(match: re.Match[str]) -> str:
    name = match["month"].rstrip(".")
    return words.MONTHS[words.SHORT_MONTHS[name] - 1] if name in words.SHORT_MONTHS else name


def _plural(number: str) -> str:
    return number.removesuffix("y") + "ies" if number.endswith("y") else f"{number}s"
