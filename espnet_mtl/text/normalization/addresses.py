"""Addresses of the network: www.example.com/a, me@mail.com."""

from __future__ import annotations

import re
from itertools import pairwise

from espnet_mtl.text.normalization.base import LanguageRules, Rule

DOMAINS = "com|org|net|edu|gov|info|eu|io|ai|de|pl|uk|co|us|fr|es|it|nl|at|ch|cz|ru|jp|cn|tv|me|app|dev"
SPELLED = ("edu",)
MAIL = re.compile(r"(?<![\w.+-])[\w][\w.+-]*@[\w-]+(?:\.[\w-]+)+")
PATH = r"(?:[/?#][^\s<>\"'”“„»«()]*)?(?<![.,;:!?…])"
LINK = re.compile(rf"(?<![\w@.])(?:(?:https?|ftp)://(?:www\.)?|www\.)[\w-]+(?:\.[\w-]+)*(?::\d+)?{PATH}", re.I)
BARE = re.compile(rf"(?<![\w@./-])(?:[a-z0-9][\w-]*\.)+(?:{DOMAINS})\b(?!\.?\w){PATH}", re.I)
SCHEME = re.compile(r"(?:https?|ftp)://", re.I)
PART = re.compile(r"[^\W\d_]+|\d+|[\W_]")
VOWELS = re.compile(r"[aeiouyąęóäöüé]", re.I)
LONGEST_CODE = LONGEST_NUMBER = 2


def address_rules(language: LanguageRules) -> list[Rule]:
    """Makes the rules that say addresses in a language."""

    def said(match: re.Match[str]) -> str:
        return _said(match[0], language)

    return [Rule(pattern, said) for pattern in (MAIL, LINK, BARE)]


def _said(written: str, language: LanguageRules) -> str:
    parts = PART.findall(SCHEME.sub("", written).rstrip("/"))
    said = []
    for before, part in pairwise(["", *parts]):
        said.append(_part(part, before, language))
    return " ".join(filter(None, said))


def _part(part: str, before: str, language: LanguageRules) -> str:
    if part.isdecimal():
        return language.number(part) if len(part) <= LONGEST_NUMBER else language.digit_string(part)
    if not part.isalpha():
        return language.address.get(part, "")
    country = before == "." and len(part) <= LONGEST_CODE
    spelled = len(part) == 1 or country or part.lower() in SPELLED or not VOWELS.search(part)
    return language.spelled(part) if spelled else part
