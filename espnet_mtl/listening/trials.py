"""The trials of a listening test: which recordings in which order, and the possible answers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from pathlib import Path

from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.speech_set import SpeechSet, read_speech_set

MOS, AB, EMOTION = "mos", "ab", "emotion"
"""Kinds of tests: mean opinion score, preference between two systems, choice of the emotion."""
TESTS = (MOS, AB, EMOTION)
RATINGS = ("Bad", "Poor", "Fair", "Good", "Excellent")
"""Absolute category rating of ITU-T P.800, from 1 to 5."""
NO_PREFERENCE, NO_EMOTION = "none", "none of these"
EMOTION_KEYS = "123456789abcdefghijklmnopqrstuvwxyz"
"""Keys of the buttons of the emotions; 0 is that of no emotion. Those after the 35th have none."""


@dataclass(frozen=True)
class Choice:
    """One possible answer: what is saved, what its button says, and its key ("" for none)."""

    answer: str
    label: str
    key: str


@dataclass(frozen=True)
class Trial:
    """One utterance by one system, or by two in the order A, B; the labels are those of the first."""

    utterance: str
    text: str
    speaker: str
    emotion: str
    systems: tuple[str, ...]
    wavs: tuple[str, ...]


@dataclass(frozen=True)
class ListeningTest:
    """What is compared and how.

    Attributes:
        kind: One of `TESTS`.
        systems: Speech of each system, by its name.
        output: Directory of the answers.
        n: Number of trials of a listener, fewer where there are not as many.
        seed: Draws the trials, together with the listener's name.
        listener: The only listener; "" where the page asks for the name.

    Raises:
        UserError: There are too few systems or trials, or no utterance that all systems have.
    """

    kind: str
    systems: dict[str, SpeechSet]
    output: Path
    n: int = 20
    seed: int = 0
    listener: str = ""

    def __post_init__(self) -> None:
        needed = 2 if self.kind == AB else 1
        if len(self.systems) < needed:
            raise UserError(f"--system: the {self.kind} test needs {needed} or more, got {len(self.systems)}")
        if self.n < 1:
            raise UserError(f"--n: expected 1 trial or more, got {self.n}")
        if not self.utterances:
            what, file = ("labelled utterance", "utt2emo") if self.kind == EMOTION else ("utterance", "wav.scp")
            where = ", ".join(str(speech.directory / file) for speech in self.systems.values())
            raise UserError(f"no {what} is common to all systems; expected the same ids in {where}")

    @cached_property
    def utterances(self) -> list[str]:
        """Utterances that all systems have, sorted; in the emotion test only those that all of them label."""
        usable = [set(self._usable(speech)) for speech in self.systems.values()]
        return sorted(set.intersection(*usable))

    def _usable(self, speech: SpeechSet) -> list[str]:
        """Utterances of a system that this test can use."""
        if self.kind != EMOTION:
            return speech.utts
        return [utt for utt, emotion in zip(speech.utts, speech.emotions, strict=True) if emotion]

    @cached_property
    def choices(self) -> list[Choice]:
        """The possible answers in the order of their buttons."""
        if self.kind == MOS:
            return [Choice(str(rating), label, str(rating)) for rating, label in enumerate(RATINGS, 1)]
        if self.kind == AB:
            no_preference = Choice(NO_PREFERENCE, "No preference", "0")
            return [Choice("a", "Prefer A", "a"), Choice("b", "Prefer B", "b"), no_preference]
        emotions = set(chain.from_iterable(speech.emotions for speech in self.systems.values()))
        choices = []
        for number, name in enumerate(sorted(emotions - {""})):
            key = EMOTION_KEYS[number : number + 1]
            choices.append(Choice(name, name.capitalize(), key))
        return [*choices, Choice(NO_EMOTION, NO_EMOTION.capitalize(), "0")]

    def trials(self, listener: str) -> list[Trial]:
        """Draws the trials of a listener, always the same ones.

        An utterance is drawn from all systems (A/B: all pairs of systems) before another one, so that systems are
        compared on the same utterances. Systems differ by one at most in how often they come, and how often first.
        """
        draw = random.Random(f"{self.seed} {listener}")
        groups = list(combinations(sorted(self.systems), 2 if self.kind == AB else 1))
        swapped = draw.randrange(2)
        drawn: list[tuple[str, tuple[str, ...]]] = []
        for number, utt in enumerate(draw.sample(self.utterances, len(self.utterances))):
            # The order within a pair changes from utterance to utterance, so that each system is first equally often.
            step = -1 if (number + swapped) % 2 else 1
            for group in draw.sample(groups, len(groups)):
                drawn.append((utt, group[::step]))
        drawn = drawn[: self.n]
        draw.shuffle(drawn)
        return [self._trial(utt, systems) for utt, systems in drawn]

    def _trial(self, utt: str, names: tuple[str, ...]) -> Trial:
        wavs = []
        for name in names:
            speech = self.systems[name]
            wavs.append(speech.wavs[speech.utts.index(utt)])
        first = self.systems[names[0]]
        row = first.utts.index(utt)
        return Trial(utt, first.texts[row], first.speakers[row], first.emotions[row], names, tuple(wavs))


def read_systems(specifications: Sequence[str]) -> dict[str, SpeechSet]:
    """Reads systems given as `NAME=DIR`, or as `DIR` whose path is then the name.

    Raises:
        UserError: Two systems have one name, or a directory cannot be read.
    """
    systems: dict[str, SpeechSet] = {}
    for specification in specifications:
        name, separator, directory = specification.partition("=")
        if not separator or Path(specification).exists():  # a path may hold the sign, too
            name = directory = specification
        name = name or directory
        if name in systems:
            raise UserError(f"--system {specification}: {name!r} comes twice; give each one its own name: NAME=DIR")
        systems[name] = read_speech_set(Path(directory), "stage 3 or 6")
    return systems
