"""What can be wrong with the command line of `synthesize` is one line, before a model is loaded."""

import sys

import pytest
import yaml

from espnet_mtl.bin import synthesize
from espnet_mtl.errors import UserError

SPEEDS = "expected a number from 0.1 to 10"
INTENSITIES = "expected a number from -10 to 10"
COUNTS = "expected a whole number of at least 1"
FORMATS = "expected a name that ends in one of .wav, .flac, .ogg, .opus, .mp3"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        *((["--rate", value], f"--rate/--speed: {SPEEDS}, got {value}") for value in ("nan", "inf", "-1.0", "10.5")),
        (["--speed", "fast"], f"--rate/--speed: {SPEEDS}, got 'fast'"),
        (["--pitch", "-25.0"], "--pitch: expected a number from -24 to 24, got -25.0"),
        (["--pitch_range", "6.0"], "--pitch_range: expected a number from 0 to 5, got 6.0"),
        (["--energy", "21.0"], "--energy: expected a number from -60 to 20, got 21.0"),
        (["--pause", "nan"], "--pause: expected a number from 0 to 10, got nan"),
        *(
            (["--intensity", value], f"--intensity: {INTENSITIES}, got {value}")
            for value in ("nan", "inf", "10.5", "1e+39")
        ),
        *((["--max_tokens", value], f"--max_tokens: {COUNTS}, got {value}") for value in ("0", "-5")),
        *((["--max_tokens", value], f"--max_tokens: {COUNTS}, got '{value}'") for value in ("1.5", "nan")),
        *(
            (["--output", name], f"--output: {name}: {FORMATS}")
            for name in ("a", "a.", ".wav", "a.m4a", "a.txt", "a.raw")
        ),
        (["--output", "."], "--output: . is a directory: name a file"),
        (["--output", "/dev/null"], "--output: /dev/null is no file, but a device or a pipe"),
        (["--model", "none.zip"], "no model at none.zip"),
        (["--output", f"{__file__}/there/a.wav"], f"--output: {__file__}/there/a.wav: {__file__} is a file"),
        (["--output", f"{'a' * 300}.wav"], f"--output: {'a' * 40}…: File name too long"),
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
    with pytest.raises(UserError, match=f"--output: .*there/a.wav: {tmp_path} may not be written to"):
        synthesize.main(["--model", "model.zip", "--text", "Good morning.", "--output", str(tmp_path / "there/a.wav")])


def test_output_that_is_a_directory(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(UserError, match=r"--output: .*a.wav is a directory: name a file"):
        synthesize.main(["--model", "model.zip", "--text", "Good morning.", "--output", str(tmp_path / "a.wav")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--language", "pl"], "unknown language 'pl': Valid: de, en-us"),
        (["--language", ""], "language: expected espeak's name of a language, such as 'en-us', got ''"),
        (["--max_tokens", "3"], "'morning.': 5 tokens, but 3 are the most"),
        (["--emotion", "sad:0.3,neutral"], "label 'sad:0.3,neutral': 'neutral' has no weight"),
        (["--emotion", "sad:0.3,sad:0.7"], "label 'sad:0.3,sad:0.7': 'sad' comes twice"),
        (["--speaker", "f9"], "unknown speaker 'f9': Valid: f1, m1"),
    ],
)
def test_mistakes_that_the_model_finds(options, message, make_tts, monkeypatch, capsys, tmp_path):
    make_tts(languages=["de", "en-us"])
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")
    given = ["--model", str(tmp_path), "--text", "Good morning.", "--output", str(tmp_path / "a.wav")]
    monkeypatch.setattr(sys, "argv", ["synthesize", *given, *options])
    with pytest.raises(SystemExit) as stopped:
        synthesize.cli()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {message}")
    assert not (tmp_path / "a.wav").exists()


def test_a_language_that_a_model_of_one_does_not_speak(make_tts, tmp_path):
    make_tts(languages=["de"])
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")
    given = ["--model", str(tmp_path), "--text", "Good morning.", "--output", str(tmp_path / "a.wav")]
    with pytest.raises(UserError, match="unknown language 'en-us': Valid: de"):
        synthesize.main([*given, "--language", "en-us"])
    assert not (tmp_path / "a.wav").exists()
    synthesize.main([*given, "--language", "de"])
    assert (tmp_path / "a.wav").exists()


def test_it_speaks(make_tts, tmp_path):
    import soundfile

    make_tts()
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")
    given = ["--model", str(tmp_path), "--text", "Good morning.", "--output", str(tmp_path / "there/a.wav")]
    synthesize.main([*given, "--emotion", "sad:0.3,neutral:0.7", "--intensity", "0.5", "--speed", "2"])
    wav, fs = soundfile.read(tmp_path / "there/a.wav")
    assert fs == 16000
    slow = tmp_path / "slow.wav"
    options = ["--rate", "0.5", "--energy", "-6", "--pitch", "-2", "--pitch_range", "1.5", "--pause", "0.1"]
    reference = tmp_path / "reference.wav"
    soundfile.write(reference, 0.1 * wav / abs(wav).max(), fs)
    synthesize.main([*given[:-1], str(slow), "--reference", str(reference), *options])
    assert len(soundfile.read(slow)[0]) == pytest.approx(4 * len(wav), rel=0.1)


@pytest.mark.parametrize(
    ("name", "format_name"),
    [("a.mp3", "MP3"), ("a.OGG", "OGG"), ("a.opus", "OGG"), ("a.flac", "FLAC"), ("a b.aiff", "AIFF")],
)
def test_the_suffix_decides_the_format(make_tts, tmp_path, name, format_name):
    import soundfile

    make_tts()
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")
    synthesize.main(["--model", str(tmp_path), "--text", "Good morning.", "--output", str(tmp_path / name)])
    with soundfile.SoundFile(tmp_path / name) as file:
        assert (file.format, file.samplerate) == (format_name, 16000)
        assert len(file) > 1000


def test_a_rate_that_the_format_does_not_take(make_tts, make_args, tmp_path, monkeypatch):
    from espnet_mtl.inference import text2speech

    make_tts()
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")
    config = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    config["feats_extract_conf"]["fs"] = 22050
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    monkeypatch.setattr(text2speech, "Text2Speech", lambda **options: pytest.fail("the model was loaded"))
    with pytest.raises(UserError, match=r"--output .*a.opus: .opus takes no sound of 22050 Hz: choose .wav or .flac"):
        synthesize.main(["--model", str(tmp_path), "--text", "Hi.", "--output", str(tmp_path / "a.opus")])
