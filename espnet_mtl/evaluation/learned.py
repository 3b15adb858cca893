"""What the judge learns from natural training speech: probes of emotion and speaker, and the speakers' voices.

Because synthesized speech has been through a vocoder, the training speech is heard as it is and, half of it, also
through the same vocoder; what is lost even so is visible in the row "natural vocoded".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.parallel import parallel_map
from espnet_mtl.evaluation.analysis import Recording, analyze_all, embed_all
from espnet_mtl.evaluation.cache import Arrays
from espnet_mtl.evaluation.crossfit import CrossFitted, folds
from espnet_mtl.evaluation.features import Speech, lowered
from espnet_mtl.evaluation.functionals import MEAN_PITCH, prosodic
from espnet_mtl.evaluation.probes import FunctionalsProbe, Labels, speaker_effects
from espnet_mtl.evaluation.speaker import enroll
from espnet_mtl.evaluation.speech_set import SpeechSet

if TYPE_CHECKING:
    from espnet_mtl.evaluation.recognizer import PhoneRecognizer

Logmels = Sequence[NDArray[np.float32]]
ENROLLED = 20
"""Recordings of each speaker that its voice is averaged from."""


class Learned:
    """What `learn` found, ready to judge.

    Args:
        train: Natural training speech.
        vocoded: Whether every other recording was heard through the vocoder, too.
        fs: Sampling rate in Hz.
        language: Of utterances without one, for their phones.
        arrays: What `learn` returned.
    """

    def __init__(self, train: SpeechSet, vocoded: bool, fs: int, language: str, arrays: Arrays):
        self._arrays, self._fs, self._language = arrays, fs, language
        self._train, self._vocoded = train, vocoded
        self._speakers, self._emotions, self._sentences = (
            np.array(self._heard(names)) for names in (train.speakers, train.emotions, train.texts)
        )

    @cached_property
    def emotions(self) -> list[str]:
        """Emotions of the training set."""
        return sorted(set(self._emotions) - {""})

    @property
    def hears_emotions(self) -> bool:
        """Whether there are two emotions or more, so that they can be told apart."""
        return len(self.emotions) > 1

    @cached_property
    def by_functionals(self) -> CrossFitted:
        """Names emotions by the functionals of an utterance, given its speaker."""
        return functionals_probes(self._arrays["functionals"], self._emotions, self._sentences, self._speakers)

    @cached_property
    def by_prosody(self) -> CrossFitted:
        """Names emotions by F0, energy and time alone (`espnet_mtl.evaluation.functionals.prosodic`)."""
        return functionals_probes(
            prosodic(self._arrays["functionals"]), self._emotions, self._sentences, self._speakers
        )

    @cached_property
    def by_spectrogram(self) -> CrossFitted:
        """Names emotions by the log-mel spectrogram of an utterance, see `lowered`."""
        from espnet_mtl.evaluation.conv_probe import ConvProbe

        n_folds = sum(name.startswith("conv.") for name in self._arrays) // len(ConvProbe(self.emotions).arrays())
        probes = [ConvProbe(self.emotions).load(_part(self._arrays, f"conv.{i}.")) for i in range(n_folds)]
        return CrossFitted(self.emotions, probes, self._arrays["conv_held_out"], self._emotions[self._emotions != ""])

    @cached_property
    def by_voice(self) -> CrossFitted:
        """Names speakers by the functionals of an utterance."""
        return functionals_probes(self._arrays["functionals"], self._speakers, self._sentences)

    @cached_property
    def voices(self) -> Mapping[str, NDArray[np.float32]]:
        """Embedding of each speaker (256,)."""
        return _part(self._arrays, "voice.")

    @cached_property
    def recognizer(self) -> PhoneRecognizer:
        """Hears phones."""
        from espnet_mtl.evaluation.recognizer import PhoneRecognizer

        return PhoneRecognizer().load(_part(self._arrays, "recognizer."))

    def phones(self, speech: SpeechSet) -> list[tuple[str, ...]]:
        """Phones of the texts."""
        from espnet_mtl.evaluation.recognizer import spoken_phones

        languages = [language or self._language for language in speech.languages]
        return [spoken_phones(text, language) for text, language in zip(speech.texts, languages, strict=True)]

    def lowered(self, speech: Sequence[Speech], speakers: Labels) -> list[NDArray[np.float32]]:
        """Log-mel spectrograms as if all speakers had the same mean pitch."""
        shifts = [float(self._effects[name][0]) if name in self._effects else 0.0 for name in speakers]
        return [lowered(one.logmel, shift, self._fs) for one, shift in zip(speech, shifts, strict=True)]

    def fit(self, speech: Sequence[Speech], nj: int) -> Arrays:
        """Trains the recognizer, and a convolutional probe for each fold, on analyzed training speech."""
        chosen = np.flatnonzero(self._emotions != "")
        labels, speakers, sentences = (x[chosen] for x in (self._emotions, self._speakers, self._sentences))
        logmels = self.lowered([speech[i] for i in chosen.tolist()], speakers)
        arrays: Arrays = {}
        held_out = np.zeros((len(chosen), len(self.emotions)))
        parts = folds(labels, sentences) if self.hears_emotions else []
        jobs: list[Callable] = [
            partial(_fit_recognizer, [one.logmel for one in speech], self._heard(self.phones(self._train)))
        ]
        jobs += [partial(_fit_conv, self.emotions, logmels, labels, speakers, held) for held in parts]
        recognizer, *probes = parallel_map(_call, jobs, nj, "recognizer and probes")
        for i, (held, (weights, logits)) in enumerate(zip(parts, probes, strict=True)):
            arrays |= {f"conv.{i}.{name}": value for name, value in weights.items()}
            held_out[held] = logits
        arrays |= {f"recognizer.{name}": value for name, value in recognizer.items()}
        return {**arrays, "conv_held_out": held_out}

    def _heard(self, values: list) -> list:
        """Of all recordings as they are, then of those heard through the vocoder."""
        return [*values, *(values[::2] if self._vocoded else [])]

    @cached_property
    def _effects(self) -> Mapping[str, NDArray[np.float64]]:
        """By how many semitones each training speaker's voice is higher than the average speaker's: (1,)."""
        return speaker_effects(self._arrays["functionals"][:, [MEAN_PITCH]], self._speakers, self._emotions)


def learn(train: SpeechSet, vocoded: Sequence[Recording], fs: int, language: str, nj: int) -> Arrays:
    """Analyzes training speech and trains what takes long.

    Args:
        train: Natural training speech.
        vocoded: All of it through the vocoder, or nothing.
        fs: Sampling rate in Hz.
        language: Of utterances without one, for their phones.
        nj: Parallel processes.
    """
    natural = [Recording(path) for path in train.wavs]
    speech = analyze_all([*natural, *vocoded[::2]], nj, "natural training speech", full=False)
    arrays: Arrays = {"functionals": np.stack([one.functionals for one in speech])}
    arrays |= Learned(train, bool(vocoded), fs, language, arrays).fit(speech, nj)
    chosen = [i for name in sorted(set(train.speakers)) for i in _spread(train.speakers, name)]
    embeddings = embed_all([natural[i] for i in chosen], nj, "voices")
    voices = enroll(embeddings, [train.speakers[i] for i in chosen])
    return {**arrays, **{f"voice.{name}": value for name, value in voices.items()}}


def _spread(speakers: Sequence[str], name: str) -> list[int]:
    """Some utterances of a speaker, evenly spread."""
    own = [i for i, speaker in enumerate(speakers) if speaker == name]
    return own[:: -(-len(own) // ENROLLED)]


def functionals_probes(
    values: NDArray[np.float32], labels: NDArray[np.str_], sentences: NDArray[np.str_], speakers: Labels = ()
) -> CrossFitted:
    """Trains probes of `labels` on functionals (N, D), cross-fitted over `sentences`; see `FunctionalsProbe`."""
    classes, speakers = sorted(set(labels) - {""}), np.array(speakers)
    probes, held_out = [], np.zeros((len(labels), len(classes)))
    known = np.flatnonzero(labels != "")
    for part in folds(labels[known], sentences[known]):
        held = known[part]
        rest = np.setdiff1d(np.arange(len(labels)), held)
        given, asked = (speakers[rest], speakers[held]) if len(speakers) else ((), ())
        probes.append(FunctionalsProbe(values[rest], labels[rest], classes, given))
        held_out[held] = probes[-1].logits(values[held], asked)
    return CrossFitted(classes, probes, held_out[known], labels[known])


def _fit_conv(
    classes: Sequence[str], logmels: Logmels, labels: NDArray[np.str_], speakers: Labels, held: NDArray[np.intp]
) -> tuple[Arrays, NDArray[np.float32]]:
    """Trains a probe without a fold: its weights, and its logits of the fold."""
    from espnet_mtl.evaluation.conv_probe import ConvProbe

    rest = np.setdiff1d(np.arange(len(labels)), held)
    probe = ConvProbe(classes).fit([logmels[i] for i in rest.tolist()], labels[rest], np.array(speakers)[rest])
    return probe.arrays(), probe.logits([logmels[i] for i in held])


def _fit_recognizer(logmels: Logmels, phones: Sequence[Sequence[str]]) -> Arrays:
    from espnet_mtl.evaluation.recognizer import PhoneRecognizer

    return PhoneRecognizer().fit(logmels, phones).arrays()


def _call(job: Callable) -> Any:
    return job()


def _part(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
