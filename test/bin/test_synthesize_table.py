"""Tables of texts, and the names that a model knows."""

import json
import sys

import numpy as np
import pytest
import soundfile

from espnet_mtl.bin import synthesize
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.controls import Controls
from espnet_mtl.inference.table import read_lines

CSV = """text,output,speaker,emotion,rate,pitch
Good morning.,a.wav,m1,sad,0.5,
"Good, morning!",there/b.flac,,"sad:1,happy:1",,2
<speak>Good <emphasis>morning</emphasis></speak>,,f1,,,
"""


def write(path, content):
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def run(make_tts, tmp_path, monkeypatch):
    """Runs the command with a tiny model, and returns its exit status."""
    make_tts()
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")

    def call(*options):
        monkeypatch.setattr(sys, "argv", ["synthesize", "--model", str(tmp_path), *map(str, options)])
        try:
            synthesize.cli()
        except SystemExit as stopped:
            return stopped.code
        return 0

    return call


def sounds(directory):
    return {path.relative_to(directory).as_posix(): soundfile.read(path)[0] for path in directory.rglob("*.*")}


def test_a_line_is_a_sound(run, tmp_path):
    from espnet_mtl import Text2Speech

    tts = Text2Speech.from_pretrained(tmp_path)
    table = write(tmp_path / "lines.csv", CSV)
    assert run("--table", table, "--output_dir", tmp_path / "out", "--emotion", "happy", "--energy", "-6") == 0
    said = sounds(tmp_path / "out")
    assert set(said) == {"a.wav", "there/b.flac", "4.wav"}
    for name, text, options in (
        ("a.wav", "Good morning.", {"speaker": "m1", "emotion": "sad", "rate": 0.5}),
        ("there/b.flac", "Good, morning!", {"emotion": "sad:1,happy:1", "pitch": 2.0}),
        ("4.wav", "<speak>Good <emphasis>morning</emphasis></speak>", {"speaker": "f1", "emotion": "happy"}),
    ):
        parts = tts.stream(text, **options, energy=-6.0)
        expected = np.concatenate([part["wav"].numpy() for part in parts])
        np.testing.assert_allclose(said[name], expected.clip(-1, 1), atol=1e-4)


def test_the_same_in_json(run, tmp_path):
    rows = [
        {
            "text": "Good morning.",
            "output": "a.wav",
            "speaker": "m1",
            "emotion": {"sad": 1},
            "rate": 0.5,
            "pitch": None,
        },
        {"text": "Good, morning!", "output": "b.wav", "emotion": {"sad": 1, "happy": 1}},
    ]
    table = write(tmp_path / "lines.jsonl", "\n\n".join(map(json.dumps, rows)))
    assert run("--table", table, "--output_dir", tmp_path / "json") == 0
    table = write(tmp_path / "lines.csv", CSV.replace("there/b.flac", "b.wav").replace(",2\n", ",\n"))
    assert run("--table", table, "--output_dir", tmp_path / "csv") == 0
    one, other = sounds(tmp_path / "json"), sounds(tmp_path / "csv")
    for name in ("a.wav", "b.wav"):
        np.testing.assert_array_equal(one[name], other[name])


def test_a_bad_line_stops_no_other(run, tmp_path, capsys):
    rows = [
        "text\temotion\trate",
        "Good\tglad\t",
        "Morning\t\t1",
        "Good\t\tfast",
        "…\t\t",
        "Morning\t\t20",
        "Good\tsad\t",
    ]
    table = write(tmp_path / "lines.tsv", "\n".join(rows))
    assert run("--table", table, "--output_dir", tmp_path / "out") == 1
    assert set(sounds(tmp_path / "out")) == {"3.wav", "7.wav"}
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    for line, message in zip(
        errors,
        (
            ":2: unknown emotion 'glad'",
            ":4: rate: expected a number, got 'fast'",
            ":5: text: there is nothing to say",
            ":6: rate: expected a number from 0.1 to 10, got 20.0",
            "4 of 6 lines were not spoken: ",
        ),
        strict=True,
    ):
        assert message in line


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "text\nGood", "expected a table that ends in one of .csv, .tsv, .jsonl, .ndjson"),
        ("none.csv", None, "none.csv"),
        ("a.csv", "", "a.csv:1: an empty table"),
        ("a.csv", "text\n", "there is no line with a text"),
        ("a.csv", "words\nGood", "a.csv:1: the header 'words' lacks text"),
        ("a.csv", "text,emotoin\nGood,sad", "a.csv:2: unknown column 'emotoin': did you mean emotion"),
        ("a.csv", "text,emotion\n,sad", "a.csv:2: text: expected what to say, got ''"),
        ("a.csv", "text,output\nGood,../a.wav", "a.csv:2: output: expected a name within the output directory"),
        ("a.csv", "text,output\nGood,/tmp/a.wav", "a.csv:2: output: expected a name within"),
        ("a.csv", "text,output\nGood,a.txt", "a.csv:2: output: a.txt: expected a name that ends in one of .wav"),
        ("a.csv", "text,output\nGood,a.wav\nBad,a.wav", "a.csv:3: output a.wav is also that of .*a.csv:2"),
        ("a.csv", "text,output\nGood,3.wav\nBad,", "a.csv:3: output 3.wav is also that of"),
        ("a.jsonl", '{"text": "Good"\n', "a.jsonl:1: no JSON: .*expected"),
        ("a.jsonl", '\n["Good"]\n', "a.jsonl:2: expected an object such as"),
        ("a.jsonl", '{"text": 3}', "a.jsonl:1: text: expected what to say, got 3"),
        ("a.jsonl", "[" * 100000, "a.jsonl:1: no JSON"),
    ],
)
def test_tables_that_cannot_be_read(run, tmp_path, capsys, name, content, message):
    table = tmp_path / name
    if content is not None:
        write(table, content)
    with pytest.raises(UserError, match=message):
        read_lines(table)
    assert run("--table", table, "--output_dir", tmp_path / "out") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_an_emotion_takes_the_place_of_the_reference_for_all(tmp_path):
    table = write(tmp_path / "a.csv", "text,emotion,reference\nGood,sad,\nGood,,b.wav\nGood,,\n")
    controls = [line.controls(Controls(reference="a.wav")) for line in read_lines(table)]
    assert [(one.emotion, one.reference) for one in controls] == [("sad", None), (None, "b.wav"), (None, "a.wav")]


def test_the_names_that_a_model_knows(run, capsys):
    assert run("--list") == 0
    assert capsys.readouterr().out.splitlines() == [
        "speakers: f1, m1",
        "emotions: happy, neutral, sad",
        "languages: en-us",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--text", "a"], "--output: name a sound file"),
        (["--table", "a.csv"], "--output_dir: name the directory"),
        (["--table", "a.csv", "--output", "a.wav"], "--output_dir: name the directory"),
        (
            ["--text", "a", "--output", "a.wav", "--output_dir", "out"],
            "--output and --output_dir: a text is written to",
        ),
        (["--text", "a", "--file", "b", "--output", "a.wav"], "--file: not allowed with argument --text"),
        (["--output", "a.wav"], "one of the arguments --text --file --table --list is required"),
    ],
)
def test_places_to_write_to(options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        synthesize.main(["--model", "none.zip", *options])
