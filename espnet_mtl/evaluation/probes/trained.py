"""What the judge learns from natural training speech: probes of emotion and speaker, recognizer and speakers' voices.

Because synthesized speech has been through a vocoder, the training speech is taken as it is and, every other
recording, also through the same vocoder; what is lost even so is visible in the row "natural vocoded".

Such probes forgive what that vocoder does. Where systems have different vocoders, those count that learned natural
speech alone, as listeners did: `TrainedProbes.natural`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.analysis import Recording, analyze_all, embed_all
from espnet_mtl.evaluation.cache import NamedArrays
from espnet_mtl.evaluation.measures.features import AcousticFeatures, lowered
from espnet_mtl.evaluation.measures.functionals import MEAN_PITCH, prosodic
from espnet_mtl.evaluation.measures.speaker import enroll
from espnet_mtl.evaluation.probes.crossfit import CrossFitted, folds
from espnet_mtl.evaluation.probes.functionals import FunctionalsProbe, Names, speaker_effects
from espnet_mtl.evaluation.speech_set import SpeechSet
from espnet_mtl.system.parallel.mapping import parallel_map

if TYPE_CHECKING:
    from espnet_mtl.evaluation.probes.recognizer import PhoneRecognizer

ENROLLED = 20
"""Recordings of each speaker that its voice is averaged from."""
VOICE, NATURAL = "voice.", "natural."
"""Begin the names of speakers' voices, and of what was learned from natural speech alone."""


