"""What gives the emotion of decoded speech."""

import numpy as np
import pytest

from espnet_mtl.data.kaldi import write_table
from espnet_mtl.errors import UserError
from espnet_mtl.inference.sets.decoding import Request, source_of
from espnet_mtl.inference.sets.style_sources import read_sources

UTTS = ("f1_happy_1", "f1_sad_1", "m1_happy_1", "m1_happy_2", "m1_sad_2")


@pytest.fixture
def dump(tmp_path):
    """Two voices, two emotions, two sentences; all but one have a face."""
    texts = {"1": "one", "2": "two"}
    write_table(tmp_path / "text", {utt: texts[utt[-1]] for utt in UTTS})
    write_table(tmp_path / "utt2spk", {utt: utt[:2] for utt in UTTS})
    write_table(tmp_path / "utt2emo", {utt: utt.split("_")[1] for utt in UTTS})
    write_table(tmp_path / "wav.scp", {utt: f"{utt}.wav" for utt in UTTS})
    write_table(tmp_path / "media.scp", {utt: f"{utt}.png" for utt in UTTS})
    write_table(tmp_path / "visual.scp", {utt: "visual.ark:1" for utt in UTTS if utt != "m1_happy_2"})
    return tmp_path


def request(speaker, emotion, text):
    return Request(f"{speaker}_{emotion}_{text}", text, "x", speaker, emotion)


@pytest.mark.parametrize(
    ("asked", "recording", "face"),
    [
        (("f1", "happy", "one"), "m1_happy_2", "m1_happy_1"),  # the other voice; its other sentence has no face
        (("m1", "sad", "two"), "f1_sad_1", "f1_sad_1"),
    ],
)
def test_it_is_of_the_same_emotion_by_somebody_else(dump, asked, recording, face):
    recordings, faces = read_sources(dump, "recording"), read_sources(dump, "face")
    assert source_of(recordings, request(*asked)) == recording
    assert source_of(faces, request(*asked)) == face
    assert recordings.controls(recording) == {"reference": f"{recording}.wav"}
    assert faces.controls(face) == {"visual": f"{face}.png"}


def test_where_nobody_else_has_it_the_own_ones_do(dump):
    write_table(dump / "visual.scp", {"m1_happy_1": "visual.ark:1"})
    assert source_of(read_sources(dump, "face"), request("m1", "happy", "one")) == "m1_happy_1"


def test_many_are_drawn_from_evenly_and_always_the_same(dump):
    utts = [f"m{number}_happy_1" for number in range(8)]
    for name, value in {"text": "one", "utt2spk": "m", "utt2emo": "happy", "wav.scp": "a.wav"}.items():
        write_table(dump / name, dict.fromkeys(utts, value))
    sources = read_sources(dump, "recording")
    drawn = [sources.of(f"f1_happy_{number}", "two", "f1", "happy") for number in range(200)]
    counts = np.array([drawn.count(utt) for utt in utts])
    assert counts.min() > 10
    assert drawn == [sources.of(f"f1_happy_{number}", "two", "f1", "happy") for number in range(200)]


def test_labels_need_no_source(dump):
    assert read_sources(dump, None) is None
    assert read_sources(dump, "label") is None
    assert source_of(None, request("f1", "happy", "one")) is None
    assert source_of(read_sources(dump, "face"), Request("f1_1", "one", "x", "f1", None)) is None


def test_what_is_missing_is_named(dump):
    with pytest.raises(UserError, match=r"style_from: face: no utterance of .* in angry has a face"):
        source_of(read_sources(dump, "face"), request("f1", "angry", "one"))
    (dump / "visual.scp").unlink()
    with pytest.raises(UserError, match=r"style_from: face: .*visual.scp names no face: train and decode with"):
        read_sources(dump, "face")
