"""The judge: natural speech, analyzed once, and what is learned from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from espnet_mtl.data.kaldi import read_table
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.analysis import Recording, analyze_all
from espnet_mtl.evaluation.cache import Arrays, cached, digest
from espnet_mtl.evaluation.measures.features import Speech
from espnet_mtl.evaluation.probes.trained import Learned, learn
from espnet_mtl.evaluation.speech_set import SpeechSet, read_speech_set
from espnet_mtl.system.files import require

MOST = 2000
"""Training recordings that are learned from."""
PACKAGE = Path(__file__).parents[1]
SOURCES = [path for folder in ("evaluation", "text", "vocoder") for path in sorted((PACKAGE / folder).rglob("*.py"))]
"""Code that the judge's results depend on."""


@dataclass
class Judge:
    """Judges speech against natural speech.

    What it learns is kept in `cache` until speech, vocoder or code change.

    Args:
        train: Natural training speech, which probes and recognizer are trained on, but for what the test's speakers say
            in the test as well; None: there are none.
        test: Natural test speech.
        cache: Directory for what it learns.
        fs: Sampling rate in Hz.
        vocoder: Arguments of `espnet_mtl.vocoder.build.build_vocoder`; None: nothing is judged through the
            vocoder.
        language: Of utterances without utt2lang, for their phones.
        nj: Parallel processes.

    Raises:
        UserError: There are fewer than two sentences to train on.
    """

    train: SpeechSet | None
    test: SpeechSet
    cache: Path
    fs: int
    vocoder: Mapping[str, Any] | None = None
    language: str = "en-us"
    nj: int = 1

    def __post_init__(self) -> None:
        for speech in (self.train, self.test):
            if speech and self.vocoder:
                require([speech.directory / "feats.scp"], "stage 3")
        if self.train:
            self.train = _apart(self.train, self.test)

    @property
    def frame_s(self) -> float | None:
        """Seconds of a frame of features and durations."""
        return int(self.vocoder["features"]["hop_length"]) / self.fs if self.vocoder else None

    @cached_property
    def natural(self) -> list[Speech]:
        """Natural test speech."""
        return self._test_speech("natural", [Recording(path) for path in self.test.wavs])

    @cached_property
    def natural_vocoded(self) -> list[Speech]:
        """Natural test speech through the vocoder."""
        return self._test_speech("natural_vocoded", self._vocoded(self.test))

    @cached_property
    def learned(self) -> Learned | None:
        """What is learned from the training speech."""
        if not self.train:
            return None
        train = self.train.some(MOST)
        vocoded = self._vocoded(train)
        arrays = self._cached("learned", train, lambda: learn(train, vocoded, self.fs, self.language, self.nj))
        return Learned(train, bool(vocoded), self.fs, self.language, arrays)

    def _test_speech(self, name: str, recordings: Sequence[Recording]) -> list[Speech]:
        def build() -> Arrays:
            speech = analyze_all(recordings, self.nj, f"{name.replace('_', ' ')} test speech")
            return {f"{i}.{key}": value for i, one in enumerate(speech) for key, value in one.arrays().items()}

        arrays = self._cached(name, self.test, build)
        names = Speech.__dataclass_fields__
        return [Speech(**{key: arrays[f"{i}.{key}"] for key in names}) for i in range(len(recordings))]

    def _vocoded(self, speech: SpeechSet) -> list[Recording]:
        if not self.vocoder:
            return []
        mels, settings = read_table(speech.directory / "feats.scp", "stage 3"), json.dumps(self.vocoder)
        if lacking := [utt for utt in speech.utts if utt not in mels]:
            raise UserError(f"run stage 3 again: {speech.directory / 'feats.scp'} has no line for {lacking[0]}")
        return [Recording(mels[utt], settings) for utt in speech.utts]

    def _cached(self, name: str, speech: SpeechSet, build: Callable[[], Arrays]) -> Arrays:
        scp = speech.directory / "feats.scp"
        arks = {place.rpartition(":")[0] for place in read_table(scp).values()} if scp.is_file() else ()
        settings = {"labels": speech.described, "vocoder": self.vocoder, "language": self.language}
        return cached(self.cache / f"{name}.npz", digest([*SOURCES, *speech.wavs, *sorted(arks)], settings), build)


def read_judge(dump: Path, vocoder: Mapping[str, Any], language: str, nj: int, part: str = "test") -> Judge:
    """Makes the judge of a part of a recipe's dump/raw (stages 2 and 3), whose cache lies beside it."""
    train, test = (read_speech_set(dump / name, "stage 2") for name in ("train", part))
    for speech in (train, test):
        require([speech.directory / name for name in ("pitch.scp", "durations")], "stage 3")
    cache = dump.parent / ("evaluation" if part == "test" else f"evaluation_{part}")
    return Judge(train, test, cache, int(vocoder["features"]["fs"]), vocoder, language, nj)


def _apart(train: SpeechSet, test: SpeechSet) -> SpeechSet:
    """Leaves out training speech with a sentence that the same speaker says in the test."""
    said = set(zip(test.speakers, map(_words, test.texts), strict=True))
    heard = zip(train.speakers, map(_words, train.texts), strict=True)
    kept = train.where([pair not in said for pair in heard])
    if len(set(kept.texts)) < 2:
        raise UserError(
            f"{train.directory / 'text'}: probes need two sentences or more to learn from, beside those that the same "
            f"speakers say in {test.directory}: split by sentence or by speaker"
        )
    return kept


def _words(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())
