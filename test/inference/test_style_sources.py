"""What gives the emotion of decoded speech."""

import numpy as np
import pytest

from espnet_mtl.config.decode import check_style_from, has_encoder
from espnet_mtl.data.kaldi import write_table
from espnet_mtl.errors import UserError
from espnet_mtl.inference.sets.requests import Request
from espnet_mtl.inference.sets.style_sources import choose_sources

UTTS = ("f1_happy_1", "f1_sad_1", "m1_happy_1", "m1_happy_2", "m1_sad_2")


@pytest.fixture
def dump(tmp_path):
    """Two voices, two emotions, two sentences; all but one have a face."""
    texts = {"1": "One.", "2": "two"}
    write_table(tmp_path / "text", {utt: texts[utt[-1]] for utt in UTTS})
    write_table(tmp_path / "utt2spk", {utt: utt[:2] for utt in UTTS})
    write_table(tmp_path / "utt2emo", {utt: utt.split("_")[1] for utt in UTTS})
    for table, suffix in {"wav.scp": "wav", "media.scp": "png"}.items():
        write_table(tmp_path / table, {utt: tmp_path / f"{utt}.{suffix}" for utt in UTTS})
        for utt in UTTS:
            (tmp_path / f"{utt}.{suffix}").touch()
    write_table(tmp_path / "visual.scp", {utt: "visual.ark:1" for utt in UTTS if utt != "m1_happy_2"})
    return tmp_path


def request(speaker, emotion, text, number=0):
    return Request(f"{speaker}_{emotion}_{text}_{number}", text, "x", speaker, emotion)


def source_of(dump, kind, *asked):
    one = request(*asked)
    _, sources = choose_sources(dump, kind, [one])
    return sources.chosen[one.utt]


@pytest.mark.parametrize(
    ("asked", "recording", "face"),
    [
        (("f1", "happy", "one"), "m1_happy_2", "m1_happy_1"),  # the other voice; its other sentence has no face
        (("m1", "sad", "two"), "f1_sad_1", "f1_sad_1"),
    ],
)
def test_it_is_of_the_same_emotion_by_somebody_else(dump, asked, recording, face):
    assert source_of(dump, "recording", *asked) == recording
    assert source_of(dump, "face", *asked) == face
    one = request(*asked)
    for kind, expected in {
        "recording": {"reference": str(dump / f"{recording}.wav")},
        "face": {"visual": str(dump / f"{face}.png")},
    }.items():
        _, sources = choose_sources(dump, kind, [one])
        assert sources.controls(one.utt) == expected
        assert [str(path) for path in sources.read] == list(expected.values())


def test_where_nobody_else_has_it_another_sentence_goes_before_the_same(dump):
    write_table(dump / "visual.scp", {"m1_happy_1": "visual.ark:1"})
    assert source_of(dump, "face", "m1", "happy", "one") == "m1_happy_1"
    write_table(dump / "visual.scp", dict.fromkeys(("m1_happy_1", "m1_happy_2"), "visual.ark:1"))
    chosen = {source_of(dump, "face", "m1", "happy", "One", number) for number in range(20)}
    assert chosen == {"m1_happy_2"}


def test_many_are_drawn_from_evenly_and_always_the_same(dump):
    utts = [f"m{number}_happy_1" for number in range(8)]
    for name, value in {"text": "one", "utt2spk": "m", "utt2emo": "happy", "wav.scp": dump / "m1_happy_1.wav"}.items():
        write_table(dump / name, dict.fromkeys(utts, value))
    asked = [request("f1", "happy", "two", number) for number in range(200)]
    drawn = [choose_sources(dump, "recording", asked)[1].chosen[one.utt] for one in asked[:3]]
    _, sources = choose_sources(dump, "recording", asked)
    counts = np.array([list(sources.chosen.values()).count(utt) for utt in utts])
    assert counts.min() > 10
    assert drawn == [sources.chosen[one.utt] for one in asked[:3]]


def test_labels_need_no_source(dump):
    asked = [request("f1", "happy", "one")]
    assert choose_sources(dump, None, asked) == (asked, None)
    assert choose_sources(dump, "label", asked) == (asked, None)
    unlabelled = Request("f1_1", "one", "x", "f1", None)
    spoken, sources = choose_sources(dump, "face", [*asked, unlabelled])
    assert spoken == [*asked, unlabelled]
    assert sources.controls("f1_1") == {}


def test_a_soft_label_counts_as_its_heaviest_class_and_names_in_any_form(dump):
    write_table(dump / "utt2emo", {"m1_happy_1": "fa\u0302che\u0301:0.8,sad:0.2", "f1_sad_1": "sad"})
    assert source_of(dump, "face", "f1", "f\u00e2ch\u00e9", "one") == "m1_happy_1"


def test_emotions_that_the_set_lacks_are_left_out(dump, capsys):
    asked = [request("f1", emotion, "one") for emotion in ("happy", "angry")]
    spoken, _ = choose_sources(dump, "face", asked)
    assert spoken == asked[:1]
    assert "no face of" in capsys.readouterr().err
    with pytest.raises(
        UserError, match=r"style_from: face: no utterance of .* with an emotion of the model has a face"
    ):
        choose_sources(dump, "face", asked[1:])


def test_what_is_missing_is_named(dump):
    asked = [request("f1", "happy", "one")]
    (dump / "m1_happy_1.png").unlink()
    with pytest.raises(UserError, match=r"utterance m1_happy_1: .*m1_happy_1.png is not there any more"):
        choose_sources(dump, "face", asked)
    write_table(dump / "text", {"f1_happy_1": "one"})
    with pytest.raises(UserError, match=r"text: no line for f1_sad_1, which is in visual.scp"):
        choose_sources(dump, "face", asked)
    (dump / "visual.scp").unlink()
    with pytest.raises(UserError, match=r"style_from: face: .*visual.scp names no face: train and decode with"):
        choose_sources(dump, "face", asked)


def test_a_face_may_be_in_an_archive(dump):
    (dump / "faces.ark").touch()
    write_table(dump / "media.scp", dict.fromkeys(UTTS, f"{dump}/faces.ark:12"))
    _, sources = choose_sources(dump, "face", [request("f1", "happy", "one")])
    assert sources.read == [dump / "faces.ark"]
    (dump / "faces.ark").unlink()
    with pytest.raises(UserError, match=r"faces.ark:12 is not there any more"):
        choose_sources(dump, "face", [request("f1", "happy", "one")])


def test_a_model_must_have_the_encoder():
    assert has_encoder({}, "reference")
    assert not has_encoder({"style_conf": {"reference": False}}, "reference")
    assert has_encoder({"style_conf": {"visual": {}}}, "visual")
    check_style_from("label", {"style_conf": {"reference": False}}, "m")
    with pytest.raises(UserError, match=r"style_from: face: m has no visual encoder \(style_conf.visual of a training"):
        check_style_from("face", {}, "m")
    with pytest.raises(UserError, match="style_from: recording: m has no reference encoder"):
        check_style_from("recording", {"style_conf": {"reference": False}}, "m")
