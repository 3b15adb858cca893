"""Sentences of a long text, and the pauses between them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from espnet_mtl.text.normal import normal_text, speakable
from espnet_mtl.text.normalization.verbalize import rules_of

SENTENCE_PAUSE, LINE_PAUSE, PARAGRAPH_PAUSE = 0.35, 0.5, 0.8
"""Silence in seconds behind a sentence, a line of its own, such as a heading, and a paragraph."""
WRAPPED = 45
"""A line as long as this may go on in the next one, as in text files with lines of equal length."""
PARAGRAPHS = re.compile(r"\n[^\S\n]*\n\s*")
END_MARKS = tuple(".!?…:;。！？।\"'”’»")
CLAUSES = re.compile(r"(?<=[,;:])\s+|(?<=[—–、，；：])\s*(?=\S)|(?<=\S)\s+(?=[—–])")
"""Between parts of a sentence."""


@dataclass(frozen=True)
class Sentence:
    """A sentence, or a part of one, and the silence behind it in seconds.

    Attributes:
        text: What is said, on one line.
        pause: Seconds of silence behind it.
    """

    text: str
    pause: float


def sentences_of(text: str, language: str) -> Iterator[Sentence]:
    """Splits a text into sentences; what has no letter or digit, such as a row of stars, is a pause alone.

    Blank lines end a paragraph. A newline ends a line of its own unless the line is long and goes on in the next one.

    Args:
        text: The text, of any length.
        language: espeak's language.
    """
    pieces = _pieces(text, language)
    previous: Sentence | None = None
    for piece in pieces:
        if previous is None:
            previous = piece if speakable(piece.text) else None
        elif not speakable(piece.text):
            previous = Sentence(previous.text, max(previous.pause, piece.pause))
        else:
            yield previous
            previous = piece
    if previous is not None:
        yield Sentence(previous.text, 0.0)


def _pieces(text: str, language: str) -> Iterator[Sentence]:
    """Yields all pieces between pauses, also those that nobody can say."""
    for paragraph in PARAGRAPHS.split(text):
        lines = _lines(paragraph)
        for number, line in enumerate(lines, 1):
            after_line = PARAGRAPH_PAUSE if number == len(lines) else LINE_PAUSE
            sentences = _sentences(line, language)
            for count, sentence in enumerate(sentences, 1):
                yield Sentence(sentence, after_line if count == len(sentences) else SENTENCE_PAUSE)


def _lines(paragraph: str) -> list[str]:
    """Joins lines of a paragraph that were broken for their length alone."""
    joined: list[str] = []
    goes_on = False
    for line in paragraph.splitlines():
        line = line.strip()
        if not line:
            continue
        if goes_on:
            joined[-1] += f" {line}"
        else:
            joined.append(line)
        goes_on = len(line) >= WRAPPED and not line.endswith(END_MARKS)
    return joined


def _sentences(line: str, language: str) -> list[str]:
    """Splits a line at the ends of sentences; one neither begins with a small letter nor ends with an abbreviation."""
    from sentencex import segment

    code, _, _ = language.partition("-")
    rules = rules_of(language)
    sentences: list[str] = []
    for part in segment({"cmn": "zh", "yue": "zh"}.get(code, code), line):
        part = normal_text(part)
        if sentences and (part[:1].islower() or (rules and rules.goes_on(sentences[-1], part))):
            sentences[-1] += f" {part}"
        elif part:
            sentences.append(part)
    return sentences


def parts_of(text: str, size: Callable[[str], int], most: float) -> Iterator[str]:
    """Splits a sentence that is too long where it best can be: between clauses, else between words.

    No word is lost. A single word that is too long is a part of its own.

    Args:
        text: A sentence.
        size: Tells the size of a part.
        most: The size of a part at most.
    """
    # Each word has a token or more: the tokens of a whole book take minutes
    words = text.split()
    if len(words) == 1 or (len(words) <= most and size(text) <= most):
        yield text
        return
    units = [unit for unit in CLAUSES.split(text) if unit.strip()]
    if len(units) == 1:
        units = words
    groups = _groups(units, size, most)
    if len(groups) == 1:  # together they are more than one by one
        middle = len(units) // 2
        groups = [units[:middle], units[middle:]]
    for group in groups:
        yield from parts_of(" ".join(group), size, most)


def _groups(units: Sequence[str], size: Callable[[str], int], most: float) -> list[list[str]]:
    """Gathers neighbours as long as their sizes sum to no more than `most`."""
    groups: list[list[str]] = [[]]
    total = 0.0
    for unit in units:
        own = size(unit) if len(unit.split()) <= most else math.inf
        if groups[-1] and total + own > most:
            groups.append([])
            total = 0.0
        groups[-1].append(unit)
        total += own
    return groups
