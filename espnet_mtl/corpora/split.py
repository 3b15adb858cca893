"""Dividing a corpus into train, dev and test so that no sentence is in two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from espnet_mtl.errors import UserError, one_of
from espnet_mtl.system.unicode import normal_name

SETS = ("train", "dev", "test")
UNITS = ("sentence", "dialogue", "session", "speaker")
Pair = tuple[str, str | None]


@dataclass(frozen=True)
class SplitPolicy:
    """How many sentences go where.

    Attributes:
        dev: Number of sentences of dev; below 1: fraction of all sentences.
        test: The same for test.
        train: Number of sentences of train; None = all others.
        held_out: (speaker, emotion) pairs that only test may contain (the transfer test).
        seed: Seed of the choice.
        by: What must not be in two sets: "sentence", "dialogue", "session" or "speaker".
    """

    dev: float
    test: float
    train: int | None = None
    held_out: frozenset[Pair] = frozenset()
    seed: int = 0
    by: str = "sentence"

    def __post_init__(self) -> None:
        pairs = [(normal_name(speaker), emotion and normal_name(emotion)) for speaker, emotion in self.held_out]
        object.__setattr__(self, "held_out", frozenset(pairs))
        if self.by not in UNITS:
            raise one_of("split_by", self.by, UNITS)
        for name in ("dev", "test", "seed"):
            self._check_number(name, shares=name != "seed")

    def _check_number(self, name: str, shares: bool) -> None:
        number = getattr(self, name)
        is_whole = isinstance(number, int) and not isinstance(number, bool)
        is_share = shares and isinstance(number, float) and number < 1
        if not (is_whole or is_share) or number < 0:
            kind = "a whole number, or a share below 1" if shares else "a whole number"
            raise UserError(f"{name} of the split: expected {kind}, 0 or more, got {number!r}")

    def unit(self, utterance: Splittable) -> str:
        """Returns what the utterance is sorted by.

        Raises:
            UserError: It has none.
        """
        unit = getattr(utterance, self.by)
        if unit is None:
            raise UserError(f"split_by {self.by}: the corpus names none for {utterance.id}")
        return unit


class Splittable(Protocol):
    """What dividing asks of an utterance (`espnet_mtl.corpora.base.Utterance`)."""

    @property
    def id(self) -> str: ...
    @property
    def speaker(self) -> str: ...
    @property
    def emotion(self) -> str | None: ...
    @property
    def sentence(self) -> str: ...
    @property
    def split(self) -> str | None: ...


def split_sentences(
    sentences: Iterable[str], policy: SplitPolicy, units: Mapping[str, frozenset[str]] | None = None
) -> dict[str, str]:
    """Chooses the set of every sentence; sentences beyond the policy's numbers are left out.

    Every unit (phone) of a dev or test sentence also occurs in train: train first takes the sentences that
    bring most units it lacks, then dev and test draw from the sentences that it covers.

    Raises:
        UserError: There are too few sentences, or too few that train covers.
    """
    order = sorted(set(sentences))
    np.random.default_rng(policy.seed).shuffle(order)
    n_dev = _count(policy.dev, len(order))
    n_test = _count(policy.test, len(order))
    n_train = len(order) - n_dev - n_test if policy.train is None else policy.train
    if n_train < 1 or n_train + n_dev + n_test > len(order):
        raise UserError(
            f"split: {len(order)} {policy.by}{'s' * (len(order) != 1)} are too few for train + {n_dev} dev + {n_test} "
            f"test {policy.by}s"
        )
    units_of = {sentence: (units or {}).get(sentence, frozenset()) for sentence in order}
    covering = _cover(order, units_of, n_train)
    covered = frozenset().union(*(units_of[sentence] for sentence in covering))
    taken = set(covering)
    rest = [sentence for sentence in order if sentence not in taken]
    fit = [sentence for sentence in rest if units_of[sentence] <= covered]
    if len(fit) < n_dev + n_test:
        raise UserError(
            f"split: train can cover the phones of only {len(fit)} other {policy.by}s, but dev and test need "
            f"{n_dev + n_test}: ask for fewer, or for more train {policy.by}s"
        )
    set_of = dict.fromkeys(fit[:n_test], "test")
    set_of |= dict.fromkeys(fit[n_test : n_test + n_dev], "dev")
    others = [sentence for sentence in rest if sentence not in set_of]
    set_of |= dict.fromkeys([*covering, *others][:n_train], "train")
    return set_of


def _count(number: float, total: int) -> int:
    """Turns a share of `total` into a number of at least 1; a number stays."""
    return max(1, round(number * total)) if 0 < number < 1 else int(number)


def _cover(order: Sequence[str], units: Mapping[str, frozenset[str]], limit: int) -> list[str]:
    """Greedy set cover: takes the sentence with most unseen units until none is left unseen."""
    chosen: list[str] = []
    seen: set[str] = set()
    while len(chosen) < limit:
        best = max(order, key=lambda sentence: len(units[sentence] - seen))
        if units[best] <= seen:
            break
        chosen.append(best)
        seen |= units[best]
    return chosen


def split[U: Splittable](
    utterances: Sequence[U], policy: SplitPolicy, units: Mapping[str, frozenset[str]] | None = None
) -> dict[str, list[U]]:
    """Sorts utterances into sets: as the corpus itself says, else by the policy; held-out pairs go to test only.

    Raises:
        UserError: There is too little for the policy, a set is left empty, or two sets share what they must not.
    """
    own = any(utterance.split for utterance in utterances)
    set_of = {} if own else split_sentences({policy.unit(u) for u in utterances}, policy, units)
    sets: dict[str, list[U]] = {name: [] for name in SETS}
    for utterance in utterances:
        name = utterance.split if own else set_of.get(policy.unit(utterance))
        held_out = (utterance.speaker, utterance.emotion) in policy.held_out
        if name and (name == "test" or not held_out):
            sets[name].append(utterance)
    check_filled(sets)
    check_leakage(sets, policy, own)
    return sets


def check_filled(sets: Mapping[str, Sequence[Splittable]]) -> None:
    """Raises UserError where a set has no utterance."""
    for name, group in sets.items():
        if not group:
            raise UserError(f"split: no utterance is left for {name}: each set needs one or more")


def check_leakage(sets: Mapping[str, Iterable[Splittable]], policy: SplitPolicy, own: bool = False) -> None:
    """Makes sure that the sets share nothing that they must not share; the corpus' `own` sets may share sentences.

    Raises:
        UserError: An utterance, or a sentence or what else the policy splits by, is in two sets, or a held-out pair is
            in train or dev.
    """
    kinds = ["id"] if own else [policy.by, "id"]
    seen: dict[str, dict[str, str]] = {kind: {} for kind in kinds}
    for name, group in sets.items():
        for utterance in group:
            for kind in kinds:
                value = getattr(utterance, kind)
                other = seen[kind].setdefault(value, name)
                if other != name:
                    raise UserError(f"split: {kind} {value!r} is both in {other} and in {name}")
            if name != "test" and (utterance.speaker, utterance.emotion) in policy.held_out:
                raise UserError(
                    f"split: {utterance.id} is in {name}, but only test may hold {utterance.speaker} "
                    f"speaking {utterance.emotion}"
                )
