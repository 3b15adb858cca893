"""Polish ordinals, in the form that the noun behind them asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from espnet_mtl.text.normalization.base import START, Rule, any_of, listed, rule, word_after, word_before
from espnet_mtl.text.normalization.numbers import in_words, roman
from espnet_mtl.text.normalization.polish import words

if TYPE_CHECKING:
    from espnet_mtl.text.normalization.polish.rules import Polish

ONES = listed("pierwsz drug trzec czwart piąt szóst siódm ósm dziewiąt")
TEENS = listed(
    """
    dziesiąt jedenast dwunast trzynast czternast piętnast szesnast siedemnast osiemnast dziewiętnast
    """
)
TENS = listed(
    """
    dwudziest trzydziest czterdziest pięćdziesiąt sześćdziesiąt siedemdziesiąt osiemdziesiąt dziewięćdziesiąt
    """
)
HUNDREDS = listed("setn dwusetn trzechsetn czterechsetn pięćsetn sześćsetn siedemsetn osiemsetn dziewięćsetn")
THOUSANDS = {1: "tysięczn", 2: "dwutysięczn", 3: "trzytysięczn", 4: "czterotysięczn", 5: "pięciotysięczn"}
SOFT = {"y": "i", "e": "ie", "ego": "iego", "ej": "iej", "emu": "iemu", "ym": "im", "ych": "ich", "a": "ia", "ą": "ią"}
CENTURY = r"w\.|wieku|wiek|wiekiem|w\b"
NO_NAMES = frozenset(listed("Przed Przez Ale Już Oraz Czy Gdy Jak Nad Pod Koniec Początek"))
ORDERED = "piętrze|piętro|miejscu|miejsce|peronie|połowie|klasie|rundzie|kwartale|lidze"
MORE = r"(?P<more>(?:/|\s(?:i|lub|oraz)\s|[-–])[IVXL]+)?"
SUFFIX = r"(?:[tgscz]*)(?P<form>y|i|a|e|ego|go|ej|ą|ym|ych|emu)"


def _stems(number: int) -> tuple[str, str]:
    """Splits an ordinal into words that stay as they are, and the stem of the last ones, which end."""
    thousands, rest = divmod(number, 1000)
    if number < 1 or (not rest and thousands not in THOUSANDS):
        return in_words(number, "pl", "spellout-cardinal-masculine"), ""
    if not rest:
        return "", THOUSANDS[thousands]
    before = in_words(thousands * 1000, "pl", "spellout-cardinal-masculine") if thousands else ""
    hundreds, last = divmod(rest, 100)
    if not last:
        return before, HUNDREDS[hundreds - 1]
    if hundreds:
        before += " " + in_words(hundreds * 100, "pl", "spellout-cardinal-masculine")
    tens, ones = divmod(last, 10)
    if tens == 0:
        return before, ONES[ones - 1]
    if tens == 1:
        return before, TEENS[ones]
    return before, TENS[tens - 2] + (f" {ONES[ones - 1]}" if ones else "")


def in_form(number: int, ending: str) -> str:
    """Says an ordinal with the ending of most adjectives: y, a, e, ego, ej, emu, ą, ym or ych."""
    before, stems = _stems(number)
    said = [before.strip()]
    for stem in stems.split():
        soft = ending
        if stem == "trzec" or (stem == "drug" and ending not in ("a", "ą")):
            soft = SOFT[ending]
        said.append(stem + soft)
    return " ".join(filter(None, said))


def ending_before(noun: str, preposition: str) -> str:
    """Finds the ending of an ordinal before a noun; "" where the noun tells none."""
    locative = preposition in words.LOCATIVE
    if noun in words.FEMININE_LOCATIVE or noun.endswith(("cji", "ji", "ii", "ści", "ości")):
        return "ej"
    if noun.endswith("ę"):
        return "ą"
    if noun.endswith("ą"):
        return "ą"
    if noun.endswith(("em", "im")):
        return "ym"
    if noun.endswith("ach"):
        return "ych"
    if noun.endswith("owi"):
        return "emu"
    if locative and noun.endswith(("u", "e", "ie")) and not noun.endswith("sce"):
        return "ym"
    if noun.endswith(("u", "sca")) or (preposition in words.GENITIVE and noun.endswith("a")):
        return "ego"
    if noun.endswith(("y", "i")):
        return "ej"
    return {"a": "a", "e": "e", "o": "e"}.get(noun[-1:], "y" if noun else "")


class Ordinals:
    """Ordinals of digits and of roman numerals."""

    def __init__(self, language: Polish):
        self.language = language

    def rules(self) -> list[Rule]:
        """Lists the rules of ordinals."""
        numeral = r"(?P<roman>[IVXL]+)"
        return [
            rule(
                rf"\b{numeral}\b(?P<more>(?:/|\s(?:i|lub|oraz)\s|[-–])[IVXL]+)?\s(?P<century>{CENTURY})", self._century
            ),
            rule(rf"\b{numeral}\b(?=\s(?:{any_of(listed(words.COUNTED))}))", self._before_noun),
            rule(rf"\b(?P<name>[A-ZŁŚŻ][a-ząćęłńóśźż]{{2,}})\s{numeral}\b(?!\.?\s(?:w\.|wiek))", self._ruler),
            rule(
                rf"(?:(?<=\b[nN]a\s)|(?<=\b[wW]\s))(?P<number>\d{{1,3}})(?=\s(?:{ORDERED})\b)",
                self._ordinal,
            ),
            rule(r"(?P<years>\b[Ll]ata(?:ch|mi)?)\s(?P<number>\d0)(?:\.|-tych|-te)?(?!\d)", self._decade),
            rule(rf"{START}(?P<number>\d{{1,4}})-{SUFFIX}\b", self._with_ending),
            rule(rf"{START}(?P<number>\d{{1,3}})\.(?=\s[a-ząćęłńóśźż]{{3}})", self._ordinal),
        ]

    def _ordinal(self, match: re.Match[str]) -> str | None:
        form = ending_before(word_after(match), word_before(match))
        return in_form(int(match["number"]), form) if form and int(match["number"]) else None

    def _with_ending(self, match: re.Match[str]) -> str | None:
        form = {"i": "y", "go": "ego"}.get(match["form"], match["form"])
        return in_form(int(match["number"]), form) if int(match["number"]) else None

    def _decade(self, match: re.Match[str]) -> str:
        form = {"lata": "e", "latach": "ych"}.get(match["years"].lower(), "ymi")
        ends = match[0].endswith(".") and not match.string[match.end() :].strip()
        return f"{match['years']} {in_form(int(match['number']), form)}{'.' if ends else ''}"

    def _century(self, match: re.Match[str]) -> str | None:
        number = roman(match["roman"])
        if not number or (match["century"] == "w" and not match["more"]):
            return None
        before = word_before(match)
        locative = before in ("w", "we", "na", "po")
        form = "ym" if locative else "ego" if before or match["century"] == "wieku" else "y"
        name = {"w.": "wiek" if form == "y" else "wieku"}.get(match["century"], match["century"])
        if name == "wiek":
            form = "y"
        said = in_form(number, form)
        if match["more"]:
            another = re.sub(r"[IVXL]+", "", match["more"]).strip() or "i"
            second = roman(re.sub(r"[^IVXL]", "", match["more"]))
            said += f" {another if another.isalpha() else 'i'} {in_form(second, form)}" if second else ""
        ends = match[0].endswith(".") and not match.string[match.end() :].strip()
        return f"{said} {name}{'.' if ends else ''}"

    def _before_noun(self, match: re.Match[str]) -> str | None:
        number, noun = roman(match["roman"]), word_after(match)
        form = ending_before(noun, word_before(match))
        return in_form(number, form) if number and form else None

    def _ruler(self, match: re.Match[str]) -> str | None:
        number, name = roman(match["roman"]), match["name"]
        if not number or name in NO_NAMES:
            return None
        return f"{name} {in_form(number, _ruler_form(name))}"


def _ruler_form(name: str) -> str:
    """Returns the ending of the ordinal of a king or a queen, whose name shows the case."""
    if name.startswith(words.QUEENS):
        return {"a": "a", "ę": "ą", "ą": "ą"}.get(name[-1], "ej")
    if name.endswith("owi"):
        return "emu"
    if name.endswith(("em", "im", "ym", "ie", "le")):
        return "ym"
    return "ego" if name.endswith(("a", "go")) else "y"
