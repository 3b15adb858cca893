"""Tests of nEMO: both layouts, its traps, and the real recordings where they are at hand."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from espnet_mtl.corpora.nemo import Nemo
from espnet_mtl.data.kaldi import read_table
from espnet_mtl.data.prepare import prepare_data
from espnet_mtl.errors import UserError

REAL = Path(os.environ.get("REAL_SPEECH", Path(__file__).parents[3] / "shared/data")) / "nemo_pl"
QUOTES = '"Nie, powiedział: „tak”.'
PUBLISHED = f"""\
file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage
KD0_fear_2.wav\tfear\tMama ma kota.\tmama ma kota\tKD0\tfemale\t30
EB0_anger_1.wav\tanger\t{QUOTES}\tpowiedział\t   EB0\tfemale\t27
EB0_sadness_2.wav\tanger\tMama ma kota.\tmama ma kota\tEB0\tfemale\t27
"""
SUBSET = """\
utt_id,path,speaker,emotion,text
EB0_happiness_35,wav/EB0/EB0_happiness_35.flac,EB0,happiness,"Aby upiec ciasto, muszę kupić mąkę."
"""


def published(root, content=PUBLISHED):
    (root / "data.tsv").write_text(content, encoding="utf-8")
    return Nemo(root)


def test_padded_speakers_and_single_quotes_of_the_published_table(tmp_path):
    corpus = published(tmp_path)
    first, second = corpus.utterances()
    assert (first.id, first.speaker, first.text, first.sentence) == ("EB0_anger_1", "EB0", QUOTES, "1")
    assert (first.emotion, first.language) == ("angry", "pl")
    assert first.audio == tmp_path / "samples/EB0_anger_1.wav"
    assert (second.id, second.emotion) == ("KD0_fear_2", "fearful")


def test_a_label_that_contradicts_the_id_is_dropped_by_name(tmp_path):
    corpus = published(tmp_path)
    corpus.utterances()
    assert corpus.dropped == {"EB0_sadness_2": "id/label mismatch: labelled EB0 anger"}


def test_a_metadata_csv_with_quoted_commas(tmp_path):
    (tmp_path / "metadata.csv").write_text(SUBSET, encoding="utf-8")
    (utterance,) = Nemo(tmp_path).utterances()
    assert utterance.text == "Aby upiec ciasto, muszę kupić mąkę."
    assert (utterance.emotion, utterance.audio) == ("happy", tmp_path / "wav/EB0/EB0_happiness_35.flac")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file_id\temotion\n", r"data.tsv:1: the header .* lacks speaker_id, raw_text"),
        (PUBLISHED + "EB0_anger_3.wav\tanger\n", r"data.tsv:5: 2 values, but the header names 7"),
    ],
)
def test_a_table_that_cannot_be_read_names_the_line(tmp_path, content, message):
    with pytest.raises(UserError, match=message):
        published(tmp_path, content).utterances()


def test_a_corpus_that_is_not_there_says_where_to_set_it(tmp_path):
    with pytest.raises(UserError, match=r"not set: set NEMO in db.sh"):
        Nemo()
    with pytest.raises(UserError, match="none is no directory"):
        Nemo(tmp_path / "none")
    with pytest.raises(UserError, match=r"metadata.csv is missing"):
        Nemo(tmp_path).utterances()


def test_the_real_recordings(tmp_path):
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is absent (REAL_SPEECH names the directory above it)")
    corpus = Nemo(REAL)
    sets = prepare_data({"nemo": corpus}, tmp_path / "data")
    sentences = {name: {u.sentence for u in group} for name, group in sets.items()}
    assert {name: len(group) for name, group in sentences.items()} == {"train": 36, "dev": 3, "test": 6}
    assert Counter({name: len(group) for name, group in sets.items()}) == {"train": 1294, "dev": 108, "test": 216}
    phones = corpus.units(corpus.utterances())
    seen = frozenset().union(*(phones[sentence] for sentence in sentences["train"]))
    assert all(phones[sentence] <= seen for sentence in sentences["dev"] | sentences["test"])
    assert set(read_table(tmp_path / "data/train/utt2emo").values()) == {u.emotion for u in sets["test"]}
