"""Speech and phonemes from eSpeak NG, through the shared library of the wheel `espeakng-loader`.

One path gives both: the synthesizer reports every phoneme with the sample at which it starts. Tokens of
`phonemize` therefore equal the phones of speech made by `synthesize`, and phone times come for free.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from espnet_mtl.errors import UserError
from espnet_mtl.text.espeak_library import Event, library
from espnet_mtl.text.normal import check_unicode, spoken_text

PAUSE = "pau"
PUNCTUATION = {
    **{",": ",", ".": ".", "?": "?", "!": "!", ";": ";", ":": ":"},
    **{"、": ",", "。": ".", "…": ".", "।": "."},
}
"""Marks that end a clause, and the token that each one becomes; any other mark at a clause's end reads as a comma."""

SILENT = frozenset({PAUSE, *PUNCTUATION.values()})
"""Tokens of silence."""

type Token = tuple[str, tuple[int, int] | None]
"""A phone, and where its word is in the text: first character, and the one behind it; None of a pause or a mark."""


class SpokenText(NamedTuple):
    """Samples in [-1, 1] (float32), their rate in Hz, and (phone, end sample) in speaking order.

    The first phone starts at sample 0; what follows the last phone's end is silence.
    """

    samples: np.ndarray
    sample_rate: int
    phones: list[tuple[str, int]]


def synthesize(
    text: str, voice: str, *, rate: int = 160, pitch: int = 50, range: int = 50, volume: int = 60
) -> SpokenText:
    """Speaks a text; equal arguments give equal samples, whatever was spoken before.

    Args:
        text: What to say.
        voice: A language, optionally with a voice variant: `en-us`, `en-us+f2`.
        rate: Words per minute, 80 to 450.
        pitch: Voice pitch, 0 to 100.
        range: Pitch range, 0 (monotone) to 100.
        volume: 0 to 200; louder than about 80 may clip.

    Raises:
        UserError: The language or variant is unknown, or the text holds nothing that can be spoken.
    """
    text = _readable(text)
    parameters = {"rate": rate, "pitch": pitch, "range": range, "volume": volume}
    with library.lock:
        phones = _phones(library.speak(text, voice, parameters, fresh=True), text)
        samples = np.concatenate(library.chunks).astype(np.float32) / 32768
        return SpokenText(samples, library.sample_rate, phones)


def phonemize(text: str, language: str = "en-us", punctuation: bool = False) -> list[str]:
    """Returns the phones of a text (IPA with stress marks on vowels; `pau` for pauses inside the text).

    espeak itself reads out numbers, dates and abbreviations.

    Args:
        text: Plain text.
        language: A language code of espeak.
        punctuation: Whether the marks that end a clause (`, . ? ! ; :`) are tokens, in place of its pause.

    Raises:
        UserError: The language is unknown, or the text holds nothing that can be spoken.
    """
    return [phone for phone, _ in phonemize_words(text, language, punctuation)]


def phonemize_words(text: str, language: str = "en-us", punctuation: bool = False) -> list[Token]:
    """Returns the phones of a text, as `phonemize`, and where the word of each is.

    Args:
        text: Plain text.
        language: A language code of espeak.
        punctuation: Whether the marks that end a clause (`, . ? ! ; :`) are tokens, in place of its pause.

    Returns:
        The tokens; their words are those of `spoken_text(text)`.

    Raises:
        UserError: The language is unknown, or the text holds nothing that can be spoken.
    """
    text = _readable(text)
    with library.lock:
        events = library.speak(text, language, {}, fresh=False)
    _check_spoken(events, text)
    return _tokens(events, text if punctuation else None)


def _readable(text: str) -> str:
    """Returns the form of a text that espeak reads best: the library gets no other."""
    check_unicode("text", text)
    return spoken_text(text)


def _tokens(events: list[Event], text: str | None) -> list[Token]:
    """Joins pauses, and puts a clause's final mark where espeak pauses for it; without a text there are no marks."""
    tokens: list[Token] = []
    for event in events:
        mark = "" if text is None or event.clause_end is None else _mark(text[: event.clause_end])
        if mark and tokens and tokens[-1][0] == PAUSE:
            tokens.pop()  # the mark takes the place of the clause's pause
        token = event.symbol or mark or PAUSE
        # Silence neither begins an utterance nor follows silence.
        if token not in SILENT or (tokens and tokens[-1][0] not in SILENT):
            tokens.append((token, event.word))
    return tokens[:-1] if tokens[-1][0] == PAUSE else tokens


def _mark(clause: str) -> str:
    """Returns the token of the mark that ends a clause, or "" where it ends without one."""
    end = clause.rstrip().rstrip("\"'”’»“)]").rstrip()[-1:]
    return "" if not end or end.isalnum() else PUNCTUATION.get(end, ",")


def _phones(events: list[Event], text: str) -> list[tuple[str, int]]:
    """Turns start samples into end samples, joins pauses and drops leading and trailing ones."""
    _check_spoken(events, text)
    phones: list[tuple[str, int]] = []
    # A phone ends where the next event starts; the last event is the end of the text.
    for event, following in pairwise([*events, *events[-1:]]):
        symbol, end = event.symbol or PAUSE, following.sample
        if symbol == PAUSE and phones and phones[-1][0] == PAUSE:
            phones.pop()  # joined with this one, which ends later
        if symbol != PAUSE or phones:
            phones.append((symbol, end))
    if phones[-1][0] == PAUSE:
        phones.pop()
    return _share_time(phones)


def _check_spoken(events: list[Event], text: str) -> None:
    if not any(event.symbol for event in events):
        raise UserError(f"nothing to speak in the text {text!r}: it needs at least one word")


def _share_time(phones: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Gives a phone that is spoken in one with its predecessor (the l of "silver") half of their time."""
    ends = [0, *(end for _, end in phones)]
    for index in range(2, len(ends)):
        if ends[index] == ends[index - 1]:
            ends[index - 1] = (ends[index - 2] + ends[index]) // 2
    return [(phone, end) for (phone, _), end in zip(phones, ends[1:], strict=True)]
