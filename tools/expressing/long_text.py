"""A long text in one call: memory, speed, and whether a recognizer finds every sentence."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import editdistance
import numpy as np
import soundfile
from numpy.typing import NDArray

from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.measures.intervals import interval
from espnet_mtl.evaluation.measures.statistics import ratio_of_sums
from espnet_mtl.evaluation.measures.words import compared, recognized
from espnet_mtl.inference.reading import FADE
from espnet_mtl.inference.request.controls import Controls
from espnet_mtl.inference.text2speech import Text2Speech
from espnet_mtl.system.files import read_text
from espnet_mtl.system.progress import progress

from .figures import Figures

LOST = 0.5
"""Word error rate above which a sentence counts as lost."""
OTHERS = 50
"""Sentences that what was recognized is compared with, beside its own."""
PARAGRAPH = 8
"""Sentences of a paragraph of the text that is made of the demo's."""
WARM = 20
"""Parts that are said before memory counts: PyTorch and libraries take theirs with the first ones."""
MOST_CHARACTERS_S = 40
"""Nobody reads out more in a second."""


def text_of(path: Path | None, minutes: float) -> str:
    """A text that is long enough, from a file or of the demo's sentences: over and over, where it is shorter.

    Raises:
        UserError: The file is missing, or is empty.
    """
    text = read_text(path) if path else _demo_text()
    if not text.strip():
        raise UserError(f"{path}: there is nothing to say")
    copies = int(minutes * 60 * MOST_CHARACTERS_S / len(text)) + 1
    return "\n\n".join([text.strip()] * copies)


def _demo_text() -> str:
    lines = files("espnet_mtl.corpora").joinpath("demo_sentences.txt").read_text(encoding="utf-8").splitlines()
    paragraphs = [lines[start : start + PARAGRAPH] for start in range(0, len(lines), PARAGRAPH)]
    return "\n\n".join(" ".join(paragraph) for paragraph in paragraphs)


@dataclass
class Reading:
    """What was said in one call of `Text2Speech.stream`.

    Attributes:
        file: The sound of all of it.
        fs: Sampling rate in Hz.
        texts: The sentences.
        samples: Samples of each, with the silence behind it.
        memory: Resident bytes after each.
        seconds: What it took.
    """

    file: Path
    fs: int
    texts: list[str] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def length(self) -> float:
        """Seconds of sound."""
        return sum(self.samples) / self.fs

    def sounds(self) -> Iterator[NDArray[np.float64]]:
        """Yields the sound of each sentence (T_wav,), as the file has it."""
        start = 0
        for count in self.samples:
            yield soundfile.read(self.file, frames=count, start=start)[0]
            start += count


