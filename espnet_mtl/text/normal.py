"""The one form of a text: what stages 1 to 3, the tokenizer, espeak and synthesis read, wherever it came from."""

from __future__ import annotations

import re
import unicodedata

from espnet_mtl.errors import UserError, shown
from espnet_mtl.system.unicode import one_form

DAMAGED = "\ufffd"
"""What programs write for a character that they could not read."""
APOSTROPHES = str.maketrans(dict.fromkeys("‘’‚‛❛❜ʼʹ′‵", "'"))
QUOTES = str.maketrans(dict.fromkeys("“”„‟«»‹›〝〞〟″❝❞", '"'))
HYPHENS = str.maketrans(dict.fromkeys("‐‑‒–", "-"))
DOTS = str.maketrans(dict.fromkeys("‥⋯", "…"))
ACCENT_AS_APOSTROPHE = re.compile(r"(?<=[^\W\d_])[`´](?=[^\W\d_])")
FULL_WIDTH_MARK = re.compile(r"([！，．：；？])(?=\S)")
FULL_WIDTH = re.compile(r"[\uff00-\uffef\u2160-\u217f\U0001d400-\U0001d7ff]+")
"""Letters of full or half width, roman numerals of one character, and the letters of mathematics: bold, italics…"""
# From the first dash of a row on alone: a row of very many takes no square of the time
LONG_DASH = re.compile(r"\s*(?<![-—―⸺⸻])(?:-?[—―⸺⸻]|--)[-—―⸺⸻]*+\s*+(?![.,;:!?…]|$)")
SPACED_DASH = re.compile(r"(?<=\S)\s+[-‐‑‒–]\s+(?=\S)")
BREAK = " — "
"""How espeak best reads a dash between parts of a sentence: as a comma."""
AFTER_FULL_STOP = re.compile(r"(?<=[.!?])[^\w\s]")
MARK_ON_FULL_STOP = re.compile(r"(?<=[.!?])[\u0300-\u036f\u20d0-\u20f0]+")
"""An accent or a ring around a full stop."""
TAIL_OF_SENTENCE = re.compile(r"(?<=[.!?])(?=[^\w\s.,!?;:…)\]}\"'»-][^\w\s]{0,9}(?:\s|$)|_+(?:\s|$))")
"""Between a sentence and the stars and daggers of footnotes, or the end of what is emphasized."""
WORD_BREAK = "\u200b"
"""A zero-width space: where a line may break between two words."""
SYMBOLS = frozenset({"So", "Sk", "Co", "Cn"})
"""Categories of pictures and the like, and of characters that fonts alone or later versions of Unicode have."""


def normal_text(text: str) -> str:
    """Returns the form of a text that everything reads: composed (NFC), on one line, nothing invisible in it.

    Letters, marks, quotes and dashes stay as they were written; espeak reads the text as `spoken_text` has it.
    """
    return one_form(text.replace(WORD_BREAK, " "))


def spoken_text(text: str) -> str:
    """Returns a text as espeak reads it best: what is typeset otherwise, but said alike, is the same text.

    espeak reads some marks as words or not at all: `dot` for a full stop with a picture behind it, hexadecimal numbers
    for letters of full width, a pause or none for quotes.
    """
    text = FULL_WIDTH_MARK.sub(r"\1 ", normal_text(text))
    text = FULL_WIDTH.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    text = text.translate(APOSTROPHES).translate(QUOTES).translate(DOTS)
    text = ACCENT_AS_APOSTROPHE.sub("'", text)
    text = SPACED_DASH.sub(BREAK, LONG_DASH.sub(BREAK, text))
    text = MARK_ON_FULL_STOP.sub("", text.translate(HYPHENS))
    text = AFTER_FULL_STOP.sub(_apart, TAIL_OF_SENTENCE.sub(" ", text))
    return normal_text(text)


def _apart(match: re.Match[str]) -> str:
    """Puts a space before a symbol."""
    symbol = match[0]
    return f" {symbol}" if unicodedata.category(symbol) in SYMBOLS else symbol


def check_unicode(kind: str, text: str) -> None:
    """Raises UserError where a text holds what is no character: half of one, or the mark of one that was lost."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = text[error.start]
        raise UserError(f"{kind} {shown(text)}: {half!r} is no character: write it in UTF-8") from error
    if DAMAGED in text:
        raise UserError(f"{kind} {shown(text)}: {DAMAGED!r} stands for a character that was lost: write it in UTF-8")


def speakable(text: str) -> bool:
    """Tells whether a text has a letter or digit."""
    return any(map(str.isalnum, text))
