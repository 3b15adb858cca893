"""The recipe, stages 1 to 8, on a tiny demo corpus: whole, killed and called again, and its model elsewhere."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
import torch
from recipe import CONF, MULTI, ROOT, SINGLE, TRAIN_ARGS, command, run

from espnet_mtl.data.kaldi import read_table


def test_every_stage_leaves_its_output(recipe):
    for name in (
        "data/train/text",
        "dump/raw/train/wav.scp",
        "dump/raw/test/pitch.scp",
        "dump/token_list/phn/tokens.txt",
        "exp/stats/train/feats_stats.npz",
        *(f"exp/{tag}/train.log" for tag in (MULTI, SINGLE)),
        *(f"exp/{tag}/decode/test/metrics.json" for tag in (MULTI, SINGLE)),
        f"exp/{MULTI}/decode/test/report/index.html",
        f"exp/{MULTI}/{MULTI}.zip",
        f"exp/{MULTI}/checkpoint.previous.pth",
        *(f"exp/{tag}/vocoder.pth" for tag in (MULTI, SINGLE)),
    ):
        assert (recipe / name).stat().st_size > 0, name
    assert any((recipe / f"exp/{MULTI}/tensorboard/train").iterdir())
    log = (recipe / f"exp/{MULTI}/train.log").read_text()
    for figure in ("emotion_mel_loss", "emotion_mel_acc", "speaker_mel_weight", "tts_loss"):
        assert figure in log
    assert "emotion_mel_loss" not in (recipe / f"exp/{SINGLE}/train.log").read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "{fs: 22050, fmax: 8000}",
            "error: stage 3 made features with feats_extract_conf.fs 16000, not 22050: run stages 2 to 4 again",
        ),
        ("{n_mels: 100}", "error: stage 3 made features with feats_extract_conf.n_mels 80, not 100: run stages 3 to 4"),
    ],
)
def test_features_of_another_signal_are_not_trained_on(recipe, tmp_path, change, words):
    config = tmp_path / "train.yaml"
    config.write_text(f"base: {CONF}/{MULTI}.yaml\nfeats_extract_conf: {change}\n")
    options = ["--train_config", str(config), "--baseline_config", "none", "--tag", "other", "--stage", "5"]
    done = subprocess.run(command(recipe, *options), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert words in done.stderr
    assert not (recipe / "exp/other").exists()


def test_every_test_sentence_is_spoken_in_every_voice_and_emotion(recipe):
    metrics = json.loads((recipe / f"exp/{MULTI}/decode/test/metrics.json").read_text())
    spoken = list((recipe / f"exp/{MULTI}/decode/test/wav").glob("*.wav"))
    sentences = set((recipe / "data/test/text").read_text().splitlines())
    assert metrics["systems"][MULTI]["n_utterances"] == len(spoken) == len(sentences)
    assert metrics["durations"]["durations"] == "given"
    for name in ("reference_emotion_accuracy", "reference_speaker_accuracy"):
        assert metrics["systems"][SINGLE]["metrics"][name] is None
        assert 0 <= metrics["systems"][MULTI]["metrics"][name]["value"] <= 1
    assert set(read_table(recipe / f"exp/{MULTI}/decode/test/utt2lang").values()) == {"en-us"}


def test_the_packed_model_speaks_in_a_process_that_never_saw_the_recipe(recipe, tmp_path):
    shutil.copy(recipe / f"exp/{MULTI}/{MULTI}.zip", tmp_path / "model.zip")
    hidden = recipe.with_name("hidden")
    recipe.rename(hidden)
    try:
        words = [
            "--model",
            "model.zip",
            "--text",
            "Good morning.",
            "--speaker",
            "f2",
            "--emotion",
            "happy:0.7,neutral:0.3",
        ]
        subprocess.run(
            [sys.executable, "-m", "espnet_mtl.bin.synthesize", *words, "--output", "a.wav"],
            cwd=tmp_path,
            env={
                **os.environ,
                "HOME": str(tmp_path),
                "XDG_CACHE_HOME": str(tmp_path / "cache"),
                "PYTHONPATH": str(ROOT),
            },
            check=True,
        )
    finally:
        hidden.rename(recipe)
    wav, fs = soundfile.read(tmp_path / "a.wav")
    assert fs == 16000
    assert abs(wav).max() > 0


def train_on_cpus(work: Path, tag: str, *options: str) -> subprocess.Popen[str]:
    """Begins to train in two processes on the dump of `work`."""
    words = ["--train_config", str(CONF / f"{MULTI}.yaml"), "--dump", "dump/raw", "--token_list", "dump/token_list"]
    words += ["--tables", "dump/tables", "--stats", "exp/stats", "--output", f"exp/{tag}", "--ngpu", "2"]
    return subprocess.Popen(
        [sys.executable, ROOT / "test/helpers/on_cpus.py", *words, "--", *TRAIN_ARGS.split(), *options],
        cwd=work,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_train_where_one_has_no_labels(recipe, tmp_path):
    for name in ("dump", "exp/stats"):
        shutil.copytree(recipe / name, tmp_path / name, symlinks=True)
    table = tmp_path / "dump/raw/train/utt2emo"
    table.write_text("".join(line for line in table.read_text().splitlines(True) if line.startswith("f1")))
    process = train_on_cpus(tmp_path, "two", "--weighting", "pcgrad", "--vocoder", "steps=0")  # it would ask for a GPU
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 0, said[-3000:]
    assert (tmp_path / "exp/two/2epoch.pth").is_file()
    log = (tmp_path / "exp/two/train.log").read_text()
    assert log.count("epoch results") == 2
    assert "mel_tts_share" in log


def test_a_mistake_that_a_process_finds_is_said_without_a_traceback(recipe):
    process = train_on_cpus(recipe, "mistaken", "--num_iters_per_epoch", "none")
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 2
    assert "num_iters_per_epoch: must be set" in said
    assert "Traceback" not in said


SRUN = """#!/usr/bin/env bash
# Starts on this machine what Slurm starts on two
while [[ $1 == --* ]]; do echo "$1" >>"$SRUN_LOG"; shift; done
export SLURM_NTASKS=2 SLURM_STEP_NUM_NODES=2 SLURM_STEP_NODELIST=127.0.0.1 SLURM_LOCALID=0
SLURM_PROCID=1 SLURM_NODEID=1 "$@" &
SLURM_PROCID=0 SLURM_NODEID=0 "$@" && wait -n
"""


def test_two_machines_train(recipe, tmp_path, monkeypatch):
    (tmp_path / "srun").write_text(SRUN)
    (tmp_path / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SRUN_LOG", str(tmp_path / "log"))
    run(recipe, "--stage", "5", "--stop_stage", "5", "--baseline_config", "none", "--tag", "nodes", "--num_nodes", "2")
    assert "--nodes=2" in (tmp_path / "log").read_text().splitlines()
    log = (recipe / "exp/nodes/train.log").read_text()
    assert log.count("epoch results") == 2
    assert (recipe / "exp/nodes/vocoder.pth").is_file()


def begun(recipe, process, tag):
    """Waits until two processes train for 100 epochs, and returns the ids of what they started."""
    log = recipe / f"exp/{tag}/train.log"
    wait_until(lambda: log.is_file() and "1/100epoch started" in log.read_text())
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) >= 2
    return children


def test_a_process_that_is_killed_ends_all_with_a_line(recipe):
    process = train_on_cpus(recipe, "bereft", "--max_epoch", "100")
    workers = [int(child) for child in begun(recipe, process, "bereft") if "spawn_main" in command_of(child)]
    os.kill(workers[1], signal.SIGKILL)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert said.count("error: process 1 terminated with signal SIGKILL: perhaps memory ran out") == 1
    assert "Traceback" not in said
    assert not Path("/proc", str(workers[0])).exists()


def command_of(process):
    return Path("/proc", process, "cmdline").read_text()


def test_processes_end_with_the_training_that_is_killed(recipe):
    process = train_on_cpus(recipe, "orphans", "--max_epoch", "100")
    children = begun(recipe, process, "orphans")
    process.kill()
    process.wait()
    process.stderr.close()
    wait_until(lambda: not any(Path("/proc", child).exists() for child in children))


def wait_until(reached, seconds=120):
    """Waits for something, and fails where it does not come."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.1)