def resident_bytes() -> int:
    """Memory of this process that is in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def read_long(tts: Text2Speech, text: str, minutes: float, file: Path, **controls: Any) -> Reading:
    """Says a text in one call until there are so many minutes of sound, which go into a file as they come."""
    reading = Reading(file, tts.fs)
    begin = time.perf_counter()
    with soundfile.SoundFile(file, "w", tts.fs, 1, "FLOAT") as sound:
        full_minutes = _minutes(reading, tts.stream(text, **controls), sound, minutes)
        for _ in progress(full_minutes, "minutes", math.ceil(minutes)):
            pass
    reading.seconds = time.perf_counter() - begin
    return reading


def _minutes(reading: Reading, parts: Iterator[dict], sound: soundfile.SoundFile, minutes: float) -> Iterator[int]:
    """Writes parts until enough was said, and yields after each minute."""
    full = 0
    for part in parts:
        sound.write(part["wav"].cpu().numpy())
        reading.texts.append(part["text"])
        reading.samples.append(len(part["wav"]))
        reading.memory.append(resident_bytes())
        while min(reading.length / 60, minutes) >= min(full + 1, minutes) and full < minutes:
            full += 1
            yield full
        if reading.length / 60 >= minutes:
            return


def words_lost(text: str, texts: Sequence[str]) -> int:
    """Words of a text that its parts pass over, up to where they end."""
    written = iter(text.split())
    lost = 0
    for word in " ".join(texts).split():
        for other in written:
            if other == word:
                break
            lost += 1
    return lost


def measure_long(
    tts: Text2Speech, path: Path | None, minutes: float, whisper: Path | None, controls: dict[str, Any]
) -> Figures:
    """Reads a text for so many minutes, and measures memory, speed and, with a recognizer, what is understood.

    Args:
        tts: The model.
        path: The text; None: the demo's sentences.
        minutes: Minutes of speech.
        whisper: Directory of a Whisper model; None: nothing is recognized.
        controls: Who says it, and how.
    """
    text = text_of(path, minutes)
    with tempfile.TemporaryDirectory() as directory:
        reading = read_long(tts, text, minutes, Path(directory) / "long.wav", **controls)
        figures = Figures()
        figures.details["long"] = {
            "minutes": reading.length / 60,
            "sentences": len(reading.texts),
            "words_lost_by_splitting": words_lost(text, reading.texts),
            "real_time_factor": reading.seconds / reading.length,
            **memory_of(reading.memory),
        }
        if whisper is None:
            figures.left_out["recognized"] = "no --whisper"
        else:
            _add_recognized(figures, tts, reading, whisper, controls)
    return figures


def memory_of(samples: Sequence[int]) -> dict[str, float]:
    """Resident MB in the first and the last tenth of the parts once warm, the most of all, and by how much it grew."""
    warm = np.array(samples[min(WARM, len(samples) // 2) :]) / 1e6
    tenth = max(1, len(warm) // 10)
    start, end = float(np.median(warm[:tenth])), float(np.median(warm[-tenth:]))
    most = float(warm.max())
    return {"memory_start_mb": start, "memory_end_mb": end, "memory_most_mb": most, "growth": end / start - 1}


def _add_recognized(
    figures: Figures, tts: Text2Speech, reading: Reading, whisper: Path, controls: dict[str, Any]
) -> None:
    """Adds what a recognizer makes of every sentence in the long text, and of the same one said alone."""
    language = tts.reader.language_of(Controls(**controls))

    @cache
    def said_alone(text: str) -> tuple[NDArray[np.float32], str | None]:
        wave = tts(text, **controls)["wav"].cpu().numpy()
        return wave, recognized(wave, tts.fs, language, whisper)

    heard, alone, same = [], [], []
    both = zip(reading.texts, reading.sounds(), strict=True)
    for text, sound in progress(both, "recognized", len(reading.texts)):
        # Without the silence behind it, which would tell the two apart
        understood = recognized(np.trim_zeros(sound, "b"), tts.fs, language, whisper)
        if understood is None:
            figures.left_out["recognized"] = f"the recognizer does not know {language}"
            return
        wave, understood_alone = said_alone(text)
        heard.append(understood)
        alone.append(understood_alone or "")
        same.append(is_same(wave, sound, round(FADE * tts.fs)))
    figures.add(
        "same_sound", "the samples of the sentence said alone, between the fades", np.array(same), reading.texts
    )
    add_understood(figures, reading.texts, heard, alone)


def is_same(alone: NDArray[np.floating], sound: NDArray[np.floating], fade: int) -> bool:
    """Whether a sound (T_wav,) has the samples of a sentence said alone, apart from what fades, and silence behind."""
    end = len(alone)
    return np.array_equal(alone[fade : end - fade], sound[fade : end - fade]) and not sound[end:].any()


def add_understood(figures: Figures, texts: Sequence[str], heard: Sequence[str], alone: Sequence[str]) -> None:
    """Adds word errors and lost sentences of the long text, and of its sentences said alone.

    Args:
        figures: What is added to.
        texts: What was said.
        heard: What was recognized in the long text.
        alone: What was recognized of each sentence said alone.
    """
    errors = {}
    for name, title, said in (("long", "in the long text", heard), ("alone", "said alone", alone)):
        rows = np.array([compared(text, one) for text, one in zip(texts, said, strict=True)])
        errors[name] = rows
        figures.add(f"{name}_word_errors", f"word error rate, {title}", rows, texts, ratio_of_sums)
        found = nearest_to_own(texts, said)
        figures.add(f"{name}_found", f"own sentence nearest of {OTHERS + 1}, {title}", found, texts)
    difference = interval(errors["long"], texts, ratio_of_sums, errors["alone"])
    figures.rows["word_errors_difference"] = "word error rate, difference", difference, len(texts)
    rates = {name: rows[:, 0] / rows[:, 1] for name, rows in errors.items()}
    lost = (rates["long"] > LOST) & (rates["alone"] <= LOST)
    figures.details["long"] |= {
        "above_threshold": int((rates["long"] > LOST).sum()),
        "above_threshold_alone": int((rates["alone"] > LOST).sum()),
        "lost": int(lost.sum()),
        "lost_sentences": [texts[number] for number in np.flatnonzero(lost)],
        "not_found": int((~nearest_to_own(texts, heard)).sum()),
        "silent": sum(not one.strip() for one in heard),
    }


def nearest_to_own(texts: Sequence[str], heard: Sequence[str]) -> NDArray[np.bool_]:
    """Whether what was recognized (N,) is nearer to its own text than to any of `OTHERS` others, by characters."""
    random = np.random.default_rng(0)
    different = sorted(set(texts))
    found = []
    for text, one in zip(texts, heard, strict=True):
        others = [other for other in different if other != text]
        drawn = random.permutation(len(others))[:OTHERS]
        own = character_errors(text, one)
        found.append(all(own < character_errors(others[number], one) for number in drawn))
    return np.array(found)


def character_errors(text: str, heard: str) -> float:
    """Errors of a recognized text for each character of the longer one, whatever case and punctuation: 0 to 1."""
    text, heard = letters(text), letters(heard)
    return editdistance.eval(text, heard) / max(1, len(text), len(heard))


def letters(text: str) -> str:
    """A text in small letters, without punctuation."""
    kept = [character for character in text.lower() if character.isalnum() or character == " "]
    return " ".join("".join(kept).split())


def long_table(figures: Figures) -> str:
    """What is known of a long text beside the figures with intervals, a line each."""
    lines = ["", "| of the whole | |", "|---|---|"]
    for name, value in figures.details["long"].items():
        if not isinstance(value, list):
            lines.append(f"| {name.replace('_', ' ')} | {value:.4g} |")
    return "\n".join(lines)
