"""Texts of any length, sentence by sentence."""

import numpy as np
import pytest
import soundfile
import torch

from espnet_mtl.bin import synthesize
from espnet_mtl.errors import UserError
from espnet_mtl.inference.reading import fade_factors
from espnet_mtl.inference.request.sources import EmotionSources
from espnet_mtl.text.sentences import PARAGRAPH_PAUSE, SENTENCE_PAUSE

TEXT = "Good morning. Good good morning!\n\n* * *\n\nMorning."


def test_sentences_one_behind_the_other(tts):
    parts = list(tts.stream(TEXT, speaker="m1", emotion="sad", rate=1.2, pitch=2))
    assert [part["text"] for part in parts] == ["Good morning.", "Good good morning!", "Morning."]
    start = 0.0
    for part, pause in zip(parts, (SENTENCE_PAUSE, PARAGRAPH_PAUSE, 0.0), strict=True):
        alone = tts(part["text"], speaker="m1", emotion="sad", rate=1.2, pitch=2)["wav"]
        silence = round(pause * tts.fs)
        assert len(part["wav"]) == len(alone) + silence
        assert not part["wav"][len(alone) :].any()
        inner = slice(200, len(alone) - 200)
        assert torch.equal(part["wav"][inner], alone[inner])
        assert part["start"] == pytest.approx(start)
        start += len(part["wav"]) / tts.fs


def test_a_longer_sentence_is_said_in_parts(make_tts):
    tts = make_tts(options={"max_tokens": 8})
    parts = [part["text"] for part in tts.stream("Good morning, good morning, good good morning.")]
    assert parts == ["Good morning,", "good morning,", "good good", "morning."]
    slow = [part["text"] for part in tts.stream("Good morning.", rate=0.65)]
    assert slow == ["Good", "morning."]


def test_nothing_clicks():
    """A part begins and ends at zero."""
    factors = fade_factors(1000, 16000)
    assert factors[0] == factors[999] == 0
    assert (factors[64:936] == 1).all()
    assert np.abs(np.diff(factors)).max() < 0.02
    assert len(fade_factors(1, 16000)) == 1


def test_a_reference_is_read_once(tts, tmp_path, monkeypatch):
    calls = []
    weights = np.array([0.2, 0.3, 0.5])
    monkeypatch.setattr(EmotionSources, "weights", lambda *given: calls.append(given) or weights)
    parts = list(tts.stream("Good morning. Good morning.", reference="a.wav"))
    assert len(calls) == 1
    expected = tts("Good morning.", emotion={"happy": 0.2, "neutral": 0.3, "sad": 0.5})["wav"]
    torch.testing.assert_close(parts[1]["wav"][200:-200], expected[200:-200])


@pytest.mark.parametrize(
    ("text", "controls", "message"),
    [
        ("", {}, "there is nothing to say"),
        ("…\n\n* * *", {}, "there is nothing to say"),
        (["Good"], {}, "text: expected a string, got list"),
        ("Good \udcff", {}, "is no character"),
        ("Good.", {"speaker": "m9"}, "unknown speaker 'm9'"),
        ("Good.", {"language": "xx"}, "unknown language 'xx'"),
        ("Good.", {"pitch": [1.0]}, "pitch: a text of several sentences takes one number"),
        ("Good.", {"pitsch": 1}, "unknown control 'pitsch'"),
    ],
)
def test_mistakes_are_told_at_once(tts, text, controls, message):
    with pytest.raises(ValueError, match=message):
        tts.stream(text, **controls)


def test_an_error_names_the_sentence(make_tts):
    tts = make_tts(options={"max_tokens": 3})
    parts = tts.stream("Good. Morning.")
    assert next(parts)["text"] == "Good."
    with pytest.raises(UserError, match=r"'Morning\.': 5 tokens, but 3 are the most"):
        next(parts)
    with pytest.raises(UserError, match=r"'Morning\.': 5 tokens, but 3 are the most"):
        tts.stream("Morning. Good.")


