"""Why a text cannot be spoken: nothing is said, a character was lost, or espeak's voice does not read its letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from espnet_mtl.errors import UserError
from espnet_mtl.text.espeak import phonemize
from espnet_mtl.text.normal import check_unicode, speakable, spoken_text

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
SPELLED = ("GREEK", "CYRILLIC")
"""Scripts of which one letter alone is read by its name, as it should be: α."""
WORD = re.compile(r"[^\W\d_]+")


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
    words = list(_unread_words(spoken_text(text), language))
    if words:
        return f"unreadable text: espeak's {language} does not read {words[0]!r}"
    if not _has_sure_sound(text, language) and not _is_heard(text, language):
        return f"unspeakable text: espeak's {language} says nothing for {text!r}"
    return ""


def unread_words(text: str, language: str) -> list[str]:
    """Names the words of a text in letters that espeak's voice does not read, but spells or passes over."""
    return list(dict.fromkeys(_unread_words(spoken_text(text), language)))


def _unread_words(text: str, language: str) -> Iterator[str]:
    if text.isascii() or language in ANY_SCRIPT:
        return
    known = {LATIN, *NO_SCRIPTS, *scripts_of(language)}
    for match in WORD.finditer(text):
        letters = [character for character in match[0] if _is_letter(character)]
        scripts = {_script(character) for character in letters}
        alone = len(letters) == 1 and scripts <= set(SPELLED)
        if letters and not alone and not scripts & known:
            yield match[0]
    for character in text:
        if character.isnumeric() and not _is_letter(character) and not _is_heard(character, language):
            yield character


def scripts_of(language: str) -> tuple[str, ...]:
    """Returns the scripts that espeak's voice reads beside Latin letters; the name may be that of a variety (ru-lv)."""
    if "latn" in language:
        return ()
    return SCRIPTS.get(language.partition("+")[0].partition("-")[0], ())


@lru_cache(4096)
def _script(character: str) -> str:
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