class TrainedProbes:
    """What `train_probes` returned, ready to judge.

    The probes on functionals take a second to train, so that only their input is kept; the convolutional probes and the
    recognizer are kept as weights.

    Args:
        train: Natural training speech.
        vocoded: Whether every other recording is there through the vocoder, too.
        fs: Sampling rate in Hz.
        language: Of utterances without one, for their phones.
        arrays: What `train_probes` returned, or as yet the functionals of the training speech alone.
    """

    def __init__(self, train: SpeechSet, vocoded: bool, fs: int, language: str, arrays: NamedArrays):
        self._train, self._vocoded = train, vocoded
        self._fs, self._language, self._arrays = fs, language, arrays
        self._speakers = np.array(self._with_vocoded(train.speakers))
        self._emotions = np.array(self._with_vocoded(train.emotions))
        self._sentences = np.array(self._with_vocoded(train.texts))

    @cached_property
    def natural(self) -> TrainedProbes:
        """The same, of natural speech alone: these themselves, where nothing went through a vocoder."""
        if not self._vocoded:
            return self
        # What is there through the vocoder comes after all natural recordings
        functionals = self._arrays["functionals"][: len(self._train.utts)]
        voices = {name: value for name, value in self._arrays.items() if name.startswith(VOICE)}
        arrays = {**_with_prefix(self._arrays, NATURAL), **voices, "functionals": functionals}
        return TrainedProbes(self._train, False, self._fs, self._language, arrays)

    @property
    def size(self) -> int:
        """How many recordings they learn from."""
        return len(self._speakers)

    @cached_property
    def emotions(self) -> list[str]:
        """Emotions of the training set."""
        return sorted(set(self._emotions) - {""})

    @cached_property
    def has_emotions(self) -> bool:
        """Whether there are two emotions or more, and enough of each that a probe can learn to tell them apart."""
        return bool(self._parts)

    @cached_property
    def has_speakers(self) -> bool:
        """Whether there are two speakers or more, and enough of each that a probe can learn to tell them apart."""
        return bool(folds(self._speakers, self._sentences))

    @cached_property
    def functionals(self) -> CrossFitted:
        """Names emotions by the functionals of an utterance, given its speaker."""
        return functionals_probes(self._arrays["functionals"], self._emotions, self._sentences, self._speakers)

    @cached_property
    def prosody(self) -> CrossFitted:
        """Names emotions by F0, energy and time alone (`espnet_mtl.evaluation.measures.functionals.prosodic`)."""
        values = prosodic(self._arrays["functionals"])
        return functionals_probes(values, self._emotions, self._sentences, self._speakers)

    @cached_property
    def spectrogram(self) -> CrossFitted:
        """Names emotions by the log-mel spectrogram of an utterance, see `lowered`."""
        from espnet_mtl.evaluation.probes.conv_probe import ConvProbe

        probes: list[ConvProbe] = []
        while weights := _with_prefix(self._arrays, f"conv.{len(probes)}."):
            probes.append(ConvProbe(self.emotions).load(weights))
        labels = self._emotions[self._emotions != ""]
        return CrossFitted(self.emotions, probes, self._arrays["conv_held_out"], labels)

    @cached_property
    def speaker(self) -> CrossFitted:
        """Names speakers by the functionals of an utterance."""
        return functionals_probes(self._arrays["functionals"], self._speakers, self._sentences)

    @cached_property
    def voices(self) -> Mapping[str, NDArray[np.float32]]:
        """Embedding of each speaker (256,)."""
        return _with_prefix(self._arrays, VOICE)

    @cached_property
    def recognizer(self) -> PhoneRecognizer:
        """Names the phones of an utterance."""
        from espnet_mtl.evaluation.probes.recognizer import PhoneRecognizer

        return PhoneRecognizer().load(_with_prefix(self._arrays, "recognizer."))

    def phones(self, speech: SpeechSet) -> list[tuple[str, ...]]:
        """Phones of the texts."""
        from espnet_mtl.evaluation.probes.recognizer import spoken_phones

        languages = [language or self._language for language in speech.languages]
        return [spoken_phones(text, language) for text, language in zip(speech.texts, languages, strict=True)]

    def lowered(self, features: Sequence[AcousticFeatures], speakers: Names) -> list[NDArray[np.float32]]:
        """Log-mel spectrograms as if all speakers had the same mean pitch; of an unknown speaker as it is."""
        shifts = [self._semitones_above_average.get(name, 0.0) for name in speakers]
        return [lowered(one.logmel, shift, self._fs) for one, shift in zip(features, shifts, strict=True)]

    def trainings(self, features: Sequence[AcousticFeatures]) -> list[Callable[[], Any]]:
        """Prepares the trainings of the recognizer and, for each fold, of a convolutional probe.

        Args:
            features: Of the training speech, then of what is there through the vocoder.

        Returns:
            Functions whose results `learned` takes: the recognizer first, since it takes longest.
        """
        chosen = [i for i, emotion in enumerate(self._emotions) if emotion]
        labels, speakers = self._emotions[chosen], self._speakers[chosen]
        logmels = self.lowered([features[i] for i in chosen], speakers)
        phones = self._with_vocoded(self.phones(self._train))
        jobs: list[Callable[[], Any]] = [partial(_fit_recognizer, [one.logmel for one in features], phones)]
        for held_out in self._parts:
            jobs.append(partial(_fit_conv, self.emotions, logmels, labels, speakers, held_out))
        return jobs

    def learned(self, results: Sequence[Any]) -> NamedArrays:
        """Names what came out of `trainings`."""
        recognizer, *probes = results
        arrays: NamedArrays = {f"recognizer.{name}": value for name, value in recognizer.items()}
        logits = np.zeros((np.count_nonzero(self._emotions != ""), len(self.emotions)))
        for i, (held_out, probe) in enumerate(zip(self._parts, probes, strict=True)):
            weights, logits[held_out] = probe
            arrays |= {f"conv.{i}.{name}": value for name, value in weights.items()}
        return {**arrays, "conv_held_out": logits}

    @cached_property
    def _parts(self) -> list[NDArray[np.intp]]:
        """Folds of the utterances whose emotion is known."""
        known = self._emotions != ""
        return folds(self._emotions[known], self._sentences[known])

    def _with_vocoded[Value](self, values: Sequence[Value]) -> list[Value]:
        """Values of all recordings as they are, then of those that are there through the vocoder, too."""
        return [*values, *(values[::2] if self._vocoded else [])]

    @cached_property
    def _semitones_above_average(self) -> dict[str, float]:
        """By how many semitones each training speaker's voice is higher than the average speaker's."""
        pitch = self._arrays["functionals"][:, [MEAN_PITCH]]
        voiced = pitch[:, 0] != 0  # an utterance without a voiced frame has 0 throughout, and no pitch
        if not voiced.any():
            return {}
        effects = speaker_effects(pitch[voiced], self._speakers[voiced], self._emotions[voiced])
        return {name: float(effect[0]) for name, effect in effects.items()}


