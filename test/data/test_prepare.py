"""Tests of stage 1 with a corpus that brings its recordings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from espnet_mtl.corpora.base import Corpus, Utterance
from espnet_mtl.corpora.split import SplitPolicy
from espnet_mtl.data.kaldi import read_table
from espnet_mtl.data.prepare import prepare_data
from espnet_mtl.errors import UserError


class Recorded(Corpus):
    """Two speakers, ten sentences, some unlabelled; `change` alters or adds utterances."""

    def __init__(self, directory: Path, change=list):
        super().__init__()
        self.directory, self.change = directory, change
        self.policy = SplitPolicy(0.2, 0.2, held_out=frozenset({("b", "sad")}))
        self.dropped = {"b_99": "no transcription"}

    def utterances(self):
        listed = [
            Utterance(f"{speaker}_{number}_{emotion}", speaker, f"Sentence {number}.", f"s{number}", emotion)
            for speaker in "ab"
            for emotion in ("sad", None)
            for number in range(10)
        ]
        listed = self.change([replace(u, audio=self.directory / f"{u.id}.wav") for u in listed])
        for u in listed:
            u.audio.write_text(str(u.audio)) if u.audio.parent == self.directory else None
        return listed


def prepare(tmp_path, change=list, max_dropped=0.05):
    return prepare_data({"own": Recorded(tmp_path, change)}, tmp_path / "data", max_dropped=max_dropped)


def test_tables_of_recordings(tmp_path):
    prepare(tmp_path)
    train, test = tmp_path / "data" / "train", tmp_path / "data" / "test"
    assert read_table(train / "wav.scp") == {utt: str(tmp_path / f"{utt}.wav") for utt in read_table(train / "text")}
    assert len(read_table(train / "text")) == 18
    assert set(read_table(train / "utt2emo").values()) == {"sad"}
    assert all(utt.startswith("a_") for utt in read_table(train / "utt2emo"))
    assert sum(utt.startswith("b_") for utt in read_table(test / "utt2emo")) == 2
    assert not (train / "utt2lang").exists()
    assert not (train / "alignment").exists()
    assert not (train / "wav").exists()


def test_the_report(tmp_path):
    prepare(tmp_path)
    assert (
        (tmp_path / "data" / "report.txt").read_text()
        == """\
corpus own
train: 18 utterances, 6 sentences
  a sad: 6
  a unlabelled: 6
  b unlabelled: 6
dev: 6 utterances, 2 sentences
  a sad: 2
  a unlabelled: 2
  b unlabelled: 2
test: 8 utterances, 2 sentences
  a sad: 2
  a unlabelled: 2
  b sad: 2
  b unlabelled: 2
only in test: b sad (8 utterances kept out of train and dev)
sentences that are also in train: 0 of 2 in dev, 0 of 2 in test
speakers that are also in train: 2 of 2 in dev, 2 of 2 in test
dropped: 1 (1 no transcription)
  b_99: no transcription
"""
    )


def spoil(utterances):
    """One trap each."""
    first, second, third, fourth, *rest = utterances
    return [
        first,
        replace(second, text=" "),
        replace(third, audio=Path("/nowhere/c.wav")),
        fourth,
        replace(fourth, text="Another."),
        replace(rest[0], audio=first.audio),
        *rest[1:],
    ]


def test_what_cannot_be_used_is_dropped_counted_and_named(tmp_path):
    prepare(tmp_path, spoil, max_dropped=0.2)
    report = (tmp_path / "data/report.txt").read_text()
    lost = """\
dropped: 5 (1 duplicate id, 1 empty text, 1 missing recording, 1 no transcription, 1 same recording)
  a_1_sad: empty text
  a_2_sad: missing recording: /nowhere/c.wav
  a_3_sad (2): duplicate id
  a_4_sad: same recording: as a_0_sad of own
  b_99: no transcription
