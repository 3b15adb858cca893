"""A stage that finds no room, or no directory to write in, says so in one line, and leaves what was there."""

import subprocess
import sys
from pathlib import Path

import pytest
from recipe import CONF, MULTI, TRAIN_ARGS, command, run

ROOM = 1
"""Kilobytes that a file may have: to a program, the same as a disk that is full."""
KEPT = {
    1: "data/*/*",
    2: "dump/raw/*/wav.scp",
    3: "dump/raw/*/features/*",
    4: "exp/stats/*/*",
    5: "exp/*/*epoch.pth",
    6: "exp/*/decode/test/*.ark",
    7: "exp/*/decode/test/metrics.json",
    8: "exp/*/*.zip",
}
"""What each stage wrote before."""
AGAIN = (3, 4)
"""Stages that note first that they are about to replace what is there: later ones then ask for the next call."""


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    said = done.stdout + done.stderr
    assert done.returncode, said
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    (line,) = {line.partition("error: ")[2] for line in said.splitlines() if "error: " in line}
    for word in words:
        assert word in line


@pytest.mark.parametrize("stage", KEPT)
def test_a_stage_that_finds_no_room_says_so_and_leaves_what_was_there(recipe, stage):
    kept = [*recipe.glob(KEPT[stage]), *recipe.glob("exp/*/config.yaml")]
    # Locks hold nothing
    before = {path: path.read_bytes() for path in kept if path.is_file() and path.suffix != ".lock"}
    assert before
    only = ["--stage", str(stage), "--stop_stage", str(stage), "--baseline_config", "none"]
    script = f'ulimit -f {ROOM}; exec "$@"'
    limited = ["bash", "-c", script, "bash", *command(recipe, *only)]
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert_one_line(done, str(recipe), "file too large (", "raise the limit on the size of a file (ulimit -f)")
    if stage in AGAIN:
        run(recipe, *only)
    assert {path: path.read_bytes() for path in before} == before
    assert [path for path in recipe.rglob(".*") if path.suffix in (".tmp", ".old", ".npz")] == []


CONFIG = f"--train_config {CONF}/{MULTI}.yaml"
STAGES = {
    "prepare_data": "--output {file}/data --corpus_conf sentences=10",
    "prepare_audio": f"--data {{work}}/data --output {{file}}/raw {CONFIG}",
    "collect_stats": "--dump {work}/dump/raw --token_list {file}/t --tables {file}/t --stats {file}/s " + CONFIG,
    "train": (
        f"--dump {{work}}/dump/raw --token_list {{work}}/dump/token_list --tables {{work}}/dump/tables "
        f"--stats {{work}}/exp/stats --output {{file}}/exp {CONFIG} -- {TRAIN_ARGS}"
    ),
    "evaluate": "--reference {work}/data/test --hypothesis a={work}/data/test/wav.scp --output {file}/out --nj 1",
    "pack": f"--exp {{work}}/exp/{MULTI} --output {{file}}/model.zip",
}


@pytest.mark.parametrize("stage", STAGES)
def test_below_a_file_a_stage_can_write_nothing_and_says_so(recipe, tmp_path, stage):
    file = tmp_path / "file"
    file.write_text("mine")
    words = STAGES[stage].format(work=recipe, file=file).split()
    module = [sys.executable, "-m", f"espnet_mtl.bin.stages.{stage}"]
    done = subprocess.run([*module, *words], capture_output=True, text=True, check=False)
    assert_one_line(done, str(file), "a file")
    assert Path(file).read_text() == "mine"
