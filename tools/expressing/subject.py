"""What is measured: a model, and the sentences that it says, by whom and in which emotions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.errors import UserError, one_of
from espnet_mtl.evaluation.judge import Judge
from espnet_mtl.evaluation.speech_set import SpeechSet, read_speech_set
from espnet_mtl.inference.text2speech import Text2Speech
from espnet_mtl.system.audio_files import read_mono


@dataclass(frozen=True)
class Cell:
    """A sentence, who says it, and in which emotion."""

    text: str
    speaker: str
    emotion: str


@dataclass(frozen=True)
class Subject:
    """A model, and what it says.

    Attributes:
        tts: The model.
        train: Natural training speech, without what the same speakers say in the part; None: there is none.
        part: Natural speech whose sentences and speakers are taken.
        spoken: Sentences and speakers, of those that the part has together.
        emotions: The emotions that they are said in.
    """

    tts: Text2Speech
    train: SpeechSet | None
    part: SpeechSet
    spoken: list[tuple[str, str]]
    emotions: list[str]

    @property
    def cells(self) -> list[Cell]:
        """All sentences by their speakers in all emotions."""
        return [Cell(text, speaker, emotion) for text, speaker in self.spoken for emotion in self.emotions]

    def say(self, cell: Cell, **controls: Any) -> dict[str, Any]:
        """What the model answers (`Text2Speech.__call__`); `emotion` among the controls stands in for the cell's."""
        asked = {"emotion": cell.emotion, **controls}
        return self.tts(cell.text, speaker=cell.speaker, **asked)


def samples_of(output: dict[str, Any]) -> NDArray[np.float64]:
    """The waveform (T_wav,) of a model's answer."""
    return output["wav"].cpu().numpy().astype(np.float64)


def read_subject(
    model: str, dump: Path, part: str, sentences: int, speakers: Sequence[str], emotions: Sequence[str]
) -> Subject:
    """Reads a model and the part of a dump that its sentences are from.

    Args:
        model: A zip, a URL or a model directory.
        dump: dump/raw, which the model was trained on.
        part: Such as "test".
        sentences: The most sentences that are said.
        speakers: Who says them; none: all that the model and the part have.
        emotions: How; none: all that the model has.

    Raises:
        UserError: Something is missing, the model has no emotions, a name is unknown, or the two have no speaker in
            common.
    """
    tts = Text2Speech.from_pretrained(model)
    natural = read_speech_set(dump / part, "stage 2")
    _, fs = read_mono(natural.wavs[0])
    if fs != tts.fs:
        raise UserError(f"{natural.wavs[0]}: {fs} Hz, the model speaks at {tts.fs} Hz: name the dump of its training")
    judge = Judge(read_speech_set(dump / "train", "stage 2"), natural, dump, fs)
    known = [name for name in tts.speakers if name in natural.speakers]
    if not known:
        where = natural.directory / "utt2spk"
        raise UserError(f"{where}: names none of the model's speakers: {', '.join(tts.speakers)}")
    chosen = chosen_names("--speakers", speakers, known)
    pairs = sorted(set(zip(natural.texts, natural.speakers, strict=True)))
    kept = some(sorted(set(natural.texts)), sentences)
    spoken = [pair for pair in pairs if pair[0] in kept and pair[1] in chosen]
    if not tts.emotions:
        raise UserError(f"{model}: this model has no emotions")
    return Subject(tts, judge.train, natural, spoken, chosen_names("--emotions", emotions, tts.emotions))


def chosen_names(option: str, names: Sequence[str], known: Sequence[str]) -> list[str]:
    """Names that an option gives, or all.

    Raises:
        UserError: One is not known.
    """
    for name in names:
        if name not in known:
            raise one_of(option, name, known)
    return list(names or known)


def some(texts: Sequence[str], most: int) -> list[str]:
    """At most so many of them, evenly spread."""
    places = np.linspace(0, len(texts) - 1, min(most, len(texts))).round().astype(int)
    return [texts[place] for place in places]
