"""Commands read their command line before they load what they need for their work."""

import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(__file__).parents[2] / "espnet_mtl/bin"
COMMANDS = sorted(
    ".".join(path.relative_to(BIN).with_suffix("").parts)
    for path in BIN.glob("**/*.py")
    if "__name__ ==" in path.read_text(encoding="utf-8")
)
HEAVY = ("torch", "numpy", "pydantic", "yaml", "soundfile", "espnet2")
SCRIPT = """
import runpy, sys
sys.argv = ["command", "--help"]
try:
    runpy.run_module(f"espnet_mtl.bin.{command}", run_name="__main__")
except SystemExit as stopped:
    loaded = sorted(set(sys.modules) & set(heavy))
    print(f"status {stopped.code}, loaded {loaded}")
"""


def test_all_commands_are_found():
    assert {"synthesize", "doctor", "stages.train", "stages.check_config"} <= set(COMMANDS)
    assert len(COMMANDS) == 19


@pytest.mark.parametrize("command", COMMANDS)
def test_help_loads_nothing_that_takes_long(command: str):
    code = f"command, heavy = {command!r}, {HEAVY!r}\n{SCRIPT}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "usage: " in done.stdout
    assert done.stdout.splitlines()[-1] == "status 0, loaded []"


MISTAKES = {
    "stages.prepare_data": "--corpus none",
    "stages.prepare_audio": "--data none --output out --train_config {config}",
    "stages.extract_features": "--dump none --train_config {config}",
    "stages.collect_stats": "--dump none --token_list t --tables t --stats s --train_config {config}",
    "stages.decode": "--exp none --dump none --inference_config {decode}",
    "stages.train": "--dump none --token_list t --tables t --stats s --output o --train_config {config}",
    "stages.pack": "--exp none",
    "serve": "--model none.zip --port 0",
    "synthesize": "--model none.zip --text a --output a.wav",
    "teacher": "--exp none --dump none --output out",
}
"""Command lines that name what is not there."""


@pytest.mark.parametrize("command", MISTAKES)
def test_what_is_not_there_is_told_before_pytorch_is_loaded(command: str, tmp_path: Path):
    conf = BIN.parents[1] / "egs2/mtl_tts/conf"
    line = MISTAKES[command].format(config=conf / "train_fastspeech2.yaml", decode=conf / "decode.yaml")
    code = f"command, heavy = {command!r}, ['torch']\n{SCRIPT}".replace('"--help"', f"*{line.split()!r}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stderr.startswith("error: ")
    assert done.stdout.splitlines() == ["status 2, loaded []"]
