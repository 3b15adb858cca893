"""Why a text cannot be spoken: nothing is said, a character was lost, or espeak's voice does not read its letters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from espnet_mtl.errors import UserError
from espnet_mtl.text.espeak import phonemize
from espnet_mtl.text.normal import DAMAGED, FULL_WIDTH, SYMBOLS, check_unicode, normal_text, speakable
from espnet_mtl.text.normalization.verbalize import rules_of

LATIN = "LATIN"
SCRIPTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("ba", "be", "bg", "cv", "kk", "ky", "mk", "nog", "ru", "sr", "bs", "tt", "uk"), ("CYRILLIC",)),
    **dict.fromkeys(("el", "grc"), ("GREEK",)),
    **dict.fromkeys(("ar", "fa", "sd", "ug", "ur"), ("ARABIC",)),
    **dict.fromkeys(("hi", "kok", "mr", "ne"), ("DEVANAGARI",)),
    **dict.fromkeys(("as", "bn", "bpy"), ("BENGALI",)),
    **dict.fromkeys(("am", "ti"), ("ETHIOPIC",)),
    **dict.fromkeys(("hy", "hyw"), ("ARMENIAN",)),
    **dict.fromkeys(("my", "shn"), ("MYANMAR",)),
    **dict.fromkeys(("cmn", "yue"), ("CJK", "BOPOMOFO")),
    **{"gu": ("GUJARATI",), "pa": ("GURMUKHI",), "or": ("ORIYA",), "ta": ("TAMIL",), "te": ("TELUGU",)},
    **{"kn": ("KANNADA",), "ml": ("MALAYALAM",), "si": ("SINHALA",), "th": ("THAI",), "ka": ("GEORGIAN",)},
    **{"he": ("HEBREW",), "ko": ("HANGUL",), "chr": ("CHEROKEE",), "ja": ("HIRAGANA", "KATAKANA")},
}
"""What espeak's voices read beside Latin letters, as the names of characters begin; all others read Latin alone."""
ANY_SCRIPT = ("en-shaw", "piqd", "qya", "sjn", "xex")
"""Voices of scripts that Unicode has no name for, or that are somebody's own."""
NO_SCRIPTS = ("MODIFIER", "FEMININE", "MASCULINE", "MICRO", "KATAKANA-HIRAGANA", "")
SPELLED = "GREEK"
"""The script of which one letter alone is read by its name, as it should be: α."""
SAID_SYMBOLS = "°©№℃℉´˚" + DAMAGED
ARROWS = frozenset(map(chr, range(0x2190, 0x2200)))
MARKS = ("Mn", "Me")
MARK_CODES = (*range(0x300, 0x370), *range(0x20D0, 0x20F1))
MOST_MARKS = 20
"""How many marks a letter may have."""
MOST_NAMED = 8


def text_fault(text: str, language: str, token_type: str = "phn") -> str:
    """Says why a text cannot be spoken, in a few words with its kind first; "" where it can.

    Args:
        text: What is to be said.
        language: espeak's language.
        token_type: "phn", "char" or "bpe": espeak reads the text for phones alone.
    """
    try:
        check_unicode("text", text)
    except UserError as error:
        return f"damaged text: {error}"
    if not speakable(text):
        return "empty text"
    if token_type != "phn":
        return ""
    words = [one.characters for one in unread(normal_text(text), language) if not one.symbol]
    words = [word for word in words if not unicodedata.category(word[0]).startswith("M")]
    if words:
        return f"unreadable text: espeak's {language} does not read {words[0]!r}"
    if not _has_sure_sound(text, language) and not _is_heard(text, language):
        return f"unspeakable text: espeak's {language} says nothing for {text!r}"
    return ""


class Unread(NamedTuple):
    """What espeak's voice does not say as it should: first character, the one behind the last, and what it is.

    A symbol, such as a picture, takes nothing from what is said; a letter or a number does.
    """

    start: int
    end: int
    characters: str
    symbol: bool = False


def unread(text: str, language: str) -> list[Unread]:
    """Finds what espeak's voice does not read, but spells, describes or passes over, neighbours together.

    Args:
        text: In its normal form (`normal_text`).
        language: espeak's language.
    """
    if text.isascii() or language in ANY_SCRIPT:
        return []
    found: list[Unread] = []
    for place, character in enumerate(text):
        if character.isascii():
            continue
        symbol = _is_picture(character)
        if not (symbol or _is_unread(text, place, language)):
            continue
        last = found[-1] if found else None
        if last and last.end == place and last.symbol == symbol:
            found[-1] = Unread(last.start, place + 1, last.characters + character, symbol)
        else:
            found.append(Unread(place, place + 1, character, symbol))
    return found


def named(characters: Iterable[str]) -> str:
    """Names characters as Unicode does, each once, for a message."""
    single = dict.fromkeys("".join(characters))
    names = [f"{one} ({unicodedata.name(one, f'U+{ord(one):04X}')})" for one in single]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _is_picture(character: str) -> bool:
    """Tells whether espeak would describe a character, or say nothing: an emoji, an arrow, the mark of a brand."""
    if character in SAID_SYMBOLS:
        return False
    return unicodedata.category(character) in SYMBOLS or character in ARROWS


def _is_unread(text: str, place: int, language: str) -> bool:
    character = text[place]
    category = unicodedata.category(character)
    if category.startswith("L"):
        return not _reads(text, place, language)
    if category in MARKS:
        return bool(rules_of(language)) and _script(character) == "COMBINING" and not _follows_other(text, place)
    return character.isnumeric() and not _is_heard(character, language)


def _reads(text: str, place: int, language: str) -> bool:
    """Tells whether a letter is of a script that the voice reads; it names a Greek letter that stands alone."""
    script = _script(text[place])
    if script in (LATIN, *NO_SCRIPTS) or script in scripts_of(language):
        return True
    neighbours = (text[place - 1 : place], text[place + 1 : place + 2])
    return script == SPELLED and SPELLED not in map(_script, filter(None, neighbours))


def _follows_other(text: str, place: int) -> bool:
    """Tells whether a mark belongs to a letter that is not Latin."""
    base = text[max(0, place - MOST_MARKS) : place].rstrip("".join(chr(code) for code in MARK_CODES))[-1:]
    return base.isalpha() and _script(base) != LATIN


def scripts_of(language: str) -> tuple[str, ...]:
    """Returns the scripts that espeak's voice reads beside Latin letters; the name may be that of a variety (ru-lv)."""
    if "latn" in language:
        return ()
    return SCRIPTS.get(language.partition("+")[0].partition("-")[0], ())


@lru_cache(4096)
def _script(character: str) -> str:
    if FULL_WIDTH.fullmatch(character):
        character = unicodedata.normalize("NFKC", character)[:1]
    return unicodedata.name(character, "").partition(" ")[0]


def _is_letter(character: str) -> bool:
    return unicodedata.category(character).startswith("L")


def _has_sure_sound(text: str, language: str) -> bool:
    """Tells whether a text has a letter or digit that every voice reads, so that espeak need not be asked."""
    known = (LATIN, *scripts_of(language))
    for character in text:
        if character.isascii() and character.isalnum():
            return True
        if _is_letter(character) and _script(character) in known:
            return True
    return False


@lru_cache(4096)
def _is_heard(text: str, language: str) -> bool:
    """Tells whether espeak says anything.

    Raises:
        UserError: It does not know the language.
    """
    if text.isascii() and text.isalnum():
        return True
    phonemize("a", language)
    try:
        return bool(phonemize(text, language))
    except UserError:
        return False
