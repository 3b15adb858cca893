"""Polish: numbers, ordinals and dates, and all rules in their order."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from espnet_mtl.text.normalization.abbreviations import abbreviation_rules, any_abbreviation
from espnet_mtl.text.normalization.addresses import address_rules
from espnet_mtl.text.normalization.base import (
    DASH,
    END,
    START,
    LanguageRules,
    Rule,
    any_of,
    listed,
    rule,
    word_after,
    word_before,
)
from espnet_mtl.text.normalization.fractions import VULGAR
from espnet_mtl.text.normalization.numbers import digits_of, in_words, is_long, roman
from espnet_mtl.text.normalization.numerals import Numerals, day_range
from espnet_mtl.text.normalization.polish import words
from espnet_mtl.text.normalization.polish.amounts import NUMBER, Amounts
from espnet_mtl.text.normalization.polish.dates import BEGINNING, IS, Dates
from espnet_mtl.text.normalization.polish.ordinals import Ordinals, ending_before, in_form
from espnet_mtl.text.normalization.timestamps import timestamp_rule

COMPOUND = listed(
    """
    zero jedno dwu trzy cztero pięcio sześcio siedmio ośmio dziewięcio dziesięcio jedenasto dwunasto trzynasto
    czternasto piętnasto szesnasto siedemnasto osiemnasto dziewiętnasto
    """
)
COMPOUND_TENS = listed(
    """
    dwudziesto trzydziesto czterdziesto pięćdziesięcio sześćdziesięcio siedemdziesięcio osiemdziesięcio
    dziewięćdziesięcio
    """
)
ADJECTIVES = "let|lat|lec|krotn|osobow|minutow|dniow|godzin|procentow|metrow|piętrow|pokojow|stopniow|tysięczn"
ENDS_OF_CASES = {"ach": "locative", "mi": "instrumental", "om": "dative"}
MOST_DECIMALS = 2
FEW = re.compile(r"[234]")


class Polish(LanguageRules):
    """Polish."""

    signs = "&#×÷=≠±≈≤≥∞√°%@+€$£¥²³§©<>~№℃‰" + VULGAR
    forms = (
        rf"\b(?:{any_abbreviation(words.ABBREVIATIONS, words.AT_THE_END)}|{any_of(words.PLACES)})|\b[IVXL]+\b|\bśw\."
    )
    digits = words.DIGITS
    number_pattern = NUMBER
    point = "przecinek"
    power = "do potęgi"
    letters = words.LETTERS
    address = words.ADDRESS

    def rules(self) -> Sequence[Rule]:
        numerals = PolishNumerals(self, NUMBER, value, words.SIGNS, ("do", "do"))
        return [
            *address_rules(self),
            timestamp_rule(self),
            *numerals.strings(),
            day_range(words.DAYS, "do", "od "),
            *Amounts(self).rules(),
            *Dates(self).rules(),
            rule(rf"(?<!\w)(?P<place>{any_of(words.PLACES)})(?=\s[A-ZĄĆĘŁŃÓŚŹŻ\d])", _place),
            rule(r"\b[śŚ]w\.(?=\s)", _saint),
            *abbreviation_rules(words.ABBREVIATIONS, words.AT_THE_END, words.BEFORE_NUMBERS),
            *Ordinals(self).rules(),
            *numerals.rules(),
        ]

    def abbreviations(self) -> tuple[Collection[str], Collection[str]]:
        return [*words.ABBREVIATIONS, *words.PLACES, "św.", "Św."], [*words.BEFORE_NUMBERS, "godz.", "Godz."]

    def goes_on(self, before: str, after: str) -> bool:
        return super().goes_on(before, after) or bool(BEGINNING.fullmatch(before))

    def number(self, written: str) -> str:
        return self.counted(written, "masculine")

    def counted(self, written: str, gender: str, case: str = "") -> str:
        """Says a number before a noun of a gender, in a case of CLDR ("": the nominative)."""
        whole, point, decimals = written.replace(" ", "").replace(".", "").partition(",")
        rules = f"spellout-cardinal-{gender}" + (f"-{case}" if case else "")
        said = digits_of(whole, self.digits) if is_long(whole) else in_words(int(whole), "pl", rules)
        if not point:
            return said
        if is_long(decimals) or len(decimals) > MOST_DECIMALS:
            return f"{said} {self.point} {digits_of(decimals, self.digits)}"
        return f"{said} {self.point} {self.number(decimals)}"

    def halves(self, written: str, gender: str, case: str = "") -> str:
        """Says a number whose decimals are a half."""
        whole, _, _ = written.partition(",")
        if whole == "0":
            return "pół"
        if whole == "1":
            return "półtorej" if gender == "feminine" else "półtora"
        return f"{self.counted(whole, gender, case)} i pół"

    def ordinal(self, number: int, before: str = "", after: str = "") -> str:
        noun = after.split()[0] if after.split() else ""
        preposition = before.split()[-1].lower() if before.split() else ""
        return in_form(number, ending_before(noun, preposition) or "y")

    def date(self, year: int | None, month: int, day: int, before: str) -> str:
        of_year = f" {in_form(year, 'ego')}" if year is not None else ""
        words_before = before.split()
        alone = not words_before or words_before[-1].lower() in IS
        return f"{in_form(day, 'y' if alone else 'ego')} {words.MONTHS[month - 1]}{of_year}"


class PolishNumerals(Numerals):
    """Numbers that stand for themselves, as Polish says them."""

    language: Polish

    def strings(self) -> list[Rule]:
        nine = r"(?<![\w.,-])(?:\d{3}[ -]\d{3}[ -]\d{3}|\(?\d{2}\)? \d{3}[ -]\d{2}[ -]\d{2})(?![\w-]| \d)"
        code = r"(?<![\w.,-])\d\d-\d{3}(?=\s[A-ZĄĆĘŁŃÓŚŹŻ])"
        return [*super().strings(), rule(nine, self._phone), rule(code, self._phone)]

    def rules(self) -> list[Rule]:
        compound = rf"{START}(?P<number>\d{{1,2}})-(?P<behind>(?:{ADJECTIVES})\w*)"
        between = rf"(?<=\d){DASH}(?=\d)"
        score = rf"{START}(?P<first>\d+):(?P<second>\d+){END}"
        return [
            rule(compound, self._compound),
            rule(r"\b(?P<roman>[IVXL]+)-(?P<behind>wieczn\w+)", self._of_century),
            rule(score, self._range),
            *super().rules(),
            rule(between, lambda match: "do"),
        ]

    def plain(self) -> list[Rule]:
        point = rf"{START}(?P<whole>\d+)\.(?P<decimals>\d+){END}"
        return [*super().plain(), rule(point, self._with_point)]

    def _of_persons(self, number: int) -> str:
        """Says a number before a noun of men: tysiąc pięciuset żołnierzy."""
        thousands, rest = divmod(number, 1000)
        said = [self.language.number(str(thousands * 1000))] if thousands else []
        if rest or not said:
            said.append(self.language.counted(str(rest), "masculine", "genitive"))
        return " ".join(said)

    def _range(self, match: re.Match[str]) -> str:
        first, second = match["first"], match["second"]
        if ":" not in match[0] and FEW.fullmatch(second) and word_after(match).endswith(("y", "i")):
            kind = gender_of(word_after(match))
            return f"{self.language.counted(first, kind)} lub {self.language.counted(second, kind)}"
        last = self.language.counted(second, "masculine", "genitive")
        return f"{self.language.number(first)} do {last}"

    def _with_point(self, match: re.Match[str]) -> str:
        decimals = digits_of(match["decimals"], self.language.digits)
        return f"{self.language.number(match['whole'])} kropka {decimals}"

    def _compound(self, match: re.Match[str]) -> str:
        return _in_compound(int(match["number"])) + match["behind"]

    def _of_century(self, match: re.Match[str]) -> str | None:
        """Says an adjective of a century: XVII-wieczny, siedemnastowieczny."""
        number = roman(match["roman"])
        return in_form(number, "o").replace(" ", "") + match["behind"] if number else None

    def _plain(self, match: re.Match[str]) -> str:
        noun, before, written = word_after(match), word_before(match), match["number"]
        if written.endswith(",5") and noun.islower() and before not in words.GENITIVE:
            return self.language.signed(match, self.language.halves(written, gender_of(noun)))
        case = next((name for end, name in ENDS_OF_CASES.items() if noun.endswith(end)), "")
        gender = gender_of(noun)
        if noun in words.PERSONS and written != "1" and "," not in written:
            return self._of_persons(int(re.sub(r"\D", "", written)))
        if written == "1" and noun.endswith("ę"):
            case = "accusative"
        if written == "1" and noun.endswith("a") and before in words.HAVING:  # mam jednego psa
            return self.language.counted(written, "masculine", "genitive")
        if not case and before in words.GENITIVE and not noun.endswith("ą"):
            case = "genitive"
        if written == "1" and noun.endswith(("a", "ę", "ść")):
            gender = "feminine"
        elif written == "1" and noun.endswith(("e", "o")):
            gender = "neuter"
        if "," in written:
            case = ""
        return self.language.signed(match, self.language.counted(written, gender, case))


def gender_of(noun: str) -> str:
    """Returns the gender, as CLDR calls it, of a noun behind two, three or four."""
    feminine = noun in words.FEMININE or noun.endswith(("cje", "sje", "czki", "nki", "żki"))
    return "feminine" if feminine else "masculine"


def _in_compound(number: int) -> str:
    """Returns how a number of one or two digits begins a word: pięcio."""
    if number < len(COMPOUND):
        return COMPOUND[number]
    tens, ones = divmod(number, 10)
    return COMPOUND_TENS[tens - 2] + (COMPOUND[ones] if ones else "")


def _place(match: re.Match[str]) -> str:
    nominative, oblique = words.PLACES[match["place"]]
    return oblique if word_before(match) in words.LOCATIVE | words.GENITIVE else nominative


def _saint(match: re.Match[str]) -> str:
    """Says saint in the form of the name behind it."""
    name = word_after(match)
    if name.startswith(words.QUEENS):
        return "święta" if name.endswith("a") else "świętej"
    ending = "ym" if name.endswith("em") else "ego" if name.endswith(("a", "ego")) else "y"
    return f"święt{ending}"


def value(number: str) -> float:
    """Reads a number as Polish writes it."""
    return float(number.replace(" ", "").replace(".", "").replace(",", "."))
