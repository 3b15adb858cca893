"""Traps of the published corpora."""

from __future__ import annotations

from collections import Counter

import pytest
from corpus_layouts import LAYOUTS

from espnet_mtl.corpora.base import normalized
from espnet_mtl.data.kaldi import read_table
from espnet_mtl.data.prepare import prepare_data
from espnet_mtl.errors import UserError
from espnet_mtl.registry import CORPORA


def read(name, root, **settings):
    """The corpus and its utterances by id."""
    if not root.is_dir():
        LAYOUTS[name](root)
    corpus = CORPORA.load(name)(root=root, **settings)
    return corpus, {utterance.id: utterance for utterance in corpus.utterances()}


def test_ljspeech_knows_no_quotes_and_no_header(tmp_path):
    _, utterances = read("ljspeech", tmp_path / "c")
    assert len(utterances) == 8
    one = utterances["LJ001-0002"]
    assert (one.text, one.emotion, one.speaker) == ('No. 2 "so', None, "LJ")
    _, named = read("ljspeech", tmp_path / "c", speaker="kathleen", emotion="neutral")
    assert (named["kathleen_LJ001-0002"].speaker, named["kathleen_LJ001-0002"].emotion) == ("kathleen", "neutral")
    (tmp_path / "c/metadata.csv").write_text("LJ001-0001|a|b\nLJ001-0002\n")
    with pytest.raises(UserError, match=r"metadata.csv:2: expected 'id\|text\|normalized text', got 1 values"):
        read("ljspeech", tmp_path / "c")


def test_emodb_reads_names(tmp_path):
    corpus, utterances = read("emodb", tmp_path / "c")
    one = utterances["10a05Wa"]
    assert (one.speaker, one.emotion, one.sentence, one.language) == ("10", "angry", "a05", "de")
    assert one.text.startswith("Das schwarze Blatt Papier")
    heard = {utt[5]: u.emotion for utt, u in utterances.items()}
    assert heard == {
        **{"W": "angry", "L": "bored", "E": "disgusted", "A": "fearful"},
        **{"F": "happy", "T": "sad", "N": "neutral"},
    }
    assert list(corpus.dropped) == ["03a01Xa"]


def test_emodb_takes_the_texts_of_a_cut_copy(tmp_path):
    LAYOUTS["emodb"](tmp_path / "c")
    (tmp_path / "c/metadata.csv").write_text("utt_id,text\n03a01Wa,Der Lappen\n")
    _, utterances = read("emodb", tmp_path / "c")
    assert utterances["03a01Wa"].text == "Der Lappen"
    assert utterances["10a01Wa"].text == "Der Lappen liegt auf dem Eisschrank."
    (tmp_path / "c/metadata.csv").write_text("utt_id,text,speaker,emotion\n03a01Wa,x,03,anger\n10a01Wa,x,10,fear\n")
    corpus, utterances = read("emodb", tmp_path / "c")
    assert utterances["03a01Wa"].emotion == "angry"
    assert corpus.dropped["10a01Wa"] == "id/label mismatch: metadata.csv says 10 fearful"


def test_crema_d_reads_names_also_the_one_with_a_single_x(tmp_path):
    corpus, utterances = read("crema_d", tmp_path / "c")
    one = utterances["1040_ITH_SAD_X"]
    assert (one.speaker, one.emotion, one.text) == ("1040", "sad", "I think I have a doctor's appointment.")
    assert {utterances[f"1091_DFA_{name}"].emotion for name in ("DIS_LO", "FEA_MD", "HAP_HI", "NEU_XX")} == {
        *("disgusted", "fearful", "happy", "neutral")
    }
    assert list(corpus.dropped) == ["1001_ABC_ANG_XX"]


def test_jl_leaves_out_stray_files(tmp_path):
    corpus, utterances = read("jl", tmp_path / "c")
    assert len(utterances) == 20
    assert utterances["male2_angry_10a_1"].text == "Carl leaps into a jeep 10."
    assert corpus.dropped == {
        "female1_angry_10a_1(1)": "name is not <speaker>_<emotion>_<sentence>_<take>",
        "male2_happy_1b_2": "no text: male2_happy_1b_2.txt is not beside it",
    }


