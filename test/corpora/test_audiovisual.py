"""Traps of corpora that were filmed."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from corpus_layouts import LAYOUTS, MELD_HEADER, film
from face_media import write_video

from espnet_mtl.data.kaldi import read_table
from espnet_mtl.data.prepare import prepare_data
from espnet_mtl.errors import UserError
from espnet_mtl.labels import parse_mixture
from espnet_mtl.registry import CORPORA
from espnet_mtl.system.imports import extras


def read(name, root, **settings):
    """The corpus and its utterances by id."""
    if not root.is_dir():
        LAYOUTS[name](root)
    corpus = CORPORA.load(name)(root=root, **settings)
    return corpus, {utterance.id: utterance for utterance in corpus.utterances()}


def test_ravdess_joins_recordings_and_videos_by_their_names(tmp_path, capsys):
    corpus, utterances = read("ravdess", tmp_path / "c")
    one = utterances["Actor_01_01-03-01-02-01"]
    assert (one.speaker, one.emotion, one.intensity, one.gender) == ("Actor_01", "happy", "normal", "m")
    assert (one.text, one.sentence, one.language) == ("Dogs are sitting by the door.", "02", "en-us")
    assert one.audio.name == "03-01-03-01-02-01-01.wav"
    assert one.visual.name == "01-01-03-01-02-01-01.mp4"
    silent, unheard = utterances["Actor_01_01-04-01-01-01"], utterances["Actor_01_01-05-02-01-02"]
    assert (silent.audio.name, silent.visual.name) == ("03-01-04-01-01-01-01.wav", "02-01-04-01-01-01-01.mp4")
    assert (unheard.audio, unheard.visual.name) == (None, "01-01-05-02-01-02-01.mp4")
    assert (unheard.emotion, unheard.intensity) == ("angry", "strong")
    assert utterances["Actor_02_01-01-01-02-01"].gender == "f"
    assert utterances["Actor_02_01-01-01-02-01"].visual is None
    assert {u.emotion for u in utterances.values()} == {
        *("neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
    }
    assert corpus.dropped == {
        "notes": "name is not <modality>-<channel>-<emotion>-<intensity>-<statement>-<repetition>-<actor>, such as "
        "03-01-06-01-02-01-12",
        "Actor_01_01-06-02-01-02": "no sound: 02-01-06-02-01-02-01.mp4 is silent, and there is no recording",
    }
    assert "songs are not read: 1 files" in capsys.readouterr().err


def test_ravdess_takes_the_sound_of_a_video_and_splits_by_speaker(tmp_path):
    corpus, _ = read("ravdess", tmp_path / "c", dev=1, test=1)
    sets = prepare_data({"ravdess": corpus}, tmp_path / "data", max_dropped=0.1)
    speakers = [{utterance.speaker for utterance in group} for group in sets.values()]
    assert [len(names) for names in speakers] == [2, 1, 1]
    assert len(set().union(*speakers)) == 4
    wavs, seen = {}, {}
    for name in sets:
        wavs |= read_table(tmp_path / f"data/{name}/wav.scp")
        if (tmp_path / f"data/{name}/visual.scp").is_file():
            seen |= read_table(tmp_path / f"data/{name}/visual.scp")
    assert soundfile.info(wavs["Actor_01_01-05-02-01-02"]).duration == pytest.approx(0.4, abs=0.1)
    assert wavs["Actor_01_01-03-01-02-01"].endswith("03-01-03-01-02-01-01.wav")
    assert set(seen) == {f"Actor_01_{rest}" for rest in ("01-03-01-02-01", "01-04-01-01-01", "01-05-02-01-02")}


def test_meld_texts_names_and_order(tmp_path):
    corpus, utterances = read("meld", tmp_path / "c")
    one = utterances["Dr._Geller_train_dia0000_utt0000"]
    assert (one.speaker, one.text, one.emotion) == ("Dr._Geller", 'I’m late, he said: "no".', "neutral")
    assert (one.dialogue, one.split, one.language) == ("train_dia0000", "train", "en-us")
    assert one.visual == tmp_path / "c/train/train_splits/dia0_utt0.mp4"
    everybody = utterances["All_train_dia0000_utt0001"]
    assert (everybody.speaker, everybody.emotion) == ("All", "happy")
    assert utterances["All_dev_dia0000_utt0001"].dialogue == "dev_dia0000"
    in_order = [utt for utt, u in utterances.items() if u.dialogue == "train_dia0010"]
    assert [utterances[utt].text for utt in sorted(in_order)] == [f"Line {number}." for number in range(2, 11)]
    assert {u.emotion for u in utterances.values()} == {
        *("neutral", "happy", "sad", "surprised", "disgusted", "angry", "fearful")
    }
    (utt,) = corpus.dropped
    assert utt == "Joey_test_dia0001_utt0001"
    assert corpus.dropped[utt].endswith("test/dia1_utt1.mp4 is missing")
    assert not any("dia0099" in utt for utt in utterances)


def test_meld_keeps_its_sets_and_takes_the_sound_of_its_videos(tmp_path):
    corpus, utterances = read("meld", tmp_path / "c")
    sets = prepare_data({"meld": corpus}, tmp_path / "data", max_dropped=0.1)
    for name, group in sets.items():
        assert {u.id for u in group} == {u.id for u in utterances.values() if u.split == name}
        wavs = read_table(tmp_path / f"data/{name}/wav.scp")
        assert set(wavs) == {u.id for u in group}
        assert all(path.startswith(str(tmp_path / f"data/{name}/wav")) for path in wavs.values())
    assert "Mr._Geller_Ross" in read_table(tmp_path / "data/test/utt2spk").values()


def test_a_video_without_usable_sound_is_dropped_with_its_reason(tmp_path):
    LAYOUTS["meld"](tmp_path / "c")
    (tmp_path / "c/train/train_splits/dia10_utt3.mp4").write_bytes(b"\0" * 99)
    film(tmp_path / "c/train/train_splits/dia10_utt4.mp4", seconds=61)
    corpus, utterances = read("meld", tmp_path / "c")
    with pytest.raises(UserError, match=r"corpus meld: 3 of 16 utterances cannot be used .*more than 10%"):
        prepare_data({"meld": corpus}, tmp_path / "data", max_dropped=0.1)
    assert [path.name for path in (tmp_path / "data").iterdir() if path.is_dir()] == []
    sets = prepare_data({"meld": corpus}, tmp_path / "data", max_dropped=0.2)
    kept = {u.id for group in sets.values() for u in group}
    assert set(utterances) - kept == {f"Joey_train_dia0010_utt000{number}" for number in (3, 4)}
    report = (tmp_path / "data/report.txt").read_text()
    assert "dropped: 3 (1 no video, 1 too long, 1 unreadable)" in report
    assert "train: 9 utterances" in report


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,Hey!,Joey,joyful,x,0,0,1,1,,", r"dev_sent_emo.csv:2: unknown Emotion 'joyful': .*did you mean joy"),
        ("1,Hey!,Joey,joy,x,0,first,1,1,,", r"dev_sent_emo.csv:2: Utterance_ID 'first': expected a whole number"),
        (
            "1,Hey!,Joey,joy,x,1234567890,0,1,1,,",
            r"dev_sent_emo.csv:2: Dialogue_ID '1234567890': .*of 9 digits at most",
        ),
        (
            f"1,Hey!,Joey,joy,x,{'7' * 5000},0,1,1,,",
            r"dev_sent_emo.csv:2: Dialogue_ID '7{30,}\.\.\.7+': expected a whole",
        ),
        (f"1,Hey!,Joey,joy,x,0,{'7' * 300},1,1,,", r"dev_sent_emo.csv:2: Utterance_ID '7+\.\.\.7+': expected a whole"),
        ("1,Hey!,##,joy,x,0,0,1,1,,", r"dev_sent_emo.csv:2: Speaker '##': expected a name"),
    ],
)
def test_a_line_of_meld_that_is_none_is_named(tmp_path, line, message):
    LAYOUTS["meld"](tmp_path / "c")
    (tmp_path / "c/dev_sent_emo.csv").write_text(f"{MELD_HEADER}\n{line}\n")
    with pytest.raises(UserError, match=message):
        read("meld", tmp_path / "c")


def test_iemocap_takes_the_markers_of_the_one_who_wears_them(tmp_path):
    _, utterances = read("iemocap", tmp_path / "c")
    seen = {utt for utt, utterance in utterances.items() if utterance.visual}
    assert seen == {utt for utt in utterances if utt[5] == "F"}
    one = utterances["Ses02F_Ses02F_impro01_F002"]
    assert one.visual == tmp_path / "c/Session2/sentences/MOCAP_rotated/Ses02F_impro01/Ses02F_impro01_F002.txt"


def test_crema_d_levels_and_what_raters_said(tmp_path):
    _, utterances = read("crema_d", tmp_path / "c")
    assert {utterances[f"1091_DFA_{name}"].intensity for name in ("DIS_LO", "FEA_MD", "HAP_HI")} == {
        *("low", "medium", "high")
    }
    assert {utterances[name].intensity for name in ("1091_DFA_NEU_XX", "1040_ITH_SAD_X")} == {None}
    one, tie = utterances["1001_IEO_ANG_XX"], utterances["1040_IEO_SAD_X"]
    assert (one.emotion, one.emotion_voice, one.emotion_face) == ("angry", "neutral", "angry:0.5,disgusted:0.5")
    assert parse_mixture(tie.emotion_voice) == pytest.approx(dict.fromkeys(("angry", "disgusted", "neutral"), 1 / 3))
    assert tie.emotion_face is None
    assert utterances["1001_TIE_ANG_XX"].emotion_voice is None


@pytest.mark.parametrize("vote", ["X", "A:", "A:A", "a"])
def test_a_vote_of_crema_d_that_is_none_is_named(tmp_path, vote):
    LAYOUTS["crema_d"](tmp_path / "c")
    table = tmp_path / "c/processedResults/summaryTable.csv"
    table.write_text(table.read_text().replace('"A:D:N"', f'"{vote}"'))
    with pytest.raises(UserError, match=r"summaryTable.csv:3: VoiceVote '.*': expected a letter, or different ones"):
        read("crema_d", tmp_path / "c")


def test_a_recording_of_crema_d_with_two_lines_is_named(tmp_path):
    LAYOUTS["crema_d"](tmp_path / "c")
    table = tmp_path / "c/processedResults/summaryTable.csv"
    table.write_text(table.read_text() + '"3","1001_IEO_ANG_XX","H","69.1","H","68.75","A","64.78"\n')
    with pytest.raises(UserError, match=r"summaryTable.csv:4: FileName '1001_IEO_ANG_XX' is that of line 2, too"):
        read("crema_d", tmp_path / "c")


def test_a_set_of_meld_whose_videos_are_all_silent_is_told(tmp_path):
    LAYOUTS["meld"](tmp_path / "c")
    for video in (tmp_path / "c/dev_splits_complete").iterdir():
        write_video(video, [np.full((48, 64), 90, np.uint8)] * 5)
    corpus, _ = read("meld", tmp_path / "c")
    message = (
        r"no utterance is left for dev: .*; corpus meld: 3 of 16 .*_dev_dia0000_utt0001: no sound: .*dropped.txt\)$"
    )
    with pytest.raises(UserError, match=message):
        prepare_data({"meld": corpus}, tmp_path / "data", max_dropped=1.0)
    assert [path.name for path in (tmp_path / "data").iterdir() if not path.name.startswith(".")] == ["dropped.txt"]


@pytest.mark.parametrize("name", ["meld", "ravdess"])
def test_a_missing_pyav_is_told_before_any_work(tmp_path, monkeypatch, name):
    LAYOUTS[name](tmp_path / "c")
    monkeypatch.setattr(extras, "is_installed", lambda package: False)
    with pytest.raises(UserError, match=r"av is not installed: pip install 'espnet_mtl\[visual\]'"):
        read(name, tmp_path / "c")
