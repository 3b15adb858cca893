"""What can be wrong with the command line of `synthesize` is one line, before a model is loaded."""

import sys

import pytest

from espnet_mtl.bin import synthesize
from espnet_mtl.errors import UserError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--speed", "0"], "--speed must be a number from 0.1 to 10, got 0.0"),
        (["--speed", "nan"], "--speed must be a number from 0.1 to 10, got nan"),
        (["--speed", "1e9"], "--speed must be a number from 0.1 to 10, got 1000000000.0"),
        (["--output", "a.txt"], "--output must end in .wav or .flac, got a.txt"),
        (["--model", "none.zip"], "no model at none.zip"),
        (["--output", f"{__file__}/there/a.wav"], f"--output {__file__}/there/a.wav: {__file__} is a file"),
        (["--output", f"{'a' * 300}.wav"], f"--output {'a' * 40}…: File name too long"),
        (["--text", "\udcff"], r"--text '\udcff': '\udcff' is no character: write it in UTF-8"),
        (["--text", " "], "--text: there is nothing to say"),
    ],
)
def test_mistakes(options, message, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    given = ["--model", "model.zip", "--text", "Good morning.", "--output", "a.wav"]
    monkeypatch.setattr(sys, "argv", ["synthesize", *given, *options])
    with pytest.raises(SystemExit) as stopped:
        synthesize.cli()
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")
    assert list(tmp_path.iterdir()) == []


def test_output_where_no_directory_can_be_made(monkeypatch, tmp_path):
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    with pytest.raises(UserError, match=f"--output .*there/a.wav: {tmp_path} may not be written to"):
        synthesize.main(["--model", "model.zip", "--text", "Good morning.", "--output", str(tmp_path / "there/a.wav")])


def test_output_that_is_a_directory(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(UserError, match=r"--output .*a.wav is a directory: name a file"):
        synthesize.main(["--model", "model.zip", "--text", "Good morning.", "--output", str(tmp_path / "a.wav")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--intensity", "1e39"], "intensity: expected a number from -10 to 10, got 1e+39"),
        (["--emotion", "sad:0.3,neutral"], "label 'sad:0.3,neutral': 'neutral' has no weight"),
        (["--emotion", "sad:0.3,sad:0.7"], "label 'sad:0.3,sad:0.7': 'sad' comes twice"),
        (["--speaker", "f9"], "unknown speaker 'f9': Valid: f1, m1"),
    ],
)
def test_mistakes_that_the_model_finds(options, message, make_tts, monkeypatch, capsys, tmp_path):
    make_tts()
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")
    given = ["--model", str(tmp_path), "--text", "Good morning.", "--output", str(tmp_path / "a.wav")]
    monkeypatch.setattr(sys, "argv", ["synthesize", *given, *options])
    with pytest.raises(SystemExit) as stopped:
        synthesize.cli()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {message}")
    assert not (tmp_path / "a.wav").exists()


def test_it_speaks(make_tts, tmp_path):
    import soundfile

    make_tts()
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")
    given = ["--model", str(tmp_path), "--text", "Good morning.", "--output", str(tmp_path / "there/a.wav")]
    synthesize.main([*given, "--emotion", "sad:0.3,neutral:0.7", "--intensity", "0.5", "--speed", "2"])
    wav, fs = soundfile.read(tmp_path / "there/a.wav")
    assert fs == 16000
    assert len(wav) > 0
