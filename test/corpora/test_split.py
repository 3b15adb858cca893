"""Tests of splitting a corpus by sentence."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from espnet_mtl.corpora.base import Utterance
from espnet_mtl.corpora.split import SplitPolicy, check_leakage, split, split_sentences
from espnet_mtl.errors import UserError

SENTENCES = [f"s{number:02d}" for number in range(20)]


def utterances(sentences=SENTENCES):
    return [
        Utterance(f"{speaker}_{emotion}_{sentence}", speaker, "text", sentence, emotion, audio=Path("a.wav"))
        for speaker in ("a", "b")
        for emotion in ("neutral", "sad")
        for sentence in sentences
    ]


def test_numbers_and_fractions():
    assert Counter(split_sentences(SENTENCES, SplitPolicy(2, 3)).values()) == {
        "train": 15,
        "dev": 2,
        "test": 3,
    }
    assert Counter(split_sentences(SENTENCES, SplitPolicy(0.1, 0.2)).values()) == {
        "train": 14,
        "dev": 2,
        "test": 4,
    }
    assert Counter(split_sentences(SENTENCES, SplitPolicy(2, 3, 5)).values())["train"] == 5


def test_it_depends_on_the_seed_alone():
    split = split_sentences(SENTENCES, SplitPolicy(4, 4, seed=1))
    assert split == split_sentences(reversed(SENTENCES), SplitPolicy(4, 4, seed=1))
    assert split != split_sentences(SENTENCES, SplitPolicy(4, 4, seed=2))


@pytest.mark.parametrize("seed", range(10))
def test_train_covers_the_units_of_dev_and_test(seed):
    units = {name: frozenset({"a", f"u{number % 7}"}) for number, name in enumerate(SENTENCES)}
    units["s03"] = frozenset({"a", "rare"})
    split = split_sentences(SENTENCES, SplitPolicy(3, 3, 8, seed=seed), units)
    seen = frozenset().union(*(units[name] for name in split if split[name] == "train"))
    assert all(units[name] <= seen for name in split)
    assert split["s03"] == "train"


def test_units_that_train_cannot_cover_are_an_error():
    with pytest.raises(UserError, match="only 0 other sentences"):
        split_sentences(SENTENCES, SplitPolicy(3, 3), {name: frozenset({name}) for name in SENTENCES})


def test_too_few_sentences_are_an_error():
    with pytest.raises(UserError, match="3 sentences are too few"):
        split_sentences(SENTENCES[:3], SplitPolicy(2, 2))


def test_held_out_pairs_are_in_test_only():
    policy = SplitPolicy(2, 3, held_out=frozenset({("a", "sad")}))
    sets = split(utterances(), policy)
    pairs = {name: {(u.speaker, u.emotion) for u in group} for name, group in sets.items()}
    assert ("a", "sad") not in pairs["train"] | pairs["dev"]
    assert len(pairs["test"]) == 4
    assert {name: len(group) for name, group in sets.items()} == {"train": 45, "dev": 6, "test": 12}


def test_an_empty_set_is_an_error():
    policy = SplitPolicy(0, 3)
    with pytest.raises(UserError, match="no utterance is left for dev"):
        split(utterances(), policy)


def test_a_sentence_in_two_sets_is_caught():
    train, test = utterances(["s01", "s02"]), utterances(["s02"])
    with pytest.raises(UserError, match="sentence 's02' is both in train and in test"):
        check_leakage({"train": train, "test": test}, SplitPolicy(0, 1))


@pytest.mark.parametrize("by", ["speaker", "session", "dialogue"])
def test_what_it_splits_by_is_in_one_set(by):
    grouped = [replace(u, session=u.id[-1], dialogue=u.id[-2:]) for u in utterances()]
    if by == "speaker":
        grouped += [replace(u, id=f"c{u.id}", speaker=f"c{u.speaker}") for u in grouped]
    sets = split(grouped, SplitPolicy(1, 1, by=by))
    units = [{getattr(u, by) for u in group} for group in sets.values()]
    assert all(units)
    assert not units[0] & units[1] | units[0] & units[2] | units[1] & units[2]
    assert sets == split(grouped, SplitPolicy(1, 1, by=by))
    with pytest.raises(UserError, match=f"{by} .* is both in train and in test"):
        check_leakage({"train": grouped, "test": grouped[:1]}, SplitPolicy(1, 1, by=by), own=False)


def test_what_it_cannot_split_by_is_named():
    with pytest.raises(UserError, match=r"split_by 'room'.*dialogue, sentence, session, speaker"):
        SplitPolicy(1, 1, by="room")
    with pytest.raises(UserError, match="split_by session: the corpus names none for a_neutral_s00"):
        split(utterances(), SplitPolicy(1, 1, by="session"))


def test_the_corpus_own_sets_go_before_the_policy():
    own = [replace(u, split={"a": "train", "b": "test"}[u.speaker]) for u in utterances()]
    own[0] = replace(own[0], split="dev")
    sets = split(own, SplitPolicy(5, 5))
    assert {name: len(group) for name, group in sets.items()} == {"train": 39, "dev": 1, "test": 40}
    with pytest.raises(UserError, match="id 'a_neutral_s01' is both in train and in test"):
        split([*own, replace(own[1], split="test")], SplitPolicy(5, 5))


def test_a_held_out_pair_in_train_is_caught():
    policy = SplitPolicy(1, 1, held_out=frozenset({("b", "sad")}))
    with pytest.raises(UserError, match="b_sad_s01 is in train"):
        check_leakage({"train": utterances(["s01"])}, policy)
