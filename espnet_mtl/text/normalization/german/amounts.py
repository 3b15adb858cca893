"""German amounts: money, units and fractions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from espnet_mtl.text.normalization.base import DASH, END, SIGN, START, Rule, any_of, rule, word_after
from espnet_mtl.text.normalization.fractions import VULGAR, behind_fractions, vulgar
from espnet_mtl.text.normalization.german import words
from espnet_mtl.text.normalization.german.ordinals import gender

if TYPE_CHECKING:
    from espnet_mtl.text.normalization.german.rules import German

NUMBER = r"(?:\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d{1,3}(?: \d{3})+(?:,\d+)?|\d+(?:,\d+)?)"
AMOUNT = rf"(?P<number>{NUMBER})(?:,[-–—]+)?"
RANGE = rf"(?:(?P<first>{NUMBER})(?P<to>{DASH}|\sbis\s|\sund\s|\soder\s))?{AMOUNT}"
MAGNITUDE = rf"(?:\s?(?P<magnitude>{any_of(words.MAGNITUDES)})(?![^\W_]))?"
CURRENCY = rf"(?P<currency>{any_of(words.CURRENCIES)})"
PER = "Sekunde|Minute|Stunde|Tag|Woche|Monat|Jahr|Nacht|Person"
PARTS = {2: "halb", 3: "Drittel", 7: "Siebtel", 8: "Achtel", 100: "Hundertstel"}
HALF = {"f": "eine halbe", "n": "ein halbes", "m": "ein halber", "": "ein halb"}
FIRST_STEL, MOST_PARTS = 20, 100


class Amounts:
    """Numbers with a unit or a currency, and fractions."""

    def __init__(self, language: German):
        self.language = language

    def rules(self) -> list[Rule]:
        """Lists the rules of money, units and fractions."""
        unit = rf"{START}{SIGN}{RANGE}[ -]?(?P<unit>{any_of(words.UNITS)})(?![^\W_]|[²³])"
        fraction = rf"{START}{SIGN}(?:(?P<whole>\d+)\s)?(?P<top>\d+)/(?P<bottom>\d+)(?![\w/])"
        return [
            rule(rf"{SIGN}(?<!\w){CURRENCY}\s?{AMOUNT}{END}{MAGNITUDE}", self._money),
            rule(rf"{START}{SIGN}{RANGE}{MAGNITUDE}\s?{CURRENCY}(?!\w)", self._money),
            rule(rf"{START}{SIGN}{RANGE}{MAGNITUDE.replace('?:', '', 1)[:-1]}", self._large),
            rule(unit, self._unit),
            rule(
                r"(?<=[\d€$])/(?=(?:Sekunde|Minute|Stunde|Tag|Woche|Monat|Jahr|Nacht|Person)\b)", lambda match: " pro "
            ),
            rule(fraction, self._fraction),
            behind_fractions(words.UNITS, lambda unit, whole: words.UNITS[unit][whole]),
            rule(rf"(?:(?P<whole>\d+)\s?)?(?P<part>[{VULGAR}])", self._vulgar),
            rule(
                rf"{START}(?P<number>\d+)-?(?P<times>x|mal|fach|[jJ]ährig\w*|prozentig\w*|stündig\w*|tägig\w*|köpfig\w*|seitig\w*)\b",
                self._times,
            ),
        ]

    def _span(self, match: re.Match[str], kind: str) -> str:
        groups = match.groupdict()
        last = self.language.counted(groups["number"], kind)
        if not groups.get("first"):
            return last
        to = groups["to"].strip()
        return f"{self.language.number(groups['first'])} {to if to.isalpha() else 'bis'} {last}"

    def _magnitude(self, match: re.Match[str]) -> str:
        one, many = words.MAGNITUDES[match["magnitude"]]
        single = match["number"] == "1" and not match.groupdict().get("first")
        return f"{self._span(match, 'f')} {one if single else many}"

    def _large(self, match: re.Match[str]) -> str:
        ends = match[0].endswith(".") and not match.string[match.end() :].strip()
        return self.language.signed(match, self._magnitude(match)) + ("." if ends else "")

    def _money(self, match: re.Match[str]) -> str:
        name, cents = words.CURRENCIES[match["currency"]]
        if match["magnitude"]:
            return self.language.signed(match, f"{self._magnitude(match)} {name}")
        whole, _, decimals = match["number"].partition(",")
        if len(decimals) != 2 or match.groupdict().get("first") or not cents:
            kind = "f" if name == "Mark" else "n" if name == "Pfund" else "m"
            return self.language.signed(match, f"{self._span(match, kind)} {name}")
        if whole == "0":
            return self.language.signed(match, f"{self.language.counted(str(int(decimals)), 'm')} {cents}")
        said = f"{self.language.counted(whole, 'm')} {name}"
        if int(decimals):
            said += f" {self.language.number(str(int(decimals)))}"
        return self.language.signed(match, said)

    def _unit(self, match: re.Match[str]) -> str:
        one, many = words.UNITS[match["unit"]]
        whole, _, decimals = match["number"].partition(",")
        if match["unit"] == "m" and len(decimals) == 2 and not match["first"]:  # ein Meter sechzig
            return self.language.signed(
                match, f"{self.language.counted(whole, 'm')} {one} {self.language.number(decimals)}"
            )
        single = match["number"] == "1" and not match["first"]
        kind = gender(one.partition(" ")[0]) or "n"
        said = f"{self._span(match, kind)} {one if single else many}"
        return self.language.signed(match, said)

    def _fraction(self, match: re.Match[str]) -> str | None:
        top, bottom = int(match["top"]), int(match["bottom"])
        if not 0 < top < bottom or bottom > MOST_PARTS:
            whole = f"{self.language.number(match['whole'])} " if match["whole"] else ""
            return f"{whole}{self.language.number(match['top'])} Schrägstrich {self.language.number(match['bottom'])}"
        return self.language.signed(match, self._parts(match, top, bottom))

    def _vulgar(self, match: re.Match[str]) -> str:
        return self._parts(match, *vulgar(match["part"]))

    def _parts(self, match: re.Match[str], top: int, bottom: int) -> str:
        whole = match["whole"]
        if bottom == 2:
            noun, *_ = words.UNITS.get(word_after(match), (word_after(match), ""))
            return f"{self.language.counted(whole, 'm')}einhalb" if whole else HALF[gender(noun)]
        said = f"{self.language.counted(str(top), 'm')} {self._part(bottom)}"
        return f"{self.language.number(whole)} {said}" if whole else said

    def _part(self, bottom: int) -> str:
        name = self.language.number(str(bottom)).capitalize()
        return PARTS.get(bottom) or name + ("tel" if bottom < FIRST_STEL else "stel")

    def _times(self, match: re.Match[str]) -> str:
        times = match["times"].lower()
        number = self.language.counted(match["number"], "m").replace(" ", "")
        return f"{number}{'mal' if times == 'x' else times}"
