"""Dividing a corpus into train, dev and test so that no sentence is in two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from espnet_mtl.errors import UserError, one_of

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
        if self.by not in UNITS:
            raise one_of("split_by", self.by, UNITS)
        for name in ("dev", "test", "seed"):
            number = getattr(self, name)
            whole = isinstance(number, int) or (name != "seed" and isinstance(number, float) and number < 1)
            if not whole or isinstance(number, bool) or number < 0:
                kind = "a whole number" if name == "seed" else "a whole number, or a share below 1"
                raise UserError(f"{name} of the split: expected {kind}, 0 or more, got {number!r}")

    def unit(self, utterance: _Labelled) -> str:
        """Returns what the utterance is sorted by.

        Raises:
            UserError: It has none.
        """
        unit = getattr(utterance, self.by)
        if unit is None:
            raise UserError(f"split_by {self.by}: the corpus names none for {utterance.id}")
        return unit


class _Labelled(Protocol):
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
    n_dev, n_test = (_count(number, len(order)) for number in (policy.dev, policy.test))
    n_train = len(order) - n_dev - n_test if policy.train is None else policy.train
    if n_train < 1 or n_train + n_dev + n_test > len(order):
        raise UserError(f"split: {len(order)} sentences are too few for train + {n_dev} dev + {n_test} test sentences")
    units = units or {}
    first = _cover(order, units, n_train)
    covered = frozenset().union(*(units.get(sentence, frozenset()) for sentence in first))
    taken = set(first)
    rest = [sentence for sentence in order if sentence not in taken]
    fit = [sentence for sentence in rest if units.get(sentence, frozenset()) <= covered]
    if len(fit) < n_dev + n_test:
        raise UserError(
            f"split: train can cover the phones of only {len(fit)} other sentences, but dev and test need "
            f"{n_dev + n_test}: ask for fewer, or for more train sentences"
        )
    test, dev = fit[:n_test], fit[n_test : n_test + n_dev]
    kept = {*test, *dev}
    train = [*first, *(sentence for sentence in rest if sentence not in kept)][:n_train]
    return {sentence: name for name, group in zip(SETS, (train, dev, test), strict=True) for sentence in group}


def _count(number: float, total: int) -> int:
    return max(1, round(number * total)) if 0 < number < 1 else int(number)


def _cover(order: Sequence[str], units: Mapping[str, frozenset[str]], limit: int) -> list[str]:
    """Greedy set cover: takes the sentence with most unseen units until none is left unseen."""
    chosen: list[str] = []
    seen: set[str] = set()
    while len(chosen) < limit:
        best = max(order, key=lambda sentence: len(units.get(sentence, frozenset()) - seen))
        if not units.get(best, frozenset()) - seen:
            break
        chosen.append(best)
        seen |= units[best]
    return chosen


def split[U: _Labelled](
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
        if name == "test" or (name and (utterance.speaker, utterance.emotion) not in policy.held_out):
            sets[name].append(utterance)
    for name, group in sets.items():
        if not group:
            raise UserError(f"split: no utterance is left for {name}")
    check_leakage(sets, policy, own)
    return sets


def check_leakage(sets: Mapping[str, Iterable[_Labelled]], policy: SplitPolicy, own: bool = False) -> None:
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
