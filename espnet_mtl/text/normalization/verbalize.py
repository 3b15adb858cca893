"""A text as it is said: the one door to the rules of languages."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module

from espnet_mtl.text.normal import normal_text
from espnet_mtl.text.normalization.base import Edit, LanguageRules, applied

RULES = {"en": "english", "de": "german", "pl": "polish"}
"""Modules of languages by their codes."""


@lru_cache
def rules_of(language: str) -> LanguageRules | None:
    """Returns the rules of espeak's language, which may be a variety (en-gb); None where there are none."""
    primary = language.partition("+")[0].partition("-")[0].lower()
    if primary not in RULES or language == "en-shaw":
        return None
    name = RULES[primary]
    module = import_module(f"espnet_mtl.text.normalization.{name}.rules")
    build: Callable[[str], LanguageRules] = getattr(module, name.capitalize())
    return build(language.lower())


def edits_of(text: str, language: str) -> list[Edit]:
    """Finds what a language says otherwise than it is written; nothing in a language without rules.

    Args:
        text: In its normal form (`normal_text`).
        language: espeak's language.
    """
    rules = rules_of(language)
    return rules.edits(text) if rules else []


def verbalize(text: str, language: str) -> str:
    """Writes out what is not written in words: numbers, dates, times, money, units, addresses, abbreviations.

    Args:
        text: Plain text. Of words alone it stays as it is, but for its normal form (`normal_text`).
        language: espeak's language; of those without rules, a text stays as it is, and espeak reads it.
    """
    text = normal_text(text)
    return applied(text, edits_of(text, language))
