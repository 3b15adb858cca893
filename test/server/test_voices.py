"""Names of voices."""

import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.server.routes.openai import emotion_in
from espnet_mtl.server.voices import read_voice, voice_names

SPEAKERS, EMOTIONS = ["f2", "m1", "anna-maria", "a(b)", "f2-sad"], ["happy", "sad", "very-sad", "über"]


@pytest.mark.parametrize(
    ("voice", "speaker", "emotion"),
    [
        ("f2", "f2", None),
        ("f2-happy", "f2", "happy"),
        ("f2-sad", "f2-sad", None),
        ("f2-sad-sad", "f2-sad", "sad"),
        ("m1-very-sad", "m1", "very-sad"),
        ("anna-maria-über", "anna-maria", "über"),
        ("anna-maria-u\u0308ber", "anna-maria", "über"),
        ("a(b)", "a(b)", None),
        ("f2(.7)+m1(.3)", {"f2": 0.7, "m1": 0.3}, None),
        ("f2(2)+m1", {"f2": 2.0, "m1": 1.0}, None),
        ("f2+m1-very-sad", {"f2": 1.0, "m1": 1.0}, "very-sad"),
        ("default", None, None),
        ("default-happy", None, "happy"),
    ],
)
def test_what_voices_mean(voice, speaker, emotion):
    assert read_voice(voice, SPEAKERS, EMOTIONS) == (speaker, emotion)


@pytest.mark.parametrize(
    "voice", ["", "-", "alloy", "f2-angry", "f2-happy-sad", "happy", "f2+", "+", "f2()", "(1)", "F2"]
)
def test_what_is_no_voice(voice):
    with pytest.raises(UserError, match=r"^(unknown voice|voice: expected)"):
        read_voice(voice, SPEAKERS, EMOTIONS)


def test_a_model_without_names():
    assert voice_names([], []) == ["default"]
    assert read_voice("default", [], []) == (None, None)
    with pytest.raises(UserError, match="unknown voice 'f1': Valid: default"):
        read_voice("f1", [], [])


def test_every_voice_that_is_listed_is_read():
    names = voice_names(SPEAKERS[:4], EMOTIONS)
    assert len(names) == 4 * 5
    assert {read_voice(name, SPEAKERS[:4], EMOTIONS) for name in names} == {
        (speaker, emotion) for speaker in SPEAKERS[:4] for emotion in (None, *EMOTIONS)
    }


def test_emotions_in_instructions():
    assert emotion_in("Very HAPPY!", EMOTIONS) == "happy"
    assert emotion_in("unhappy", EMOTIONS) is None
    assert emotion_in("happy or sad", EMOTIONS) is None
