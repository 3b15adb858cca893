"""The judge: natural speech, analyzed once, and the probes that are trained on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.kaldi import read_scp
from espnet_mtl.data.provenance.notes import file_digest
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.analysis import Recording, analyze_all, count_word_errors
from espnet_mtl.evaluation.cache import NamedArrays, cached, digest
from espnet_mtl.evaluation.code_key import code_key
from espnet_mtl.evaluation.measures.features import AcousticFeatures
from espnet_mtl.evaluation.measures.words import NEEDED
from espnet_mtl.evaluation.probes.trained import TrainedProbes, train_probes
from espnet_mtl.evaluation.speech_set import SpeechSet, read_speech_set
from espnet_mtl.system.files import require

MAX_TRAINING_RECORDINGS = 2000
"""Probes are trained on no more."""


@dataclass
class Judge:
    """Judges speech against natural speech.

    What it analyzes and trains is kept in `cache` until speech, labels, sampling rate, vocoder, language or code
    change.

    Args:
        train: Natural training speech, which probes and recognizer are trained on, without the sentences that the same
            speaker says in the test; None: there is none, or fewer than two sentences.
        test: Natural test speech.
        cache: Directory for what it analyzes and trains.
        fs: Sampling rate in Hz.
        vocoder: Arguments of `espnet_mtl.vocoder.build.build_vocoder`; None: nothing is judged through the
            vocoder.
        language: Of utterances without utt2lang, for their phones and words.
        nj: Parallel processes.
        hop_length: Samples of a frame of durations, where no vocoder's features tell it; None: it is not known.
        pitch: How F0 is found for a vocoder that needs it: `pitch_extract_conf` with the signal parameters.
        whisper: Directory of a Whisper model that counts word errors; None: nobody counts them.
    """

    train: SpeechSet | None
    test: SpeechSet
    cache: Path
    fs: int
    vocoder: Mapping[str, Any] | None = None
    language: str = "en-us"
    nj: int = 1
    hop_length: int | None = None
    pitch: Mapping[str, Any] = field(default_factory=dict)
    whisper: Path | None = None

    def __post_init__(self) -> None:
        for speech in (self.train, self.test):
            if speech and self.vocoder:
                require([speech.directory / "feats.scp"], "stage 3")
        if self.train:
            self.train = _without_test_sentences(self.train, self.test)
            if len(set(self.train.texts)) < 2:
                print(
                    f"{self.train.directory / 'text'}: probes and recognizer need two sentences or more to learn from, "
                    f"beside those that the same speakers say in {self.test.directory}: their figures are left out",
                    file=sys.stderr,
                )
                self.train = None

    @property
    def frame_s(self) -> float | None:
        """Seconds of a frame of features and durations."""
        hop_length = self.vocoder["features"]["hop_length"] if self.vocoder else self.hop_length
        return int(hop_length) / self.fs if hop_length else None

    @property
    def vocoder_files(self) -> list[str]:
        """Paths of the files that the vocoder is read from."""
        vocoder = self.vocoder or {}
        given = [vocoder.get(name) for name in ("vocoder_config", "vocoder_file")]
        return [str(path) for path in given if isinstance(path, (str, Path))]

    @cached_property
    def natural(self) -> list[AcousticFeatures]:
        """Features of natural test speech."""
        return self._test_features("natural", _as_they_are(self.test))

    @cached_property
    def natural_vocoded(self) -> list[AcousticFeatures]:
        """Features of natural test speech through the vocoder."""
        return self._test_features("natural_vocoded", self._vocoded(self.test))

    @cached_property
    def natural_words(self) -> NDArray[np.float64]:
        """Word errors and words of natural test speech (N, 2)."""
        return self._test_words("natural", _as_they_are(self.test))

    @cached_property
    def natural_vocoded_words(self) -> NDArray[np.float64]:
        """Word errors and words of natural test speech through the vocoder (N, 2)."""
        return self._test_words("natural_vocoded", self._vocoded(self.test))

    def words(self, title: str, speech: SpeechSet, recordings: Sequence[Recording]) -> NDArray[np.float64]:
        """Counts word errors and words of recordings (N, 2); NaN without a Whisper model."""
        if self.whisper is None:
            return np.full((len(recordings), 2), np.nan)
        languages = [language or self.language for language in speech.languages]
        return count_word_errors(recordings, speech.texts, languages, self.whisper, self.nj, f"words of {title}")

    @cached_property
    def probes(self) -> TrainedProbes | None:
        """Probes and recognizer, trained on the training speech; None where there is none."""
        if not self.train:
            return None
        train = self.train.some(MAX_TRAINING_RECORDINGS)
        vocoded = self._vocoded(train)

        def build() -> NamedArrays:
            return train_probes(train, vocoded, self.fs, self.language, self.nj)

        arrays = self._cached("learned", train, build)
        return TrainedProbes(train, bool(vocoded), self.fs, self.language, arrays)

    def _test_features(self, name: str, recordings: Sequence[Recording]) -> list[AcousticFeatures]:
        def build() -> NamedArrays:
            analyzed = analyze_all(recordings, self.nj, f"{name.replace('_', ' ')} test speech")
            arrays: NamedArrays = {}
            for i, features in enumerate(analyzed):
                for key, value in features.arrays().items():
                    arrays[f"{i}.{key}"] = value
            return arrays

        arrays = self._cached(name, self.test, build)
        return [_features_of(arrays, i) for i in range(len(recordings))]

    def _test_words(self, name: str, recordings: Sequence[Recording]) -> NDArray[np.float64]:
        if self.whisper is None:
            return self.words(name, self.test, recordings)
        title = f"{name.replace('_', ' ')} test speech"

        def build() -> NamedArrays:
            return {"words": self.words(title, self.test, recordings)}

        model = {name: file_digest(self.whisper / name) for name in NEEDED}
        return self._cached(f"{name}_words", self.test, build, whisper=model)["words"]

    def _vocoded(self, speech: SpeechSet) -> list[Recording]:
        """Recordings of speech through the vocoder, from its log-mel spectrograms; none without a vocoder."""
        if not self.vocoder:
            return []
        mels = read_scp(speech.directory / "feats.scp", "stage 3")
        if lacking := [utt for utt in speech.utts if utt not in mels]:
            raise UserError(f"run stage 3 again: {speech.directory / 'feats.scp'} has no line for {lacking[0]}")
        settings, pitch = json.dumps(self.vocoder), json.dumps(dict(self.pitch))
        natural = zip(speech.utts, speech.wavs, strict=True)
        return [Recording(mels[utt], settings, wav, pitch) for utt, wav in natural]

    def _cached(self, name: str, speech: SpeechSet, build: Callable[[], NamedArrays], **others: object) -> NamedArrays:
        """Reads `<cache>/<name>.npz`, or builds it where anything that it depends on is not the same.

        That is code, speech, labels, sampling rate, vocoder, pitch, language and `others`: all that `build` depends on.
        """
        settings = {
            "code": code_key(__name__),
            "labels": speech.described,
            "fs": self.fs,
            "vocoder": self.vocoder,
            "pitch": dict(self.pitch),
            "language": self.language,
            **others,
        }
        files = [*speech.wavs, *_arks(speech.directory / "feats.scp"), *self.vocoder_files]
        return cached(self.cache / f"{name}.npz", digest(files, settings), build)


def used_vocoder(vocoder: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Returns arguments of `build_vocoder`; None where they are `features` alone: the model makes waveforms itself."""
    return vocoder if len(vocoder) > 1 else None


