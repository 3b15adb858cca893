"""The judge: natural speech of one dump, analyzed once, and the probes trained on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.kaldi import read_table, require
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.analysis import Recording, analyze_all
from espnet_mtl.evaluation.cache import Arrays, cached, digest
from espnet_mtl.evaluation.features import Speech
from espnet_mtl.evaluation.probes import FunctionalsProbe
from espnet_mtl.evaluation.speech_set import SpeechSet, read_speech_set

ANALYSIS = ("analysis", "cepstrum", "conv_probe", "features", "functionals", "judge", "probes")
SOURCES = [Path(__file__).with_name(f"{name}.py") for name in ANALYSIS] + [Path(__file__).parents[1] / "vocoder.py"]


@dataclass
class Judge:
    """Judges speech against the natural speech of a dump.

    What it learns about natural speech is kept in `<dump>/../evaluation` until dump, vocoder or code change.

    Args:
        dump: The directory of train and test (stages 2 and 3).
        vocoder: Arguments of `espnet_mtl.vocoder.build_vocoder`.
        nj: Parallel processes.
    """

    dump: Path
    vocoder: Mapping[str, Any]
    nj: int = 1
    train: SpeechSet = field(init=False)
    test: SpeechSet = field(init=False)

    def __post_init__(self) -> None:
        self.train = read_speech_set(self.dump / "train", "stage 2")
        self.test = read_speech_set(self.dump / "test", "stage 2")
        for speech in (self.train, self.test):
            require([speech.directory / name for name in ("feats.scp", "pitch.scp", "durations")], "stage 3")
        if len(self.emotions) < 2:
            raise UserError(f"{self.train.directory / 'utt2emo'}: needs two emotions or more to train the probes")

    @cached_property
    def emotions(self) -> list[str]:
        """Emotions of the training set."""
        return sorted(set(self.train.emotions) - {""})

    @cached_property
    def speakers(self) -> list[str]:
        """Speakers of the training set."""
        return sorted(set(self.train.speakers))

    @cached_property
    def natural(self) -> list[Speech]:
        """Natural test speech."""
        return self._test_speech("natural", [Recording(path) for path in self.test.wavs])

    @cached_property
    def natural_vocoded(self) -> list[Speech]:
        """Natural test speech through the vocoder."""
        return self._test_speech("natural_vocoded", self._vocoded(self.test))

    def hear_emotions(self, speech: Sequence[Speech], speakers: Sequence[str]) -> NDArray[np.str_]:
        """Names the emotion of each utterance by its functionals, given its speaker."""
        return self._emotion_probe.predict(_functionals(speech), speakers)

    def hear_speakers(self, speech: Sequence[Speech]) -> NDArray[np.str_]:
        """Names the speaker of each utterance by its functionals."""
        return self._speaker_probe.predict(_functionals(speech))

    def see_emotions(self, speech: Sequence[Speech]) -> NDArray[np.str_]:
        """Names the emotion of each utterance by its spectrogram."""
        return self._conv_probe.predict([one.logmel for one in speech])

    @cached_property
    def _emotion_probe(self) -> FunctionalsProbe:
        labelled = np.array([emotion != "" for emotion in self._train["emotions"]])
        train = {name: self._train[name][labelled] for name in ("functionals", "emotions", "speakers")}
        return FunctionalsProbe(train["functionals"], train["emotions"], train["speakers"])

    @cached_property
    def _speaker_probe(self) -> FunctionalsProbe:
        return FunctionalsProbe(self._train["functionals"], self._train["speakers"])

    @cached_property
    def _conv_probe(self) -> Any:
        from espnet_mtl.evaluation.conv_probe import ConvProbe

        return ConvProbe(self.emotions).load(
            {name[5:]: value for name, value in self._train.items() if name.startswith("conv.")}
        )

    @cached_property
    def _train(self) -> Arrays:
        return cached(self._cache("probes"), self._key(self.train), self._train_probes)

    def _train_probes(self) -> Arrays:
        import torch

        from espnet_mtl.evaluation.conv_probe import ConvProbe

        recordings = [Recording(path) for path in self.train.wavs] + self._vocoded(self.train)
        speech = analyze_all(recordings, self.nj, "natural training speech", cepstrum=False)
        emotions = np.array(2 * self.train.emotions)
        labelled = np.flatnonzero(emotions != "")
        torch.set_num_threads(1)
        probe = ConvProbe(self.emotions).fit([speech[i].logmel for i in labelled], emotions[labelled])
        weights = {f"conv.{name}": value for name, value in probe.arrays().items()}
        return {
            "functionals": _functionals(speech),
            "emotions": emotions,
            "speakers": np.array(2 * self.train.speakers),
            **weights,
        }

    def _test_speech(self, name: str, recordings: Sequence[Recording]) -> list[Speech]:
        def build() -> Arrays:
            speech = analyze_all(recordings, self.nj, f"{name.replace('_', ' ')} test speech")
            return {f"{i}.{key}": value for i, one in enumerate(speech) for key, value in one.arrays().items()}

        arrays = cached(self._cache(name), self._key(self.test), build)
        names = Speech.__dataclass_fields__
        return [Speech(**{key: arrays[f"{i}.{key}"] for key in names}) for i in range(len(recordings))]

    def _vocoded(self, speech: SpeechSet) -> list[Recording]:
        mels, settings = read_table(speech.directory / "feats.scp", "stage 3"), json.dumps(self.vocoder)
        if lacking := [utt for utt in speech.utts if utt not in mels]:
            raise UserError(f"run stage 3 again: {speech.directory / 'feats.scp'} has no line for {lacking[0]}")
        return [Recording(mels[utt], settings) for utt in speech.utts]

    def _cache(self, name: str) -> Path:
        return self.dump.parent / "evaluation" / f"{name}.npz"

    def _key(self, speech: SpeechSet) -> str:
        arks = sorted({place.rpartition(":")[0] for place in read_table(speech.directory / "feats.scp").values()})
        labels = {"labels": [speech.utts, speech.speakers, speech.emotions], "vocoder": self.vocoder}
        return digest([*SOURCES, *speech.wavs, *arks], labels)


def _functionals(speech: Sequence[Speech]) -> NDArray[np.float32]:
    return np.stack([one.functionals for one in speech])
