"""The example of a call works for every model, whatever its names hold."""

import json
import shlex
import subprocess
import sys

import pytest
import yaml

from espnet_mtl.bin.stages import say_more
from espnet_mtl.bin.synthesize import _parser
from espnet_mtl.zoo.example import example_command, example_voice

SPOKEN = {"speaker_languages": {"dora": ["de"], "eva": ["pl", "de"]}, "languages": ["de", "pl"], "language": "en-us"}


@pytest.mark.parametrize(
    ("config", "voice"),
    [
        ({}, {}),
        ({"speakers": [], "emotions": None, "languages": ["de"]}, {}),
        ({"speakers": ["f1", "f2"], "emotions": ["happy", "sad"]}, {"speaker": "f2", "emotion": "happy"}),
        ({"emotions": ["angry", "sad"]}, {"emotion": "sad"}),
        ({"emotions": ["a:b", "a,b", "-", " "]}, {}),
        ({"speakers": ["dora"], **SPOKEN}, {"speaker": "dora", "language": "de"}),
        ({"speakers": ["eva"], **SPOKEN}, {"speaker": "eva", "language": "pl"}),
        ({"speakers": ["eva"], **SPOKEN, "language": "de"}, {"speaker": "eva", "language": "de"}),
        ({"speakers": ["dora"], "languages": ["de", "pl"]}, {"speaker": "dora", "language": "de"}),
    ],
)
def test_a_voice_that_the_model_has(config, voice):
    assert example_voice(config) == voice


@pytest.mark.parametrize("name", ["f2", "O'Neil", 'the "old" one', "a b", "$HOME", "-x", "--output", "é`ls`", "a\\b"])
def test_the_shell_hands_every_name_over(name):
    config = {"speakers": [name], "emotions": [name], **SPOKEN}
    command = example_command("echo", f"/a b/{name}.zip", "Good morning.", "a.wav", config)
    print_words = "import json, sys; print(json.dumps(sys.argv[1:]))"
    words = shlex.join([sys.executable, "-c", print_words])
    said = subprocess.run(["sh", "-c", command.replace("echo", words, 1)], capture_output=True, text=True, check=True)
    args = _parser().parse_args(json.loads(said.stdout)[2:])
    assert (args.model, args.speaker, args.language) == (f"/a b/{name}.zip", name, "de")
    assert (args.emotion, args.text) == (name, "Good morning.")


def test_the_end_of_a_run(tmp_path, capsys):
    exp = tmp_path / "exp/m"
    options = ["--exp", str(exp), "--inference_config", "conf/decode.yaml"]
    (exp / "decode/test/report").mkdir(parents=True)
    say_more.main(options)
    assert capsys.readouterr().out == ""
    (exp / "decode/test/report/index.html").touch()
    (exp / "m.zip").touch()
    (exp / "config.yaml").write_text(yaml.safe_dump({"speakers": ["a b"], **SPOKEN}), encoding="utf-8")
    say_more.main(options)
    listen, say = capsys.readouterr().out.splitlines()
    assert listen == f"Listen and compare: {exp}/decode/test/report/index.html"
    assert say.endswith(f"--model {exp}/m.zip --text 'Good morning.' --speaker 'a b' --language de --output a.wav")
