"""German: numbers, ordinals, years and dates, and all rules in their order."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from types import MappingProxyType

from espnet_mtl.text.normalization.abbreviations import abbreviation_rules, any_abbreviation
from espnet_mtl.text.normalization.addresses import address_rules
from espnet_mtl.text.normalization.base import (
    CONTEXT,
    END,
    START,
    LanguageRules,
    Rule,
    any_of,
    last_word,
    rule,
    word_after,
)
from espnet_mtl.text.normalization.fractions import VULGAR
from espnet_mtl.text.normalization.german import words
from espnet_mtl.text.normalization.german.amounts import NUMBER, Amounts
from espnet_mtl.text.normalization.german.dates import Dates
from espnet_mtl.text.normalization.german.ordinals import ORDINAL_AT_END, Ordinals, counts, ending, gender, in_form
from espnet_mtl.text.normalization.numbers import digits_of, in_words, is_long
from espnet_mtl.text.normalization.numerals import Numerals, day_range
from espnet_mtl.text.normalization.timestamps import timestamp_rule

ONE = {"f": "eine", "m": "ein", "n": "ein"}
RULES_OF_ONE = {"f": "spellout-cardinal-feminine", "m": "spellout-cardinal-masculine"}
NOUN_BEFORE = re.compile(r"([A-ZÄÖÜ][a-zäöüß]+) $")
NOT_FIRST = frozenset(("am", "vom", "zum", "dem", "den", "bis", "ab", "seit", "im", "beim", "des"))


class German(LanguageRules):
    """German."""

    signs = "&#×÷=≠±≈≤≥∞√°%@+€$£¥²³§©<>~№℃‰Ø∅" + VULGAR
    forms = rf"\b(?:{any_abbreviation(words.ABBREVIATIONS, words.AT_THE_END)})|\b[IVXL]+\b|str\."
    digits = words.DIGITS
    number_pattern = NUMBER
    point = "Komma"
    power = "hoch"
    letters = MappingProxyType({"ß": "Eszett"})
    address = words.ADDRESS

    def rules(self) -> Sequence[Rule]:
        numerals = GermanNumerals(self, NUMBER, value, words.SIGNS, ("bis", "zu"))
        return [
            *address_rules(self),
            timestamp_rule(self),
            day_range(words.DAYS, "bis"),
            *numerals.strings(),
            *Dates(self).rules(),
            *Amounts(self).rules(),
            rule(rf"\b(?P<day>{any_of(words.DAYS)})\.(?=,|\s[a-zäöü])", lambda match: words.DAYS[match["day"]]),
            *abbreviation_rules(words.ABBREVIATIONS, words.AT_THE_END, words.BEFORE_NUMBERS),
            rule(r"\b(?P<name>[^\W\d_]+)str\.", lambda match: f"{match['name']}straße"),
            *Ordinals(self).rules(),
            *numerals.rules(),
        ]

    def abbreviations(self) -> tuple[Collection[str], Collection[str]]:
        return words.ABBREVIATIONS, words.BEFORE_NUMBERS

    def goes_on(self, before: str, after: str) -> bool:
        if super().goes_on(before, after):
            return True
        before = before[-CONTEXT:]
        found = ORDINAL_AT_END.search(before)
        return bool(found) and counts(before[: found.start()] if found else "", after)

    def number(self, written: str) -> str:
        return self._number(written, "spellout-numbering")

    def counted(self, written: str, kind: str) -> str:
        """Says a number before a noun of a gender: ein, eine."""
        if "," in written:
            return self.number(written)
        return self._number(written, RULES_OF_ONE.get(kind, "spellout-cardinal-masculine"))

    def _number(self, written: str, rules: str) -> str:
        whole, point, decimals = written.replace(".", "").replace(" ", "").partition(",")
        said = digits_of(whole, self.digits) if is_long(whole) else in_words(int(whole), "de", rules)
        return f"{said} {self.point} {digits_of(decimals, self.digits)}" if point else said

    def ordinal(self, number: int, before: str = "", after: str = "") -> str:
        return in_form(number, ending(before, after) or "e")

    def year(self, number: int) -> str:
        """Says a year: neunzehnhundert neunundneunzig."""
        return in_words(number, "de", "spellout-numbering-year")

    def of_month(self, before: str) -> str:
        """Returns how the ordinal of a day ends."""
        if last_word(before) in words.PREPOSITIONS | NOT_FIRST:
            return "n"
        return ending(before, " März") or "r"

    def date(self, year: int | None, month: int, day: int, before: str) -> str:
        of_year = f" {self.year(year)}" if year is not None else ""
        return f"{in_form(day, self.of_month(before))} {words.MONTHS[month - 1]}{of_year}"


class GermanNumerals(Numerals):
    """Numbers that stand for themselves, as German says them."""

    def strings(self) -> list[Rule]:
        area = r"(?<![\w/.,-])(?:\(0\d{2,5}\) ?|0\d{2,5}[ /-] ?)\d[\d -]{3,}\d(?![\w-])"
        return [*super().strings(), rule(area, self._phone)]

    def plain(self) -> list[Rule]:
        point = rf"{START}(?P<whole>\d+)\.(?P<decimals>\d+){END}"
        return [
            *super().plain(),
            rule(point, self._with_point),
        ]

    def _range(self, match: re.Match[str]) -> str:
        said = super()._range(match)
        one = ONE[gender(word_after(match)) or "m"] if word_after(match)[:1].isupper() else "eins"
        return one + said.removeprefix("eins") if match["first"] == "1" else said

    def _with_point(self, match: re.Match[str]) -> str:
        decimals = digits_of(match["decimals"], self.language.digits)
        return f"{self.language.number(match['whole'])} Punkt {decimals}"

    def _plain(self, match: re.Match[str]) -> str | None:
        counts_noun = word_after(match)[:1].isupper() and not _numbers_noun(match)
        if match["number"] != "1" or not counts_noun:
            return super()._plain(match) if not match.string[match.end() :][:2].strip(".").isdecimal() else None
        return self.language.signed(match, ONE[gender(word_after(match)) or "m"])


def _numbers_noun(match: re.Match[str]) -> bool:
    """Tells whether a number belongs to the noun before it: Artikel 1."""
    found = NOUN_BEFORE.search(match.string[: match.start()])
    return bool(found) and bool(gender(found[1] if found else ""))


def value(number: str) -> float:
    """Reads a number as German writes it."""
    return float(number.replace(".", "").replace(" ", "").replace(",", "."))