TRAINED = ("*epoch.pth", "vocoder.pth")
STAGES = {  # what a stage writes, and what is there while it writes
    1: (["data/*/*"], "data/.train.tmp/*"),
    2: (["dump/raw/*/*", "dump/raw/*/audio/*"], "dump/raw/.train.tmp/*"),
    3: (["dump/raw/*/*", "dump/raw/*/features/*"], "dump/raw/train/.features.tmp/*"),
    4: (["dump/token_list/*/*", "dump/tables/*", "exp/stats/*/*"], "exp/.stats.tmp/*"),
    5: ([f"exp/{tag}/{file}" for tag in (MULTI, SINGLE) for file in TRAINED], f"exp/{MULTI}/1epoch.pth"),
    6: ([f"exp/{tag}/decode/test/*" for tag in (MULTI, SINGLE)], f"exp/{MULTI}/decode/.test.tmp/wav/*"),
}


def contents(work: Path, patterns: list[str]) -> dict[Path, str]:
    """Hashes files (not those of stage 7 beside those of stage 6)."""
    files = [
        path for pattern in patterns for path in work.glob(pattern) if path.is_file() and path.name != "metrics.json"
    ]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def undisturbed(recipe) -> dict[int, dict[Path, str]]:
    """What each stage wrote when nothing was killed."""
    return {stage: contents(recipe, patterns) for stage, (patterns, _) in STAGES.items()}