def test_the_first_sound_waits_for_no_other(tts, monkeypatch):
    """Of a long text, only the beginning is read before it is said."""
    read = []
    original = tts.reader.tokenizer.line
    monkeypatch.setattr(
        tts.reader.tokenizer, "line", lambda text, language: read.append(text) or original(text, language)
    )
    next(tts.stream("Good morning. " * 1000))
    assert len(set(read)) == 1
    assert len(read) < 10


def test_a_sentence_that_begins_like_markup(tts):
    parts = [part["text"] for part in tts.stream("Good.\n\n<speak> good.")]
    assert parts == ["Good.", "<speak> good."]


@pytest.mark.parametrize("rate", [0.19, 0.29, 0.57])
def test_the_most_tokens_slowed_down(make_tts, rate):
    """What fits when it is planned, fits when it is said, however the computer rounds."""
    tts = make_tts("ɐ", options={"max_tokens": 100})
    text = " ".join(["a"] * round(100 * rate))
    (part,) = tts.stream(text, rate=rate)
    assert part["text"] == text


@pytest.fixture
def speak(make_tts, tmp_path):
    """Runs the command with a tiny model; returns the sound."""
    make_tts()
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")

    def run(*options, name="a.wav"):
        synthesize.main(["--model", str(tmp_path), "--output", str(tmp_path / name), *options])
        wave, fs = soundfile.read(tmp_path / name)
        assert fs == 16000
        return wave

    return run


def test_a_file_is_read_out(speak, tmp_path, monkeypatch, capsys):
    (tmp_path / "book.txt").write_text(TEXT, encoding="utf-16")
    wave = speak("--file", str(tmp_path / "book.txt"))
    assert "sentences: 3/3" in capsys.readouterr().err
    np.testing.assert_array_equal(speak("--text", TEXT), wave)
    (tmp_path / "again.txt").write_text(TEXT, encoding="utf-8")
    with (tmp_path / "again.txt").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        np.testing.assert_array_equal(speak("--file", "-"), wave)
    assert len(speak("--text", TEXT, name="a.mp3")) == pytest.approx(len(wave), rel=0.05)


def test_files_that_cannot_be_read_out(speak, tmp_path):
    (tmp_path / "empty.txt").write_text("\n* * *\n")
    (tmp_path / "latin.txt").write_bytes("Grüße".encode("latin-1"))
    for name, message in (
        ("none.txt", "none.txt"),
        ("empty.txt", "empty.txt: there is nothing to say"),
        ("latin.txt", "latin.txt"),
    ):
        with pytest.raises(UserError, match=message):
            speak("--file", str(tmp_path / name))
    assert not (tmp_path / "a.wav").exists()


def test_nothing_is_left_of_a_reading_that_fails(make_tts, speak, tmp_path):
    with pytest.raises(UserError, match="3 are the most"):
        speak("--text", TEXT, "--max_tokens", "3")
    assert not list(tmp_path.glob("*a.wav*"))


def test_closed_streams(speak, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UserError, match="--file -: the standard input is closed"):
        speak("--file", "-")
    monkeypatch.setattr("sys.stderr", None)
    assert len(speak("--text", TEXT))


def test_what_is_too_loud_for_a_file_is_said(speak, caplog):
    speak("--text", "Good morning.", "--energy", "-60")
    assert "full scale" not in caplog.text
    speak("--text", "Good morning.", "--energy", "20")
    assert "dB above full scale: peaks are cut off" in caplog.text


def test_a_sentence_that_cannot_be_read_is_left_out(tts, caplog):
    parts = [part["text"] for part in tts.stream("Good morning. 中文。 Привет. Morning \U0001f600.")]
    assert parts == ["Good morning.", "Morning \U0001f600."]
    assert "does not read П (CYRILLIC CAPITAL LETTER PE)" in caplog.text
    assert "GRINNING FACE" in caplog.text


@pytest.mark.parametrize("text", ["\U0001f600", "Привет. \U0001f600"])
def test_a_text_of_nothing_that_can_be_read(tts, text):
    with pytest.raises(UserError, match=r"there is nothing to say: .*does not read .*GRINNING FACE"):
        tts.stream(text)
    with pytest.raises(UserError, match=r"nothing to speak in the text .*does not read .*GRINNING FACE"):
        tts(text)