def test_esd_in_every_encoding_and_both_layouts(tmp_path):
    corpus, utterances = read("esd", tmp_path / "c")
    assert Counter(u.speaker for u in utterances.values()) == {
        **dict.fromkeys(["0001", "0003", "0012", "0013", "0014", "0015", "0016"], 30),
        "0011": 28,
    }
    assert corpus.dropped == {
        "0011_000001": "id/label mismatch: 0011.txt says Angry",
        "0011_001053": "id/label mismatch: its recording is in Happy",
    }
    assert utterances["0011_000002"].text == ""
    assert utterances["0015_000351"].text == "the nine 1 the eggs, I keep."
    assert utterances["0016_000351"].text == "it’s nine 1 the eggs, I keep."
    english, chinese = utterances["0013_001402"], utterances["0003_000351"]
    assert (english.text, english.emotion, english.language) == ("the nine 2 the eggs, I keep.", "surprised", "en-us")
    assert (chinese.text, chinese.emotion, chinese.language) == ("打远一看，它们的确很是美丽。", "angry", "cmn")
    assert english.sentence == utterances["0012_000002"].sentence != utterances["0003_000002"].sentence
    assert {utterances[f"0012_{n:06d}"].audio.parent.name for n in (1, 2, 3)} == {"train", "test", "evaluation"}
    _, mandarin = read("esd", tmp_path / "c", language="zh")
    assert {u.speaker for u in mandarin.values()} == {"0001", "0003"}


def test_esd_with_chinese_labels(tmp_path):
    LAYOUTS["esd"](tmp_path / "c")
    table = tmp_path / "c/0001/0001.txt"
    table.write_bytes(table.read_bytes().decode("gb18030").replace("Angry", "生气").encode("gb18030"))
    corpus, utterances = read("esd", tmp_path / "c")
    assert utterances["0001_000351"].emotion == "angry"
    table.write_bytes(b"\xff\x81\x00")
    with pytest.raises(UserError, match=r"0001.txt: its text is neither"):
        corpus.utterances()


def test_iemocap_labels_speakers_and_markers(tmp_path):
    corpus, utterances = read("iemocap", tmp_path / "c")
    assert {u.speaker for u in utterances.values()} == {
        f"Ses0{session}{gender}" for session in (1, 2, 3) for gender in "FM"
    }
    one = utterances["Ses02M_Ses02F_script01_1b_M001"]
    assert (one.speaker, one.emotion, one.text) == ("Ses02M", "angry", "I am 1 script01_1b.")
    assert (one.dialogue, one.session, one.vad) == ("script01_1", "2", (2.5, 3.0, 1.5))
    assert Counter(u.emotion for u in utterances.values()) == {
        **dict.fromkeys(["neutral", "angry"], 12),
        **{"happy": 24, None: 24},
    }
    assert utterances["Ses01M_Ses01F_impro01_M005"].text == ""
    assert not any("MXX" in utt for utt in utterances)
    assert corpus.dropped == {}


def test_iemocap_every_label_and_lines_that_are_none(tmp_path):
    LAYOUTS["iemocap"](tmp_path / "c")
    path = tmp_path / "c/Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    for label in ("sur", "fea", "oth", "dis"):
        path.write_text(path.read_text().replace("\tneu\t", f"\t{label}\t"))
        _, utterances = read("iemocap", tmp_path / "c", classes=6)
        assert utterances["Ses01F_Ses01F_impro01_F000"].emotion is None
        path.write_text(path.read_text().replace(f"\t{label}\t", "\tneu\t"))
    path.write_text(path.read_text().replace("Ses01F_impro01_F000\t", "Ses01F_impro01_F000 "))
    corpus, utterances = read("iemocap", tmp_path / "c")
    assert "Ses01F_Ses01F_impro01_F000" not in utterances
    assert list(corpus.dropped) == ["Ses01F_impro01:3"]
    assert corpus.dropped["Ses01F_impro01:3"].startswith("unreadable label line: [0.2901 - 1.2357]")