def killed(recipe: Path, begun: str, *options: str) -> bool:
    """Kills the recipe as soon as a path matches `begun`; False where it was over before."""
    process = subprocess.Popen(
        command(recipe, *options), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not list(recipe.glob(begun)):
        time.sleep(0.005)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_stage_called_again_gives_what_it_would_have_given(recipe, undisturbed, stage):
    patterns, begun = STAGES[stage]
    before = undisturbed[stage]
    if stage == 5:
        for tag in (MULTI, SINGLE):
            (recipe / "exp" / tag).rename(recipe / tag)
    only = ["--stage", str(stage), "--stop_stage", str(stage)]
    assert any(killed(recipe, begun, *only) for _ in range(5)), "the stage was over before it could be killed"
    run(recipe, *only)
    after = contents(recipe, patterns)
    assert after
    if stage == 5:
        assert (recipe / f"exp/{MULTI}/train.log").read_text().count("1/2epoch started") == 1, "it began again"
        for tag in (MULTI, SINGLE):  # with what later stages have made of it, which other tests read
            shutil.rmtree(recipe / "exp" / tag)
            (recipe / tag).rename(recipe / "exp" / tag)
    assert {path.relative_to(recipe) for path in after if after[path] != before.get(path)} == set()


def cut_off_before_links(exp: Path) -> None:
    """Makes of a finished training one that was killed when it had written its last checkpoint."""
    (exp / "2epoch.pth").rename(exp / "1epoch.pth")
    for name in ("latest.pth", "valid.l1_loss.best.pth"):
        (exp / name).unlink()
        (exp / name).symlink_to("1epoch.pth")


def cut_off_checkpoint(exp: Path) -> None:
    """Damages the last checkpoint, as a disk may."""
    whole = (exp / "checkpoint.pth").read_bytes()
    (exp / "checkpoint.pth").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize("damage", [cut_off_before_links, cut_off_checkpoint])
def test_a_training_that_is_damaged_becomes_what_it_was(recipe, damage):
    whole, damaged = (recipe / f"exp/{tag}" for tag in (MULTI, damage.__name__))
    shutil.copytree(whole, damaged, symlinks=True)
    damage(damaged)
    run(recipe, "--stage", "5", "--stop_stage", "5", "--baseline_config", "none", "--tag", damaged.name)
    models = {path.name: path for path in whole.glob("*.pth") if "checkpoint" not in path.name}
    assert {path.name for path in damaged.glob("*.pth")} == {*models, "checkpoint.pth", "checkpoint.previous.pth"}
    for name, path in models.items():
        assert (damaged / name).is_symlink() == path.is_symlink()
        assert (damaged / name).read_bytes() == path.read_bytes()


def test_a_killed_training_goes_on_with_the_state_of_its_weighting(recipe):
    only = ["--stage", "5", "--stop_stage", "5", "--baseline_config", "none"]
    only += ["--train_args", f"{TRAIN_ARGS} --weighting famo"]
    run(recipe, *only, "--tag", "whole")
    assert killed(recipe, "exp/killed/1epoch.pth", *only, "--tag", "killed"), "it was over before it could be killed"
    run(recipe, *only, "--tag", "killed")
    assert (recipe / "exp/killed/train.log").read_text().count("1/2epoch started") == 1, "it began again"
    whole, resumed = (torch.load(recipe / f"exp/{tag}/2epoch.pth", weights_only=True) for tag in ("whole", "killed"))
    assert whole["weighting.moments"].abs().sum() > 0
    torch.testing.assert_close(resumed, whole, rtol=0, atol=0)
