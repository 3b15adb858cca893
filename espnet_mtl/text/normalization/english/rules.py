"""English: numbers, ordinals, years and dates, and all rules in their order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from espnet_mtl.text.normalization.abbreviations import abbreviation_rules, any_abbreviation
from espnet_mtl.text.normalization.addresses import address_rules
from espnet_mtl.text.normalization.base import LanguageRules, Rule, last_word, rule
from espnet_mtl.text.normalization.english import words
from espnet_mtl.text.normalization.english.abbreviations import saint_or_street
from espnet_mtl.text.normalization.english.amounts import Amounts
from espnet_mtl.text.normalization.english.dates import Dates
from espnet_mtl.text.normalization.english.numerals import NUMBER, EnglishNumerals
from espnet_mtl.text.normalization.fractions import VULGAR
from espnet_mtl.text.normalization.numbers import digits_of, in_words, is_long
from espnet_mtl.text.normalization.numerals import day_range
from espnet_mtl.text.normalization.timestamps import timestamp_rule


class English(LanguageRules):
    """English; that of en-us has the month first, and no "and" in numbers."""

    signs = "&#×÷=≠±≈≤≥∞√°%@+€$£¥¢₹₿²³§©<>~№℃℉‰" + VULGAR
    forms = rf"\b(?:{any_abbreviation(words.ABBREVIATIONS, words.AT_THE_END)})|\b[IVXL]+\b|\bSt\."
    digits = words.DIGITS
    number_pattern = NUMBER
    decimal_mark = "."
    point = "point"
    power = "to the power of"
    letters: Mapping[str, str] = MappingProxyType({})
    address = words.ADDRESS

    def __init__(self, language: str):
        super().__init__(language)
        self.american = language.startswith("en-us")
        self._cardinal = "spellout-cardinal" if self.american else "spellout-cardinal-verbose"
        self._ordinal = "spellout-ordinal" if self.american else "spellout-ordinal-verbose"

    def rules(self) -> Sequence[Rule]:
        numerals = EnglishNumerals(self)
        return [
            *address_rules(self),
            timestamp_rule(self),
            day_range(words.DAYS, "to"),
            *numerals.strings(),
            *abbreviation_rules(words.ABBREVIATIONS, words.AT_THE_END, words.BEFORE_NUMBERS),
            rule(r"\bSt\.", saint_or_street),
            *Dates(self).rules(),
            *Amounts(self).rules(),
            *numerals.rules(),
        ]

    def abbreviations(self) -> tuple[Collection[str], Collection[str]]:
        # "No." alone is an answer
        return words.ABBREVIATIONS, [name for name in words.BEFORE_NUMBERS if name not in ("no.", "nos.", "c.")]

    def number(self, written: str) -> str:
        whole, point, decimals = written.replace(",", "").replace(" ", "").partition(".")
        if is_long(whole or "0"):
            said = digits_of(whole, self.digits)
        else:
            said = in_words(int(whole), "en", self._cardinal) if whole else ""
        return f"{said} {self.point} {digits_of(decimals, self.digits)}".strip() if point else said

    def spelled(self, letters: str) -> str:
        # espeak would say the article
        return " ".join("eh" if name == "A" else name for name in super().spelled(letters).split())

    def ordinal(self, number: int, before: str = "", after: str = "") -> str:
        return in_words(number, "en", self._ordinal)

    def year(self, number: int) -> str:
        """Says a year: nineteen ninety nine."""
        return in_words(number, "en", "spellout-numbering-year")

    def date(self, year: int | None, month: int, day: int, before: str) -> str:
        of_year = f" {self.year(year)}" if year is not None else ""
        name, ordinal = words.MONTHS[month - 1], self.ordinal(day)
        if self.american:
            return f"{name} {ordinal}{of_year}"
        article = "" if last_word(before) == "the" else "the "
        return f"{article}{ordinal} of {name}{of_year}"
