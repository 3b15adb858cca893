"""Emotions that change in the middle of a sentence, as markup asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import torch
from numpy.typing import NDArray

from espnet_mtl.inference.prosody import TimedWord
from espnet_mtl.system.progress import progress

from .figures import Figures
from .probing import Probes, halves_of
from .subject import Cell, Subject

HALVES = ("first", "second")
MARKUP = (
    '<speak xmlns:mstts="http://www.w3.org/2001/mstts"><mstts:express-as style={}>{}</mstts:express-as> '
    "<mstts:express-as style={}>{}</mstts:express-as></speak>"
)


@dataclass(frozen=True)
class Middle:
    """Where the second half of a sentence begins: the character of the text, and the number of the spoken word."""

    character: int
    word: int


def middle_of(text: str, words: Sequence[TimedWord]) -> Middle | None:
    """Finds the word in the middle of those that are spoken; espeak may say two of the text as one.

    Returns:
        Where it is; None where there is one word alone, or they are not written as they are spoken.
    """
    middle, found = len(words) // 2, 0
    for word in words[: middle + 1]:
        found = text.find(word.text, found)
        if found < 0:
            return None
        found += len(word.text)
    character = text.rfind(" ", 0, found) + 1
    return Middle(character, middle) if middle and character else None


def markup_of(text: str, middle: Middle, first: str, second: str) -> str:
    """A sentence in two emotions, one up to its middle, the other from there on."""
    before, after = text[: middle.character].strip(), text[middle.character :]
    return MARKUP.format(quoteattr(first), escape(before), quoteattr(second), escape(after))


def halves_said(wave: NDArray, words: Sequence[TimedWord], fs: int) -> NDArray[np.float32]:
    """Functionals before and behind the word in the middle: (2, D)."""
    return halves_of(wave, fs, round(words[len(words) // 2].start * fs) or None)


def second_emotions(subject: Subject) -> list[str]:
    """Emotions that cells change into: each one of a sentence and speaker comes first once, and second once."""
    emotions = subject.emotions
    changed = []
    for number in range(len(subject.spoken)):
        shift = 1 + number % (len(emotions) - 1)
        changed += [emotions[(place + shift) % len(emotions)] for place in range(len(emotions))]
    return changed


def add_changing(
    figures: Figures,
    subject: Subject,
    probes: Probes,
    single: NDArray[np.float32],
    words: Sequence[Sequence[TimedWord]],
) -> None:
    """Adds how often both halves of a changing sentence are named rightly, over those of one emotion throughout.

    Args:
        figures: What is added to.
        subject: What is said.
        probes: Which judge it.
        single: Functionals of the halves of each cell, said in one emotion throughout (N, 2, D).
        words: The words of each of these.
    """
    if len(subject.emotions) < 2:
        figures.left_out["changing"] = "one emotion alone"
        return
    cells, seconds = subject.cells, second_emotions(subject)
    changing = np.full(single.shape, np.nan, dtype=np.float32)
    for number, second in enumerate(progress(seconds, "changing", len(seconds))):
        middle = middle_of(cells[number].text, words[number])
        if middle:
            changing[number] = _changing(subject, cells[number], second, middle)
    single = np.where(np.isfinite(changing), single, np.nan)
    wanted = ([cell.emotion for cell in cells], seconds)
    numbers = {(cell.text, cell.speaker, cell.emotion): number for number, cell in enumerate(cells)}
    texts = [cell.text for cell in cells]
    for half, name in enumerate(HALVES):
        right = _right(probes, cells, changing[:, half], wanted[half])
        alone = _right(probes, cells, single[:, half], wanted[0])
        # In the same emotion as this half of the changing sentence
        same = [numbers[cell.text, cell.speaker, e] for cell, e in zip(cells, wanted[half], strict=True)]
        alone = alone[same]
        figures.add(f"single_{name}", f"one emotion: {name} half", alone, texts)
        figures.add(f"changing_{name}", f"emotion changes in mid-sentence: {name} half", right, texts)
        figures.add_ratio(f"changing_{name}_share", f"the same, over one emotion: {name} half", right, alone, texts)


def _changing(subject: Subject, cell: Cell, second: str, middle: Middle) -> NDArray[np.float32]:
    """Functionals of the halves of a sentence that changes: (2, D)."""
    markup = markup_of(cell.text, middle, cell.emotion, second)
    parts = list(subject.tts.stream(markup, speaker=cell.speaker))
    wave = torch.cat([part["wav"] for part in parts]).cpu().numpy().astype(np.float64)
    starts = []
    for part in parts:
        starts += [part["start"] + word.start for word in part["prosody"].timed_words]
    return halves_of(wave, subject.tts.fs, round(starts[middle.word] * subject.tts.fs))


def _right(probes: Probes, cells: Sequence[Cell], values: NDArray, emotions: Sequence[str]) -> NDArray[np.float64]:
    """Whether the emotion of a half is named rightly (N,); NaN where its functionals (N, D) are."""
    known = np.isfinite(values).all(1)
    right = np.full(len(values), np.nan)
    if known.any():
        speakers = np.array([cell.speaker for cell in cells])[known]
        posteriors = probes.halves.posteriors(values[known], speakers)
        right[known] = probes.halves.classes[posteriors.argmax(1)] == np.array(emotions)[known]
    return right


def add_natural_halves(figures: Figures, cells: Sequence[Cell], values: NDArray[np.float32], probes: Probes) -> None:
    """Adds how often the emotion of halves (N, 2, D) of natural recordings is named rightly."""
    emotions, texts = [cell.emotion for cell in cells], [cell.text for cell in cells]
    for half, name in enumerate(HALVES):
        right = _right(probes, cells, values[:, half], emotions)
        figures.add(f"natural_{name}", f"natural recordings: {name} half", right, texts)
