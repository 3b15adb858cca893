"""The probes that judge emotion and speaker: they learned natural speech only, whole utterances and halves of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.judge import MAX_TRAINING_RECORDINGS
from espnet_mtl.evaluation.measures.features import analyze
from espnet_mtl.evaluation.probes.crossfit import CrossFitted
from espnet_mtl.evaluation.probes.trained import TrainedProbes
from espnet_mtl.evaluation.speech_set import SpeechSet
from espnet_mtl.system.audio_files import read_mono
from espnet_mtl.system.parallel.mapping import parallel_map

from .subject import Subject


@dataclass(frozen=True)
class Probes:
    """Probes on functionals.

    Attributes:
        emotion: Names emotions, given the speaker.
        halves: The same, of halves of utterances.
        speaker: Names speakers; None: there is one alone.
        seen: The pairs of speaker and emotion that they learned from.
    """

    emotion: CrossFitted
    halves: CrossFitted
    speaker: CrossFitted | None
    seen: set[tuple[str, str]]


def functionals_of(wave: NDArray[np.float64], fs: int) -> NDArray[np.float32]:
    """Functionals of a waveform (T_wav,): (D,)."""
    return analyze(wave, fs, full=False).functionals


def halves_of(wave: NDArray[np.float64], fs: int, cut: int | None = None) -> NDArray[np.float32]:
    """Functionals of a waveform (T_wav,) before and behind a sample, or its middle: (2, D)."""
    cut = len(wave) // 2 if cut is None else cut
    return np.stack([functionals_of(wave[:cut], fs), functionals_of(wave[cut:], fs)])


def analyzed(path: str, fs: int) -> NDArray[np.float32]:
    """Functionals of a recording, of its first half and of its second half: (3, D)."""
    wave, own_fs = read_mono(path)
    if own_fs != fs:
        raise UserError(f"{path}: {own_fs} Hz, others of this dump have {fs} Hz: run stage 2 again")
    return np.concatenate([functionals_of(wave, fs)[None], halves_of(wave, fs)])


def natural_functionals(speech: SpeechSet, fs: int, nj: int, title: str) -> NDArray[np.float32]:
    """Functionals of recordings, and of their halves: (N, 3, D)."""
    return np.stack(list(parallel_map(partial(analyzed, fs=fs), speech.wavs, nj, title)))


def train_on_natural(subject: Subject, nj: int) -> Probes:
    """Trains the probes on the natural training speech of a subject.

    Raises:
        UserError: There is too little of it, or the model has an emotion that it lacks.
    """
    if subject.train is None:
        raise UserError("no sentences to learn from: the training set needs some that the measured part does not have")
    speech, fs = subject.train.some(MAX_TRAINING_RECORDINGS), subject.tts.fs
    values = natural_functionals(speech, fs, nj, "natural training speech")
    whole = TrainedProbes(speech, False, fs, "", {"functionals": values[:, 0]})
    if not whole.has_emotions:
        raise UserError(f"{speech.directory / 'utt2emo'}: too few emotions or sentences for a probe to learn from")
    for emotion in subject.emotions:
        if emotion not in whole.emotions:
            where = speech.directory / "utt2emo"
            raise UserError(f"{where}: no recording is {emotion}: name the dump of the model's training, or --emotions")
    of_halves = {"functionals": np.concatenate([values[:, 1], values[:, 2]])}
    halves = TrainedProbes(twice(speech), False, fs, "", of_halves)
    speaker = whole.speaker if whole.has_speakers else None
    return Probes(whole.functionals, halves.functionals, speaker, set(speech.pairs))


def twice(speech: SpeechSet) -> SpeechSet:
    """The same recordings, and all of them again."""
    fields = ("utts", "wavs", "texts", "speakers", "emotions", "languages")
    return replace(speech, **{name: getattr(speech, name) * 2 for name in fields})