def read_judge(
    dump: Path,
    vocoder: Mapping[str, Any],
    language: str,
    nj: int,
    part: str = "test",
    pitch: Mapping[str, Any] | None = None,
    whisper: Path | None = None,
) -> Judge:
    """Makes the judge of a part of a recipe's dump/raw (stages 2 and 3), whose cache lies beside it; see `Judge`.

    Where there is no vocoder, `vocoder` holds `features` alone.
    """
    train = read_speech_set(dump / "train", "stage 2")
    test = read_speech_set(dump / part, "stage 2")
    for speech in (train, test):
        require([speech.directory / name for name in ("pitch.scp", "durations")], "stage 3")
    cache = dump.parent / ("evaluation" if part == "test" else f"evaluation_{part}")
    features = vocoder["features"]
    hop_length = int(features["hop_length"])
    used = used_vocoder(vocoder)
    return Judge(train, test, cache, int(features["fs"]), used, language, nj, hop_length, pitch or {}, whisper)


def _as_they_are(speech: SpeechSet) -> list[Recording]:
    """Recordings of speech, through no vocoder."""
    return [Recording(path) for path in speech.wavs]


def _features_of(arrays: NamedArrays, number: int) -> AcousticFeatures:
    names = [field.name for field in fields(AcousticFeatures)]
    return AcousticFeatures(**{name: arrays[f"{number}.{name}"] for name in names})


def _arks(scp: Path) -> list[str]:
    """Paths of the archives that a feats.scp names; none where there is no such file."""
    if not scp.is_file():
        return []
    places = read_scp(scp).values()
    return sorted({place.rpartition(":")[0] for place in places})


def _without_test_sentences(train: SpeechSet, test: SpeechSet) -> SpeechSet:
    """Leaves out training speech with a sentence that the same speaker says in the test."""
    in_test = set(_spoken(test))
    return train.where([pair not in in_test for pair in _spoken(train)])


def _spoken(speech: SpeechSet) -> list[tuple[str, str]]:
    """Speaker and words of each utterance."""
    words = map(_words, speech.texts)
    return list(zip(speech.speakers, words, strict=True))


def _words(text: str) -> str:
    """A text without case and punctuation."""
    letters = [character if character.isalnum() else " " for character in text.casefold()]
    return " ".join("".join(letters).split())
