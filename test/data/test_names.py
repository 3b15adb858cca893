"""Names of any characters through stages 1 to 4: one class for a name in any form, or refused by its line."""

import csv
import unicodedata

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espnet_mtl.corpora.base import Corpus, Utterance
from espnet_mtl.corpora.split import SplitPolicy
from espnet_mtl.data.audio import prepare_audio
from espnet_mtl.data.kaldi import read_labels, read_table, write_table
from espnet_mtl.data.options import AudioConf
from espnet_mtl.data.prepare import prepare_data
from espnet_mtl.data.stats import write_tables
from espnet_mtl.data.utterances import FROM_ALIGNER, read_utterances
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CLASS_LABELS
from espnet_mtl.registry import CORPORA
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.text.tokens import Tokenizer
from espnet_mtl.training.dataset import TrainPaths

SETS = ("train", "dev", "test")
CONF = AudioConf(trim_db=None)
FIXTURES_KEPT = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
NASTY = [
    "Smith, Ann",
    "spk:1",
    "a/b\\c",
    "..",
    "-rf",
    "--help",
    "<script>&'\"",
    "$x^2$",
    "=1+1",
    "名" * 90,
    "_a",
    "a\u200bb",
]
rng = np.random.default_rng(0)


def tone(path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * rng.standard_normal(8000), 8000)