def test_iemocap_dialogues_whose_first_speaker_is_male(tmp_path):
    LAYOUTS["iemocap"](tmp_path / "c")
    for path in sorted((tmp_path / "c/Session2").rglob("*Ses02F_impro02*"), reverse=True):
        if path.is_file() and path.suffix == ".txt":
            path.write_text(path.read_text().replace("Ses02F_impro02", "Ses02M_impro05a"))
        path.rename(path.with_name(path.name.replace("Ses02F_impro02", "Ses02M_impro05a")))
    _, utterances = read("iemocap", tmp_path / "c")
    one = utterances["Ses02F_Ses02M_impro05a_F000"]
    assert (one.speaker, one.dialogue, one.text) == ("Ses02F", "impro05", "I am 0 impro02.")
    assert utterances["Ses02M_Ses02M_impro05a_M001"].speaker == "Ses02M"


@pytest.mark.parametrize(
    ("settings", "emotions"),
    [
        ({"classes": 6}, {"neutral", "angry", "happy", "excited", "frustrated", None}),
        ({"classes": 6, "merge_excited": True}, {"neutral", "angry", "happy", "frustrated", None}),
        ({"merge_excited": False}, {"neutral", "angry", "happy", None}),
    ],
)
def test_iemocap_sets_of_classes(tmp_path, settings, emotions):
    _, utterances = read("iemocap", tmp_path / "c", **settings)
    assert {u.emotion for u in utterances.values()} == emotions
    excited = utterances["Ses01F_Ses01F_impro01_F002"].emotion
    assert excited == {6: "excited", 4: None}[settings.get("classes", 4)] or settings.get("merge_excited")


@pytest.mark.parametrize("by", ["dialogue", "session", "speaker"])
def test_iemocap_is_split_as_asked(tmp_path, by):
    corpus, _ = read("iemocap", tmp_path / "c", split_by=by, dev=1, test=1)
    sets = prepare_data({"iemocap": corpus}, tmp_path / "data", max_dropped=0.1)
    units = [{getattr(u, by) for u in group} for group in sets.values()]
    assert not units[0] & units[2] | units[0] & units[1] | units[1] & units[2]
    vad = read_table(tmp_path / "data/train/utt2vad")
    assert set(vad) == set(read_table(tmp_path / "data/train/text"))
    assert all(line.split()[:2] == ["2.5", "3.0"] for line in vad.values())


def test_iemocap_with_other_numbers_of_classes(tmp_path):
    with pytest.raises(UserError, match=r"unknown classes of corpus iemocap '5'.*4, 6"):
        read("iemocap", tmp_path, classes=5)


@pytest.mark.parametrize("settings", [{"dev": "x"}, {"test": None}, {"test": 1.5}, {"seed": -1}, {"dev": True}])
def test_a_split_of_nonsense_is_refused(tmp_path, settings):
    LAYOUTS["csv"](tmp_path / "c")
    (name,) = settings
    with pytest.raises(UserError, match=f"{name} of the split: expected a whole number"):
        read("csv", tmp_path / "c", **settings)


@pytest.mark.parametrize("name", ["ljspeech", "jl"])
def test_a_text_in_another_encoding_names_the_file(tmp_path, name):
    LAYOUTS[name](tmp_path / "c")
    path = min([*(tmp_path / "c").rglob("metadata.csv"), *(tmp_path / "c").rglob("*.txt")])
    path.write_bytes("1|a|Grüße".encode("latin-1"))
    with pytest.raises(UserError, match=rf"{path.name}:1: not UTF-8: .*save it as UTF-8"):
        read(name, tmp_path / "c")


def test_one_sentence_however_unicode_composes_it():
    assert normalized("Café, 2!") == normalized("Cafe\u0301 2")


def test_crema_d_finds_the_videos_that_are_there(tmp_path):
    LAYOUTS["crema_d"](tmp_path / "c")
    videos = tmp_path / "c/VideoFlash"
    videos.mkdir()
    (videos / "1001_DFA_ANG_XX.flv").touch()
    _, utterances = read("crema_d", tmp_path / "c")
    seen = {utt: utterance.visual for utt, utterance in utterances.items() if utterance.visual}
    assert seen == {"1001_DFA_ANG_XX": videos / "1001_DFA_ANG_XX.flv"}
