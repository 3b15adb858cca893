"""Sentences of markup: spans, cut where sentences end, and the silence behind each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, dropwhile, takewhile

from espnet_mtl.errors import UserError
from espnet_mtl.text.markup.reader import Break, Span
from espnet_mtl.text.normal import speakable
from espnet_mtl.text.sentences import PARAGRAPH_PAUSE, SENTENCE_PAUSE, sentences_of

PAUSES = {"sentence": SENTENCE_PAUSE, "paragraph": PARAGRAPH_PAUSE}
LONGEST_SILENCE = 600.0
"""Seconds between two sentences."""
Items = list[Span | Break]


@dataclass(frozen=True)
class MarkedSentence:
    """A sentence, or a part of one.

    Attributes:
        items: Its spans, and silences between them.
        pause: Seconds of silence behind it.
        before: Seconds of silence before it, where it is the first.
    """

    items: Items
    pause: float
    before: float = 0.0

    @property
    def text(self) -> str:
        """What is said."""
        return " ".join(joined(self.items).split())


def joined(items: Sequence[Span | Break]) -> str:
    """Returns the text of spans; a silence within it is a space."""
    return "".join(item.text if isinstance(item, Span) else " " for item in items)


def marked_sentences(items: Sequence[Span | Break], language: str) -> list[MarkedSentence]:
    """Splits markup into sentences. One ends where the markup says so, where the voice changes, and where it does.

    Args:
        items: What `read_markup` read.
        language: espeak's language.
    """
    sentences: list[MarkedSentence] = []
    for passage, pause in _passages(items):
        leading = _silence(takewhile(_says_nothing, passage))
        _prolong(sentences, leading)
        if not speakable(joined(passage)):
            _prolong(sentences, pause)
            continue
        spoken = list(dropwhile(_says_nothing, passage))
        # In markup, an end of a line is a space
        found = list(sentences_of(" ".join(joined(spoken).split()), language))
        for group, sentence in zip(cut(spoken, [s.text for s in found]), found, strict=True):
            sentences.append(_ended(group, sentence.pause))
        _prolong(sentences, pause)
    if sentences:
        at_start = _silence(takewhile(_says_nothing, items))
        sentences[0] = replace(sentences[0], before=at_start)
        # Nothing follows the last one, so that only what the markup says is left
        at_end = _silence(takewhile(_says_nothing, reversed(items)))
        sentences[-1] = replace(sentences[-1], pause=at_end)
    for one in sentences:
        if max(one.pause, one.before) > LONGEST_SILENCE:
            raise UserError(f"markup, {one.text[:40]!r}: a silence of more than {LONGEST_SILENCE:g} s")
    return sentences


def _says_nothing(item: Span | Break) -> bool:
    return isinstance(item, Break) or not speakable(item.text)


def _silence(items: Iterable[Span | Break]) -> float:
    return sum(item.seconds or 0.0 for item in items if isinstance(item, Break))


def _passages(items: Sequence[Span | Break]) -> list[tuple[Items, float]]:
    """Gathers what is said by one voice without an end between, and the silence behind it."""
    passages: list[tuple[Items, float]] = []
    current: Items = []
    voice: str | None = None
    for item in items:
        if isinstance(item, Break) and item.ends:
            passages.append((current, PAUSES[item.ends]))
            current = []
            continue
        if isinstance(item, Span) and speakable(item.text):
            if item.manner.voice != voice and speakable(joined(current)):
                passages.append((current, SENTENCE_PAUSE))
                current = []
            voice = item.manner.voice
        current.append(item)
    passages.append((current, 0.0))
    return passages


def _prolong(sentences: list[MarkedSentence], pause: float) -> None:
    if sentences:
        sentences[-1] = replace(sentences[-1], pause=max(pause, sentences[-1].pause))


def _ended(group: Items, pause: float) -> MarkedSentence:
    """Makes a sentence, whose silence is what the markup says at its end, else `pause`."""
    items = list(group)
    ending: Items = []
    while items and not (isinstance(items[-1], Span) and items[-1].text.strip()):
        ending.append(items.pop())
    explicit = any(isinstance(item, Break) for item in ending)
    return MarkedSentence(items, _silence(ending) if explicit else pause)


def letters(text: str) -> int:
    """Counts letters and digits: what a text has, however it is spaced and whatever marks it has."""
    return sum(map(str.isalnum, text))


def cut(items: Sequence[Span | Break], texts: Sequence[str]) -> list[Items]:
    """Cuts spans so that each group says one of the texts, which say the same as all spans.

    Marks behind a text go with it, and so do silences.
    """
    groups: list[Items] = [[] for _ in texts]
    ends = list(accumulate(map(letters, texts)))
    number = said = 0
    for item in items:
        if isinstance(item, Break):
            groups[number].append(item)
            continue
        start = 0
        for place, character in enumerate(item.text):
            # A letter behind the last one of a text begins the next one, with the marks that stand before it
            if character.isalnum():
                if said == ends[number] and number < len(texts) - 1:
                    middle = _end_of_marks(item.text, start, place)
                    _append(groups[number], item, start, middle)
                    start = middle
                    number += 1
                said += 1
        _append(groups[number], item, start, len(item.text))
    return groups


def _append(group: Items, item: Span, start: int, end: int) -> None:
    if start < end:
        group.append(item if (start, end) == (0, len(item.text)) else replace(item, text=item.text[start:end]))


def _end_of_marks(text: str, start: int, place: int) -> int:
    """Finds where the marks end that go with what was said before the letter at `place`: at a space."""
    end = place
    while end > start and not text[end - 1].isalnum():
        end -= 1
    while end < place and not text[end].isspace():
        end += 1
    return end
