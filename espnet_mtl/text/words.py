"""Words of a text, and the tokens that say them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espnet_mtl.text.espeak import Token
from espnet_mtl.text.normal import spoken_text
from espnet_mtl.text.splitting import SPACE
from espnet_mtl.text.tokens import Tokenizer

PIECE = "▁"
"""What a piece of sentencepiece begins with where a word does."""


@dataclass(frozen=True)
class Word:
    """A word, and its tokens: those from number `first` on, and not those from `end` on."""

    text: str
    first: int
    end: int


def words_of(text: str, language: str, tokenizer: Tokenizer) -> list[Word]:
    """Finds the words of a text among its tokens. Silence and punctuation marks belong to no word.

    Args:
        text: What is said.
        language: espeak's language.
        tokenizer: The model's: as it reads a text, so are its words.
    """
    if tokenizer.token_type == "phn":
        return _words_of_phones(tokenizer.phones(text, language), spoken_text(tokenizer.said(text, language)))
    tokens = tokenizer.tokens(tokenizer.line(text, language))
    return _words_of_pieces(tokens) if tokenizer.token_type == "bpe" else _words_of_characters(tokens)


def _words_of_phones(phones: Sequence[Token], spoken: str) -> list[Word]:
    """Gathers phones by their word's place in the spoken text."""
    places = list(dict.fromkeys(place for _, place in phones if place is not None))
    # espeak's own ends leave out what is behind an apostrophe or a hyphen
    ends = [start for start, _ in places[1:]] + [len(spoken)]
    texts = {place: _word(spoken[place[0] : end]) for place, end in zip(places, ends, strict=True)}
    words: list[Word] = []
    previous = None
    for number, (_, place) in enumerate(phones):
        if place is None:
            continue
        first = words.pop().first if place == previous else number
        words.append(Word(texts[place], first, number + 1))
        previous = place
    return words


def _word(text: str) -> str:
    """Returns what is written of a word, up to the next one, without the marks around it."""
    written, *_ = text.split() or [""]
    return written.strip("\"'.,;:!?…()[]—-") or written


def _words_of_characters(tokens: Sequence[str]) -> list[Word]:
    words = []
    first = 0
    for number, token in enumerate([*tokens, SPACE]):
        if token != SPACE:
            continue
        if number > first:
            words.append(Word("".join(tokens[first:number]), first, number))
        first = number + 1
    return words


def _words_of_pieces(tokens: Sequence[str]) -> list[Word]:
    starts = [number for number, token in enumerate(tokens) if token.startswith(PIECE) or number == 0]
    ends = [*starts[1:], len(tokens)]
    words = []
    for first, end in zip(starts, ends, strict=True):
        text = "".join(tokens[first:end]).removeprefix(PIECE)
        if text:
            words.append(Word(text, first, end))
    return words