def write_metadata(root, rows, columns=("path", "text", "speaker", "emotion", "split")) -> None:
    with (root / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


def stages_1_to_4(root):
    """Runs the stages on `metadata.csv` without features; returns the directory of the tables."""
    corpus = CORPORA.load("csv")(root=root)
    prepare_data({"csv": corpus}, root / "data", max_dropped=0.5)
    prepare_audio(root / "data", root / "dump/raw", 8000, CONF)
    for name in SETS:
        lines = read_utterances(root / "dump/raw" / name, Tokenizer("phn"), FROM_ALIGNER)
        write_table(root / "dump/raw" / name / "phones", {one.utt: one.line for one in lines})
    write_tables(root / "dump/raw", root / "dump/tables")
    return root / "dump/tables"


def names_of(tables, name):
    return (tables / f"{name}.txt").read_text(encoding="utf-8").split("\n")[:-1]


@pytest.mark.parametrize("speaker", NASTY)
def test_a_speaker_of_any_name_is_one_class(tmp_path, speaker):
    rows = []
    for number, part in enumerate(SETS):
        tone(tmp_path / f"{number}.wav")
        form = ("NFC", "NFD", "NFC")[number]
        rows.append([f"{number}.wav", f"Line {number}.", unicodedata.normalize(form, f"{speaker}é"), "sad", part])
    write_metadata(tmp_path, rows)
    if len(f"{speaker}é_0".encode()) > 200:
        with pytest.raises(UserError, match=r"metadata.csv:2: the id .* is longer than 200 bytes"):
            stages_1_to_4(tmp_path)
        return
    tables = stages_1_to_4(tmp_path)
    assert names_of(tables, "speakers") == [normal_name(f"{speaker}é")]
    for part in SETS:
        for utt, path in read_table(tmp_path / "dump/raw" / part / "wav.scp").items():
            assert soundfile.info(path).frames, utt
    output = tmp_path / "exp/it"
    paths = TrainPaths(tmp_path / "dump/raw", tmp_path / "dump/token_list", tables, tmp_path / "exp/stats", output)
    paths.label_files.write(["emotion", "speaker"], Tokenizer("phn"))
    line = next(iter(read_table(paths.label_files.file("train", "speaker", "phn")).values()))
    assert CLASS_LABELS["speaker"].read(line, names_of(tables, "speakers")).tolist() == [0]


@pytest.mark.parametrize(("column", "value", "message"), [
    ("speaker", "-", "metadata.csv:4: speaker '-': this means no label, but every utterance has a speaker"),
    ("speaker", "\u200b\ufeff", "metadata.csv:4: speaker .* can be seen"),
    ("id", "\u200b", "metadata.csv:4: .* is no id"),
    ("emotion", "sad:happy", "metadata.csv:4: emotion: label 'sad:happy': 'happy' is not a number"),
])  # fmt: skip
def test_a_name_that_is_none_is_refused_by_its_line(tmp_path, column, value, message):
    rows = [["1.wav", "One.", "ann", "sad", "1"], ["2.wav", "Two.", "ben", "sad", "2"]]
    last = {"speaker": "ann", "emotion": "sad", "id": "3", column: value}
    write_metadata(
        tmp_path,
        [*rows, ["3.wav", "Three.", last["speaker"], last["emotion"], last["id"]]],
        ("path", "text", "speaker", "emotion", "id"),
    )
    with pytest.raises(UserError, match=message):
        CORPORA.load("csv")(root=tmp_path).utterances()


@pytest.mark.parametrize("speaker", ["-", "\u200b"])
def test_every_stage_wants_a_speaker(tmp_path, speaker):
    for part in SETS:
        tone(tmp_path / "a.wav")
        write_table(tmp_path / "data" / part / "wav.scp", {"a": tmp_path / "a.wav"})
        write_table(tmp_path / "data" / part / "text", {"a": "one"})
        write_table(tmp_path / "data" / part / "utt2spk", {"a": speaker})
    with pytest.raises(UserError, match="train/utt2spk:1: utterance a: speaker"):
        prepare_audio(tmp_path / "data", tmp_path / "raw", 8000, CONF)
    with pytest.raises(UserError, match="train/utt2spk:1: utterance a: speaker"):
        write_tables(tmp_path / "data", tmp_path / "tables")


def test_tables_by_hand_in_any_form_of_unicode(tmp_path):
    """Ids, texts and labels of one data directory in three forms."""
    for part in SETS:
        tone(tmp_path / "a.wav")
        data = tmp_path / "data" / part
        write_table(data / "wav.scp", {"mu\u0308/1": tmp_path / "a.wav", "n" * 300: tmp_path / "a.wav"})
        write_table(data / "text", {"mü/1": "Gru\u0308ße.\u200b Ja.", "n" * 300: "\u201cNein\u201d"})
        write_table(data / "utt2spk", {"m\u200bü/1": "Zoe\u0308", "n" * 300: "Zoë\ufeff"})
        write_table(data / "utt2emo", {"mü/1": "fa\u0302ché:0.7,sad:0.3", "n" * 300: "fâche\u0301"})
    prepare_audio(tmp_path / "data", tmp_path / "raw", 8000, CONF)
    write_tables(tmp_path / "raw", tmp_path / "tables")
    assert names_of(tmp_path / "tables", "speakers") == ["Zoë"]
    assert names_of(tmp_path / "tables", "emotions") == ["fâché", "sad"]
    assert set(read_table(tmp_path / "raw/train/utt2spk").values()) == {"Zoë"}
    assert set(read_table(tmp_path / "raw/train/utt2emo").values()) == {"fâché", "fâché:0.7,sad:0.3"}
    texts = read_table(tmp_path / "raw/train/text")
    assert texts == {"mü_1": "Grüße. Ja.", "n" * 300: "“Nein”"}
    assert len(set(read_table(tmp_path / "raw/train/wav.scp").values())) == 2


class Listed(Corpus):
    """Utterances as they are given."""

    def __init__(self, utterances):
        super().__init__()
        self.listed = utterances
        self.policy = SplitPolicy(1, 1, held_out=frozenset({("Zoe\u0308", "f\u00e2che\u0301")}))

    def utterances(self):
        return self.listed


anything = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
name_text = anything | st.sampled_from(NASTY)


@FIXTURES_KEPT
@given(st.lists(st.tuples(name_text, name_text, name_text, anything), min_size=1, max_size=6))
def test_stage_1_takes_names_and_texts_or_says_what_is_wrong(tmp_path, entries):
    audio = tmp_path / "a.wav"
    audio.write_bytes(b"")
    listed = [
        Utterance(f"{number}{utt}", speaker, text, f"s{number}", emotion, "en-us", audio)
        for number, (utt, speaker, emotion, text) in enumerate(entries)
    ]
    usable = [
        Utterance(
            f"ok{number}", "Zo\u200bë", "Fine.", f"ok{number}", "fa\u0302ché", "en-us", tmp_path / f"{number}.wav"
        )
        for number in range(6)
    ]
    for one in usable:
        one.audio.write_text(one.id)
    said = ""
    try:
        prepare_data({"own": Listed([*listed, *usable])}, tmp_path / "data", max_dropped=0.9)
    except UserError as refused:
        said = str(refused)
    if said:
        assert "utterance" in said
        return
    for part in SETS:
        directory = tmp_path / "data" / part
        wavs = read_table(directory / "wav.scp")
        for label in ("speaker", "emotion"):
            assert set(read_labels(directory / CLASS_LABELS[label].file, CLASS_LABELS[label])) == set(wavs)
    assert "fâché" not in read_table(tmp_path / "data/train/utt2emo").values()  # held out in whichever form


def test_what_espeak_cannot_say_is_dropped_by_name(tmp_path):
    texts = ["①", "中文", "😀", "M\ufffdller", "½ cup", "Good morning.", "Good evening.", "Good night.", "Good bye."]
    rows = []
    for number, text in enumerate(texts):
        tone(tmp_path / f"{number}.wav")
        rows.append([f"{number}.wav", text, (*SETS, "train")[number % 4]])
    write_metadata(tmp_path, rows, ("path", "text", "split"))
    corpus = CORPORA.load("csv")(root=tmp_path)
    with pytest.raises(UserError, match="4 of 9 utterances cannot be used"):
        prepare_data({"csv": corpus}, tmp_path / "data")
    prepare_data({"csv": corpus}, tmp_path / "data", max_dropped=0.5)
    report = (tmp_path / "data/report.txt").read_text(encoding="utf-8")
    assert "dropped: 4 (1 damaged text, 1 empty text, 2 unreadable text)" in report
    assert "  speaker_0: unreadable text: espeak's en-us does not read '①'\n" in report
    prepare_data({"csv": corpus}, tmp_path / "data", max_dropped=0.5, token_type="char")
    assert "dropped: 2 (" in (tmp_path / "data/report.txt").read_text(encoding="utf-8")


def test_stage_2_drops_by_name_what_was_written_by_hand(tmp_path):
    for part in SETS:
        for utt in "abc":
            tone(tmp_path / f"{utt}.wav")
        data = tmp_path / "data" / part
        write_table(data / "wav.scp", {utt: tmp_path / f"{utt}.wav" for utt in "abc"})
        write_table(data / "text", {"a": "one", "b": "中文", "c": "二"})
        write_table(data / "utt2spk", dict.fromkeys("abc", "x"))
        write_table(data / "utt2lang", {"c": "cmn"})
    prepare_audio(tmp_path / "data", tmp_path / "raw", 8000, CONF, max_dropped=0.5, language="en-us")
    assert (
        "dropped b: unreadable text: espeak's en-us does not read '中文'" in (tmp_path / "raw/report.txt").read_text()
    )
    assert list(read_table(tmp_path / "raw/train/text")) == ["a", "c"]


@pytest.mark.parametrize("name", ["line\nbreak.wav", "bell\u2028.wav", b"\xff.wav".decode(errors="surrogateescape")])
def test_a_recording_whose_path_no_table_can_hold_is_dropped(tmp_path, name):
    audio = tmp_path / name
    audio.write_bytes(b"x")
    listed = [Utterance("a", "x", "One.", "one", audio=audio)]
    for number in range(4):
        (tmp_path / f"{number}.wav").write_text(f"{number}")
        listed.append(Utterance(f"b{number}", "x", "Two.", f"{number}", audio=tmp_path / f"{number}.wav"))
    prepare_data({"own": Listed(listed)}, tmp_path / "data", max_dropped=0.5)
    assert "  a: recording's path: no table can hold " in (tmp_path / "data/report.txt").read_text(encoding="utf-8")


def test_a_recording_is_found_in_the_form_that_the_disk_has(tmp_path):
    tone(tmp_path / "gru\u0308n.wav")
    write_metadata(tmp_path, [["grün.wav", "One."]], ("path", "text"))
    (utterance,) = CORPORA.load("csv")(root=tmp_path).utterances()
    assert utterance.audio.is_file()
    assert utterance.id == "speaker_grün"


def test_the_report_names_files_of_any_name(tmp_path):
    corpus = Listed([])
    corpus.listed = []
    for number in range(4):
        (tmp_path / f"{number}.wav").write_text(f"{number}")
        corpus.listed.append(Utterance(f"b{number}", "x", "Two.", f"{number}", audio=tmp_path / f"{number}.wav"))
    corpus.dropped = {"a\nb\udcff": "name is not <speaker>", "c": "missing recording: x\u2028y"}
    prepare_data({"own": corpus}, tmp_path / "data", max_dropped=0.5)
    lines = (tmp_path / "data/report.txt").read_text(encoding="utf-8").split("\n")
    assert lines[-3:-1] == ["  a\\nb\\udcff: name is not <speaker>", "  c: missing recording: x\\u2028y"]
