"""Polish amounts: money, units and fractions, in the forms that numbers ask for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from espnet_mtl.text.normalization.base import DASH, END, SIGN, START, Rule, any_of, rule, word_after, word_before
from espnet_mtl.text.normalization.fractions import VULGAR, behind_fractions, vulgar
from espnet_mtl.text.normalization.polish import words
from espnet_mtl.text.normalization.polish.ordinals import in_form
from espnet_mtl.text.normalization.polish.words import Noun

if TYPE_CHECKING:
    from espnet_mtl.text.normalization.polish.rules import Polish

NUMBER = r"(?:\d{1,3}(?:[ .]\d{3})+(?:,\d+)?|\d+(?:,\d+)?)"
AMOUNT = rf"(?P<number>{NUMBER})"
RANGE = rf"(?:(?P<first>{NUMBER})(?P<to>{DASH}|\sdo\s|\si\s|\slub\s))?{AMOUNT}"
MAGNITUDE = rf"(?:\s?(?P<magnitude>{any_of(words.MAGNITUDES)})(?![^\W_]))?"
CURRENCY = rf"(?P<currency>{any_of(words.CURRENCIES)})"
MOST_PARTS = 100
HALF = ",5"


def form_of(number: str, noun: Noun, genitive: bool = False) -> str:
    """Returns the form of a noun behind a number."""
    if "," in number:
        return noun.part
    count = int(re.sub(r"\D", "", number))
    if count == 1:
        return noun.part if genitive else noun.one
    few = count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14)
    return noun.few if few and not genitive else noun.many


class Amounts:
    """Numbers with a unit or a currency, and fractions."""

    def __init__(self, language: Polish):
        self.language = language

    def rules(self) -> list[Rule]:
        """Lists the rules of money, units and fractions."""
        unit = rf"{START}{SIGN}{RANGE}[ -]?(?P<unit>{any_of(words.UNITS)})(?![^\W_]|[²³])(?!\.?\s?\d)"
        fraction = rf"{START}{SIGN}(?:(?P<whole>\d+)\s)?(?P<top>\d+)/(?P<bottom>\d+)(?![\w/])"
        return [
            rule(rf"{SIGN}(?<!\w){CURRENCY}\s?{AMOUNT}{END}{MAGNITUDE}", self._money),
            rule(rf"{START}{SIGN}{RANGE}{MAGNITUDE}\s?{CURRENCY}(?!\w)", self._money),
            rule(rf"{START}{SIGN}{RANGE}\s?(?P<magnitude>{any_of(words.MAGNITUDES)})(?![^\W_])", self._large),
            rule(unit, self._unit),
            rule(r"(?<=[\dł€])/(?:mies\.|miesiąc)", lambda match: " miesięcznie"),
            rule(fraction, self._fraction),
            behind_fractions(words.UNITS, lambda unit, _: words.UNITS[unit].part),
            rule(rf"(?:(?P<whole>\d+)\s?)?(?P<part>[{VULGAR}])", self._vulgar),
        ]

    def _counted(self, match: re.Match[str], noun: Noun) -> str:
        """Says a number, or a range, and the noun behind it."""
        groups, number = match.groupdict(), match["number"]
        genitive = word_before(match) in words.GENITIVE
        first = ""
        if groups.get("first"):
            to = groups["to"].strip()
            to = to if to.isalpha() else "do"
            first = f"{self._number(groups['first'], noun, genitive)} {to} "
            genitive = genitive or to == "do"
        said = f"{first}{self._number(number, noun, genitive)} {form_of(number, noun, genitive)}"
        return f"{said} {noun.behind}".strip()

    def _number(self, written: str, noun: Noun, genitive: bool) -> str:
        case = "genitive" if genitive else ""
        if written.endswith(HALF):
            return self.language.halves(written, noun.gender, case)
        return self.language.counted(written, noun.gender, case)

    def _large(self, match: re.Match[str]) -> str:
        if match["number"] == "1" and not match["first"]:
            genitive = word_before(match) in words.GENITIVE
            said = form_of("1", words.MAGNITUDES[match["magnitude"]], genitive)
        else:
            said = self._counted(match, words.MAGNITUDES[match["magnitude"]])
        ends = match[0].endswith(".") and not match.string[match.end() :].strip()
        return self.language.signed(match, said) + ("." if ends else "")

    def _money(self, match: re.Match[str]) -> str:
        noun, cent = words.CURRENCIES[match["currency"]]
        if match["magnitude"]:
            return f"{self._large(match)} {noun.many}"
        whole, _, decimals = match["number"].partition(",")
        if len(decimals) != 2 or match.groupdict().get("first"):
            return self.language.signed(match, self._counted(match, noun))
        parts = []
        for number, name in ((whole, noun), (str(int(decimals)), cent)):
            if number != "0":
                parts.append(f"{self.language.counted(number, name.gender)} {form_of(number, name)}")
        return self.language.signed(match, " ".join(parts) or f"zero {noun.many}")

    def _unit(self, match: re.Match[str]) -> str:
        return self.language.signed(match, self._counted(match, words.UNITS[match["unit"]]))

    def _fraction(self, match: re.Match[str]) -> str | None:
        top, bottom = int(match["top"]), int(match["bottom"])
        if not 0 < top < bottom or bottom > MOST_PARTS:
            whole = f"{self.language.number(match['whole'])} " if match["whole"] else ""
            return f"{whole}{self.language.number(match['top'])} łamane przez {self.language.number(match['bottom'])}"
        return self.language.signed(match, self._parts(match, top, bottom))

    def _vulgar(self, match: re.Match[str]) -> str:
        return self._parts(match, *vulgar(match["part"]))

    def _parts(self, match: re.Match[str], top: int, bottom: int) -> str:
        whole = match["whole"]
        if (top, bottom) == (1, 2):
            if not whole:
                return "pół" if word_after(match) else "jedna druga"
            return "półtora" if whole == "1" else f"{self.language.number(whole)} i pół"
        few = top % 10 in (2, 3, 4) and top % 100 not in (12, 13, 14)
        ending = "a" if top == 1 else "e" if few else "ych"
        said = f"{self.language.counted(str(top), 'feminine')} {in_form(bottom, ending)}"
        return f"{self.language.number(whole)} i {said}" if whole else said
