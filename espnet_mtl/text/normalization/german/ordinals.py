"""German ordinals, which end as the words before and behind them ask."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from espnet_mtl.text.normalization.base import CONTEXT, END, START, Rule, any_of, last_word, rule
from espnet_mtl.text.normalization.german import words
from espnet_mtl.text.normalization.numbers import in_words, roman

if TYPE_CHECKING:
    from espnet_mtl.text.normalization.german.rules import German

BEFORE_ANOTHER = re.compile(r"(?:\d+|[IVXL]+)\.?,?\s?(?:(?:und|oder|bis|sowie|bis zum)\s|[-–/]\s?)$")
ANOTHER = re.compile(r"\s*(?:[-–/]|und|oder|bis|sowie)?\s*(?:\d+|[IVXL]+)\.")
NOUN = re.compile(r"\s*(?:[a-zäöüß]+e[nrs]?\s)?([A-ZÄÖÜ][a-zäöüß]+|FC)")
ORDINAL_AT_END = re.compile(r"(?<![\w.,])(?:\d{1,4}|[IVXL]+)\.$")
DECLINED = re.compile(r"(?:ein|kein|mein|dein|sein|ihr|unser)(?:em|en|er|es)")
FORMS = {"e": "", "n": "-n", "r": "-r", "s": "-s", "m": "-m"}
TITLE = re.compile(r"(?:(?:König(?:s|in)?|Kaiser(?:s|in)?|Papst(?:es)?|Zar(?:in)?|Königs|Johannes|Franz)\s)+$")


def gender(noun: str) -> str:
    """Guesses the gender of a noun: "m", "f" or "n"; "" where nothing tells it."""
    if noun in words.MASCULINE:
        return "m"
    if noun in words.NEUTER or noun.lower().endswith(words.NEUTER_ENDINGS):
        return "n"
    if noun in words.FEMININE or noun.endswith(words.FEMININE_ENDINGS):
        return "f"
    return "m" if any(noun.endswith(known.lower()) for known in words.MASCULINE) else ""


def ending(before: str, after: str) -> str:
    """Finds how an ordinal ends: "e", "n", "r", "s" or "m"; "" where no word around it belongs to one."""
    before, after = before[-CONTEXT:], after[:CONTEXT]
    while another := BEFORE_ANOTHER.search(before):
        before = before[: another.start()]
    while another := ANOTHER.match(after):
        after = after[another.end() :]
    noun = NOUN.match(after)
    kind = gender(noun[1]) if noun else ""
    word = last_word(before)
    if word in words.TO_N or DECLINED.fullmatch(word):
        return "n"
    if word == "der":
        article = before.rstrip()[: -len(word)]
        return "n" if kind == "f" or last_word(article) in words.PREPOSITIONS else "e"
    if word in words.TO_E:
        return "e"
    if word in words.MIXED:
        return "s" if kind == "n" else "r"
    if word == "als" and not noun:
        return "r"
    if word in words.PREPOSITIONS and noun:
        return "n" if noun[1] in words.MONTHS else {"f": "r", "": ""}.get(kind, "m")
    return {"f": "e", "n": "s", "m": "r", "": ""}[kind]


def counts(before: str, after: str) -> bool:
    """Tells whether an ordinal between two texts belongs to a noun of the second one: im 19. | Jahrhundert."""
    noun = NOUN.match(after)
    known = noun is not None and noun[1] not in words.BEGINNINGS and bool(gender(noun[1]))
    return known and bool(ending(before, after))


def in_form(number: int, form: str) -> str:
    """Says an ordinal with an ending."""
    return in_words(number, "de", f"spellout-ordinal{FORMS[form]}")


class Ordinals:
    """Ordinals of digits and of roman numerals."""

    def __init__(self, language: German):
        self.language = language

    def rules(self) -> list[Rule]:
        """Lists the rules of ordinals."""
        rulers = any_of([*words.RULERS, *words.QUEENS])
        return [
            rule(rf"\b(?P<name>{rulers})(?P<own>s?)\s(?P<roman>[IVXL]+)\b(?P<stop>\.?)", self._ruler),
            rule(r"\b(?P<noun>[A-ZÄÖÜ][a-zäöüß]+)\s(?P<roman>[IVXL]+)\b(?!\.\s[A-Z])", self._counted),
            rule(r"\b(?P<roman>[IVXL]+)\.(?=\s(?:[a-zäöüß]+e[nrs]?\s)?[A-ZÄÖÜ])", self._roman),
            rule(rf"{START}(?P<number>\d{{1,4}})\.(?=[\s,/–-])", self._ordinal),
            rule(rf"{START}(?P<number>\d{{1,4}})\.$", self._at_the_end),
            rule(rf"{START}(?P<number>\d+)(?P<form>te[nrms]?)\b{END}", self._written_out),
        ]

    def _ordinal(self, match: re.Match[str]) -> str | None:
        text = match.string
        form = ending(text[: match.start()], text[match.end() :])
        return in_form(int(match["number"]), form) if form else None

    def _at_the_end(self, match: re.Match[str]) -> str | None:
        """Says an ordinal that an article asks for: er kam am 3."""
        word = last_word(match.string[: match.start()])
        if word in ("am", "zum", "vom", "der", "als", "dem", "den"):
            return in_form(int(match["number"]), "e" if word == "der" else "n" if word != "als" else "r") + "."
        return None

    def _written_out(self, match: re.Match[str]) -> str:
        return in_form(int(match["number"]), match["form"].removeprefix("te") or "e")

    def _roman(self, match: re.Match[str]) -> str | None:
        number = roman(match["roman"])
        form = ending(match.string[: match.start()], match.string[match.end() :])
        return in_form(number, form) if number and form else None

    def _counted(self, match: re.Match[str]) -> str | None:
        number = roman(match["roman"])
        if not number or (len(match["roman"]) == 1 and match["noun"] not in words.NUMBERED):
            return None
        return f"{match['noun']} {self.language.number(str(number))}"

    def _ruler(self, match: re.Match[str]) -> str | None:
        number = roman(match["roman"])
        if not number:
            return None
        before = TITLE.sub("", match.string[: match.start()])
        own = bool(match["own"]) or match.string[: match.start()].endswith(("Königs ", "Kaisers ", "Papstes "))
        article, form = self._article(match["name"] in words.QUEENS, own, last_word(before))
        said = in_form(number, form)
        ends = match["stop"] and not match.string[match.end() :].strip()
        return f"{match['name']}{match['own']} {article} {said[0].upper()}{said[1:]}{'.' if ends else ''}"

    def _article(self, queen: bool, own: bool, word: str) -> tuple[str, str]:
        """Returns the article of a ruler, and how the ordinal ends."""
        if queen:
            return ("der", "n") if own or word in words.DATIVE else ("die", "e")
        if own:
            return "des", "n"
        if word in words.DATIVE:
            return "dem", "n"
        return ("den", "n") if word in words.ACCUSATIVE else ("der", "e")
