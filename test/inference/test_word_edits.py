"""Words that are said higher, longer or louder than predicted."""

from functools import partial

import numpy as np
import pytest
from tiny_backbones import TINY

from espnet_mtl.errors import UserError
from espnet_mtl.inference.word_edits import WordEdit, edited

TEXT = "Good morning. Good morning, good good morning."


@pytest.fixture
def prosody(tts):
    return tts("Good morning.")["prosody"]


def whole(parts) -> np.ndarray:
    return np.concatenate([part["wav"].numpy() for part in parts])


def test_a_word_is_changed_and_no_other(prosody):
    word = prosody.words[1]
    inside = np.zeros(len(prosody.tokens) + 1, dtype=bool)
    inside[word.first : word.end] = True
    before = prosody.durations.copy(), prosody.pitch.copy(), prosody.gain.copy()
    changed = edited(prosody, [WordEdit(1, pitch=12, stretch=2, gain=-6)])
    np.testing.assert_array_equal(changed.durations, np.where(inside, 2 * before[0], before[0]))
    np.testing.assert_allclose(changed.pitch, np.where(inside, 2 * before[1], before[1]))
    np.testing.assert_array_equal(changed.gain, np.where(inside, -6, 0))
    for kept, was in zip((prosody.durations, prosody.pitch, prosody.gain), before, strict=True):
        np.testing.assert_array_equal(kept, was)


def test_edits_of_one_word_add_up(prosody):
    twice = edited(prosody, [WordEdit(0, pitch=2, gain=1), WordEdit(0, pitch=1, gain=2)])
    once = edited(prosody, [WordEdit(0, pitch=3, gain=3)])
    np.testing.assert_allclose(twice.pitch, once.pitch)
    np.testing.assert_array_equal(twice.gain, once.gain)


def test_no_token_that_was_said_is_lost(prosody):
    prosody.durations[:2] = 1, 0
    changed = edited(prosody, [WordEdit(0, stretch=0.1)])
    assert changed.durations[:2].tolist() == [1, 0]


def test_a_text_of_several_sentences(tts):
    edits = [WordEdit(1, sentence=1, pitch=4, stretch=1.5)]
    plain, other = list(tts.stream(TEXT)), list(tts.stream(TEXT, edits=edits))
    np.testing.assert_array_equal(plain[0]["wav"], other[0]["wav"])
    said = tts.say(edited(plain[1]["prosody"], edits))["prosody"]
    np.testing.assert_array_equal(other[1]["prosody"].durations, said.durations)
    assert len(other[1]["wav"]) > len(plain[1]["wav"])
    assert other[1]["start"] == plain[1]["start"]


def test_edits_go_with_controls_and_markup(tts):
    markup = "<speak><break time='1s'/><prosody rate='slow'>Good</prosody> morning.</speak>"
    stream = partial(tts.stream, markup, emotion="sad", energy=-20)
    (plain,) = stream()
    (louder,) = stream(edits=[WordEdit(0, gain=6)])
    assert plain["before"] == louder["before"] == 1
    before, after = plain["wav"].numpy(), louder["wav"].numpy()
    assert len(before) == len(after)
    assert 1.5 < np.abs(after).max() / np.abs(before).max() < 2.1


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (WordEdit(5), r"sentence 0 has 2 words, from 0; there is no word 5"),
        (WordEdit(0, sentence=3), r"the text has 2 sentences, from 0; there is no sentence 3"),
        (WordEdit(0, gain=20, sentence=1), r"prosody.gain: expected -60 to 20 dB"),
    ],
)
def test_what_cannot_be_edited_is_told(tts, edit, message):
    with pytest.raises(UserError, match=message):
        whole(tts.stream("Good morning. Good.", energy=10, edits=[edit]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"word": -1}, "edits: word: expected a whole number of at least 0"),
        ({"word": 0, "sentence": 0.5}, "edits: sentence"),
        ({"word": 0, "pitch": 25}, "edits: pitch: expected a number from -24 to 24"),
        ({"word": 0, "stretch": 0}, "edits: stretch: expected a number from 0.1 to 10"),
        ({"word": 0, "gain": np.nan}, "edits: gain"),
    ],
)
def test_numbers_that_no_edit_can_have(given, message):
    with pytest.raises(UserError, match=message):
        WordEdit(**given)


def test_a_model_that_takes_no_prosody(make_tts):
    tts = make_tts(tts="tacotron2", tts_conf=TINY["tacotron2"])
    with pytest.raises(UserError, match="prosody: tacotron2 predicts neither durations nor pitch"):
        tts.stream("Good morning.", edits=[WordEdit(0, gain=3)])


def test_a_prosody_without_pitch(prosody):
    prosody.pitch = None
    assert edited(prosody, [WordEdit(0, gain=1)]).pitch is None
    with pytest.raises(UserError, match="edits: pitch: this model predicts none"):
        edited(prosody, [WordEdit(0, pitch=1)])


@pytest.mark.parametrize(
    ("edit", "word"), [(WordEdit(9, sentence=1), "word 9"), (WordEdit(0, sentence=2), "sentence 2")]
)
def test_a_word_that_there_is_not_is_told_before_anything_is_said(tts, edit, word):
    with pytest.raises(UserError, match=f"there is no {word}"):
        tts.stream("Good morning. Good.", edits=[edit])


@pytest.mark.parametrize("edits", [None, 5, False, "abc", [None], [{"word": 1}], WordEdit(0), [WordEdit], b"ab"])
def test_what_is_no_list_of_edits(tts, edits):
    with pytest.raises(UserError, match="edits: expected a list of WordEdit, got "):
        tts.stream("Good morning.", edits=edits)
