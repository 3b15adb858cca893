"""Addresses of the network: www.example.com/a, me@mail.com."""

from __future__ import annotations

import re

from espnet_mtl.text.normalization.base import LanguageRules, Rule, listed

DOMAINS = "com|org|net|edu|gov|info|eu|io|ai|de|pl|uk|co|us|fr|es|it|nl|at|ch|cz|ru|jp|cn|tv|me|app|dev"
WORDS = frozenset(listed("com org net info gov app dev mail"))
"""Parts that are said as words though they are short."""
MAIL = re.compile(r"(?<![\w.+-])[\w][\w.+-]*@[\w-]+(?:\.[\w-]+)+")
PATH = r"(?:[/?#][^\s<>\"'”“„»«()]*)?(?<![.,;:!?…])"
LINK = re.compile(rf"(?<![\w@.])(?:(?:https?|ftp)://(?:www\.)?|www\.)[\w-]+(?:\.[\w-]+)*(?::\d+)?{PATH}", re.I)
BARE = re.compile(rf"(?<![\w@./-])(?:[a-z0-9][\w-]*\.)+(?:{DOMAINS})\b(?!\.?\w){PATH}", re.I)
SCHEME = re.compile(r"(?:https?|ftp)://", re.I)
PART = re.compile(r"[^\W\d_]+|\d+|[\W_]")
VOWELS = re.compile(r"[aeiouyąęóäöüé]", re.I)
LONGEST_SPELLED = 3


def address_rules(language: LanguageRules) -> list[Rule]:
    """Makes the rules that say addresses in a language."""

    def said(match: re.Match[str]) -> str:
        return _said(match[0], language)

    return [Rule(pattern, said) for pattern in (MAIL, LINK, BARE)]


def _said(written: str, language: LanguageRules) -> str:
    parts = PART.findall(SCHEME.sub("", written).rstrip("/"))
    return " ".join(filter(None, (_part(part, language) for part in parts)))


def _part(part: str, language: LanguageRules) -> str:
    if part.isdecimal():
        return language.number(part) if len(part) <= 2 else language.digit_string(part)
    if not part.isalpha():
        return language.address.get(part, "")
    short = len(part) <= LONGEST_SPELLED and part.lower() not in WORDS
    vowels = len(VOWELS.findall(part))
    # com, mail and bbc: what no one could say in one syllable is spelled
    spelled = vowels == 0 or (short and (len(part) <= 2 or vowels == len(part) or part.lower() == "edu"))
    return language.spelled(part) if spelled else part