"""
    assert report.endswith(lost)
    kept = {utt for name in ("train", "dev", "test") for utt in read_table(tmp_path / "data" / name / "text")}
    assert "a_3_sad" in kept
    assert not {"a_1_sad", "a_2_sad", "a_4_sad"} & kept


def test_too_much_that_cannot_be_used_stops_it(tmp_path):
    with pytest.raises(
        UserError, match=r"own: 5 of 42 utterances cannot be used \(a_1_sad: empty text; .*over|max_drop"
    ):
        prepare(tmp_path, spoil, max_dropped=0.1)
    assert [path.name for path in (tmp_path / "data").iterdir() if path.name[0] != "."] == ["dropped.txt"]
    assert "  a_2_sad: missing recording: /nowhere/c.wav\n" in (tmp_path / "data/dropped.txt").read_text()
    prepare(tmp_path, spoil, max_dropped=0.2)
    assert not (tmp_path / "data/dropped.txt").exists()


def test_names_fit_into_tables_and_file_names(tmp_path):
    def rename(utterances):
        return [replace(u, id=f"{u.id} / x", speaker=f"Ann {u.speaker}", text=f"{u.text}\n ...") for u in utterances]

    for letter in "ab":
        for emotion in ("sad", None):
            for number in range(10):
                (tmp_path / f"{letter}_{number}_{emotion} ").mkdir(exist_ok=True)
    sets = prepare(tmp_path, rename)
    assert {u.speaker for u in sets["train"]} == {"Ann_a", "Ann_b"}
    train = tmp_path / "data/train"
    assert "a_0_sad_x" in {utt for name in sets for utt in read_table(train.with_name(name) / "wav.scp")}
    assert set(read_table(train / "text")) == set(read_table(train / "wav.scp"))
    assert all(text.endswith(". ...") for text in read_table(train / "text").values())


def test_one_recording_in_two_corpora_comes_once(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    corpora = {name: Recorded(tmp_path / name) for name in ("one", "two")}
    corpora["two"].utterances = lambda: [replace(u, id=f"c_{u.id}") for u in corpora["one"].utterances()[:4]]
    with pytest.raises(UserError, match=r"corpus two: 5 of 5 utt.*same recording: as a_0_sad of one"):
        prepare_data(corpora, tmp_path / "data")


def test_sentences_and_dialogues_in_two_sets_are_reported(tmp_path):
    def change(utterances):
        parts = ["train", "dev", "test"]
        return [replace(u, split=parts[i % 3], dialogue=f"d{i % 3}") for i, u in enumerate(utterances)]

    sets = {name: {u.sentence for u in group} for name, group in prepare(tmp_path, change).items()}
    report = (tmp_path / "data/report.txt").read_text()
    shared = [f"{len(sets[name] & sets['train'])} of {len(sets[name])} in {name}" for name in ("dev", "test")]
    assert len(sets["train"] & sets["dev"]) > 0
    assert f"sentences that are also in train: {', '.join(shared)}\n" in report
    assert "dialogues that are also in train: 0 of 1 in dev, 0 of 1 in test\n" in report


def test_joined_corpora_keep_their_own_splits_and_names(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    corpora = {name: Recorded(tmp_path / name) for name in ("one", "two")}
    corpora["two"].policy = SplitPolicy(0.1, 0.1)
    sets = prepare_data(corpora, tmp_path / "data")
    alone = prepare_data({"one": corpora["one"]}, tmp_path / "alone")
    assert {u.id for u in sets["test"] if u.id.startswith("one_")} == {f"one_{u.id}" for u in alone["test"]}
    spk = read_table(tmp_path / "data/train/utt2spk")
    assert set(spk.values()) == {"one_a", "one_b", "two_a", "two_b"}
    assert spk["two_b_0_None"] == "two_b"
    assert read_table(tmp_path / "data/train/wav.scp")["two_b_0_None"] == str(tmp_path / "two/b_0_None.wav")
    assert (tmp_path / "data/report.txt").read_text().count("corpus ") == 2


def test_recordings_in_what_it_would_replace_are_kept(tmp_path):
    own = tmp_path / "data/train/recordings"
    own.mkdir(parents=True)
    with pytest.raises(UserError, match=r"data/train would be replaced, but .*data/train/recordings is read: choose"):
        prepare_data({"own": Recorded(own)}, tmp_path / "data")
    assert len(list(own.iterdir())) == 40
    assert not (tmp_path / "data/train/wav.scp").exists()
