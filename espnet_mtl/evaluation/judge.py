"""The judge: natural speech of one dump, analyzed once, and the probes trained on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.kaldi import read_table, require
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.analysis import Recording, analyze_all
from espnet_mtl.evaluation.cache import Arrays, cached, digest
from espnet_mtl.evaluation.features import Speech, lowered
from espnet_mtl.evaluation.functionals import MEAN_PITCH
from espnet_mtl.evaluation.probes import FunctionalsProbe, Labels, speaker_effects
from espnet_mtl.evaluation.speech_set import SpeechSet, read_speech_set

if TYPE_CHECKING:
    from espnet_mtl.evaluation.conv_probe import ConvProbe

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

    @property
    def fs(self) -> int:
        """Sampling rate in Hz."""
        return int(self.vocoder["features"]["fs"])

    @property
    def frame_s(self) -> float:
        """Seconds of a frame of the features and durations."""
        return int(self.vocoder["features"]["hop_length"]) / self.fs

    @cached_property
    def emotions(self) -> list[str]:
        """Emotions of the training set."""
        return sorted(set(self.train.emotions) - {""})

    @cached_property
    def natural(self) -> list[Speech]:
        """Natural test speech."""
        return self._test_speech("natural", [Recording(path) for path in self.test.wavs])

    @cached_property
    def natural_vocoded(self) -> list[Speech]:
        """Natural test speech through the vocoder."""
        return self._test_speech("natural_vocoded", self._vocoded(self.test))

    def hear_emotions(self, speech: Sequence[Speech], speakers: Labels) -> NDArray[np.str_]:
        """Names the emotion of each utterance by its functionals, given its speaker."""
        return self._emotion_probe.predict(_functionals(speech), speakers)

    def hear_speakers(self, speech: Sequence[Speech]) -> NDArray[np.str_]:
        """Names the speaker of each utterance by its functionals."""
        return self._speaker_probe.predict(_functionals(speech))

    def see_emotions(self, speech: Sequence[Speech], speakers: Labels) -> NDArray[np.str_]:
        """Names the emotion of each utterance by its spectrogram, given its speaker."""
        effects = self._pitch_effects(self._learned["functionals"])
        return self._conv_probe.predict(self._lowered(speech, speakers, effects))

    @cached_property
    def _emotion_probe(self) -> FunctionalsProbe:
        speakers, emotions = self._labels
        labelled = emotions != ""
        return FunctionalsProbe(self._learned["functionals"][labelled], emotions[labelled], speakers[labelled])

    @cached_property
    def _speaker_probe(self) -> FunctionalsProbe:
        return FunctionalsProbe(self._learned["functionals"], self._labels[0])

    @cached_property
    def _conv_probe(self) -> ConvProbe:
        from espnet_mtl.evaluation.conv_probe import ConvProbe

        weights = {name[5:]: value for name, value in self._learned.items() if name.startswith("conv.")}
        return ConvProbe(self.emotions).load(weights)

    @cached_property
    def _learned(self) -> Arrays:
        """Functionals of the training recordings, and the weights of the network trained on them."""
        return cached(self._cache("probes"), self._key(self.train), self._learn)

    @property
    def _labels(self) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
        """Speaker and emotion of each training recording: all as they are, then every other one vocoded."""
        speakers, emotions = self.train.speakers, self.train.emotions
        return np.array(speakers + speakers[::2]), np.array(emotions + emotions[::2])

    def _learn(self) -> Arrays:
        from espnet_mtl.evaluation.conv_probe import ConvProbe

        recordings = [Recording(path) for path in self.train.wavs] + self._vocoded(self.train)[::2]
        speech = analyze_all(recordings, self.nj, "natural training speech", cepstrum=False)
        functionals, (speakers, emotions) = _functionals(speech), self._labels
        labelled = np.flatnonzero(emotions != "")
        logmels = self._lowered([speech[i] for i in labelled], speakers[labelled], self._pitch_effects(functionals))
        probe = ConvProbe(self.emotions).fit(logmels, emotions[labelled], speakers[labelled])
        return {"functionals": functionals, **{f"conv.{name}": value for name, value in probe.arrays().items()}}

    def _pitch_effects(self, functionals: NDArray[np.float32]) -> Mapping[str, NDArray[np.float64]]:
        """By how many semitones each training speaker's voice is higher than the average speaker's: (1,)."""
        speakers, emotions = self._labels
        labelled = emotions != ""
        return speaker_effects(functionals[labelled][:, [MEAN_PITCH]], speakers[labelled], emotions[labelled])

    def _lowered(
        self, speech: Sequence[Speech], speakers: Labels, effects: Mapping[str, NDArray[np.float64]]
    ) -> list[NDArray[np.float32]]:
        """Log-mel spectrograms as if all speakers had the same mean pitch."""
        shifts = [float(effects[name][0]) if name in effects else 0.0 for name in speakers]
        return [lowered(one.logmel, shift, self.fs) for one, shift in zip(speech, shifts, strict=True)]

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