def train_probes(train: SpeechSet, vocoded: Sequence[Recording], fs: int, language: str, nj: int) -> NamedArrays:
    """Analyzes training speech and trains what takes long.

    Args:
        train: Natural training speech.
        vocoded: All of it through the vocoder, or nothing.
        fs: Sampling rate in Hz.
        language: Of utterances without one, for their phones.
        nj: Parallel processes.

    Returns:
        What `TrainedProbes` takes: functionals, weights and voices by name.
    """
    natural = [Recording(path) for path in train.wavs]
    features = analyze_all([*natural, *vocoded[::2]], nj, "natural training speech", full=False)
    arrays: NamedArrays = {"functionals": np.stack([one.functionals for one in features])}
    arrays |= _train_all(TrainedProbes(train, bool(vocoded), fs, language, arrays), features, nj)
    chosen: list[int] = []
    for speaker in sorted(set(train.speakers)):
        chosen += _evenly_spread(train.speakers, speaker)
    embeddings = embed_all([natural[i] for i in chosen], nj, "voices")
    voices = enroll(embeddings, [train.speakers[i] for i in chosen])
    return {**arrays, **{VOICE + name: value for name, value in voices.items()}}


def _train_all(probes: TrainedProbes, features: Sequence[AcousticFeatures], nj: int) -> NamedArrays:
    """Trains recognizers and probes, of all speech and of natural speech alone, side by side."""
    jobs = probes.trainings(features)
    natural_jobs: list[Callable[[], Any]] = []
    if probes.natural is not probes:
        natural_jobs = probes.natural.trainings(features[: probes.natural.size])
    results = list(parallel_map(_call, [*jobs, *natural_jobs], nj, "recognizers and probes"))
    arrays = probes.learned(results[: len(jobs)])
    if natural_jobs:
        learned = probes.natural.learned(results[len(jobs) :])
        arrays |= {NATURAL + name: value for name, value in learned.items()}
    return arrays


def _evenly_spread(speakers: Sequence[str], name: str) -> list[int]:
    """Some utterances of a speaker, evenly spread over all of them."""
    own = [i for i, speaker in enumerate(speakers) if speaker == name]
    step = math.ceil(len(own) / ENROLLED)
    return own[::step]


def functionals_probes(
    values: NDArray[np.float32], labels: NDArray[np.str_], sentences: NDArray[np.str_], speakers: Names = ()
) -> CrossFitted:
    """Trains probes on functionals, one for each fold of whole sentences.

    Args:
        values: Functionals (N, D).
        labels: What they are to name (N,); "" where unknown: see `FunctionalsProbe`.
        sentences: Sentence of each utterance (N,).
        speakers: Speaker of each utterance (N,), for a probe that names what changes within a speaker; else none.
    """
    classes = sorted(set(labels) - {""})
    speakers = np.array(speakers)
    probes = []
    logits = np.zeros((len(labels), len(classes)))
    known = np.flatnonzero(labels != "")
    for fold in folds(labels[known], sentences[known]):
        held_out = known[fold]
        rest = np.setdiff1d(np.arange(len(labels)), held_out)
        rest_speakers, held_out_speakers = (speakers[rest], speakers[held_out]) if len(speakers) else ((), ())
        probe = FunctionalsProbe(values[rest], labels[rest], classes, rest_speakers)
        logits[held_out] = probe.logits(values[held_out], held_out_speakers)
        probes.append(probe)
    return CrossFitted(classes, probes, logits[known], labels[known])


def _fit_conv(
    classes: Sequence[str],
    logmels: Sequence[NDArray[np.float32]],
    labels: NDArray[np.str_],
    speakers: Names,
    held_out: NDArray[np.intp],
) -> tuple[NamedArrays, NDArray[np.float32]]:
    """Trains a probe without a fold: its weights, and its logits of the fold."""
    from espnet_mtl.evaluation.probes.conv_probe import ConvProbe

    rest = np.setdiff1d(np.arange(len(labels)), held_out).tolist()
    probe = ConvProbe(classes).fit([logmels[i] for i in rest], labels[rest], np.array(speakers)[rest])
    return probe.arrays(), probe.logits([logmels[i] for i in held_out])


def _fit_recognizer(logmels: Sequence[NDArray[np.float32]], phones: Sequence[Sequence[str]]) -> NamedArrays:
    from espnet_mtl.evaluation.probes.recognizer import PhoneRecognizer

    return PhoneRecognizer().fit(logmels, phones).arrays()


def _call(job: Callable) -> Any:
    return job()


def _with_prefix(arrays: NamedArrays, prefix: str) -> NamedArrays:
    """Those whose name begins so, without it."""
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
