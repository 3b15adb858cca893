"""Tests of stage 1 with a corpus that brings its recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from espnet_mtl.corpora.base import Corpus, Utterance
from espnet_mtl.data.kaldi import read_table
from espnet_mtl.data.prepare import prepare_data
from espnet_mtl.data.split import SplitPolicy
from espnet_mtl.errors import UserError


class Recorded(Corpus):
    """Two speakers, ten sentences, some unlabelled; `twice` gives two utterances one name."""

    def __init__(self, audio: Path, twice: bool = False):
        super().__init__()
        self.audio, self.twice = audio, twice
        self.policy = SplitPolicy(0.2, 0.2, held_out=frozenset({("b", "sad")}))
        self.dropped = {"b_99": "no transcription"}

    def utterances(self):
        return [
            Utterance(
                f"{speaker}_{0 if self.twice else number}_{emotion}",
                speaker,
                f"Sentence {number}.",
                f"s{number}",
                emotion,
                audio=self.audio,
            )
            for speaker in "ab"
            for emotion in ("sad", None)
            for number in range(10)
        ]


def test_tables_of_recordings(tmp_path):
    audio = tmp_path / "a.wav"
    prepare_data(Recorded(audio), tmp_path / "data")
    train, test = tmp_path / "data" / "train", tmp_path / "data" / "test"
    assert set(read_table(train / "wav.scp").values()) == {str(audio)}
    assert len(read_table(train / "text")) == 18
    assert set(read_table(train / "utt2emo").values()) == {"sad"}
    assert all(utt.startswith("a_") for utt in read_table(train / "utt2emo"))
    assert sum(utt.startswith("b_") for utt in read_table(test / "utt2emo")) == 2
    assert not (train / "utt2lang").exists()
    assert not (train / "alignment").exists()
    assert not (train / "wav").exists()


def test_the_report(tmp_path):
    prepare_data(Recorded(tmp_path / "a.wav"), tmp_path / "data")
    assert (
        (tmp_path / "data" / "report.txt").read_text()
        == """\
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
dropped: 1
  b_99: no transcription
"""
    )


def test_two_utterances_of_one_name_stop_it(tmp_path):
    with pytest.raises(UserError, match="utterance 'a_0_sad' of train is in train too"):
        prepare_data(Recorded(tmp_path / "a.wav", twice=True), tmp_path / "data")
    assert not (tmp_path / "data").exists()
