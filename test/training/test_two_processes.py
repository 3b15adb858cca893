"""Training through ESPnet's trainer in two processes makes what one process makes.

Utterances of a batch are equally long here: else, as in all of ESPnet, the mean over two halves of a batch is not that
over the whole.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_stages import FULL, TRAINABLE, config_file, run_stage, write_data

ON_CPUS = Path(__file__).parents[1] / "helpers/on_cpus.py"
ROOT = Path(__file__).parents[2]
STEPS = 5
SGD = {"optim": "sgd", "optim_conf": {"lr": 0.02}, "num_iters_per_epoch": STEPS, "log_interval": 1}
DISCRIMINATOR = {"head": "discriminator", "tap": "mel", "label": "emotion", "weight": 0.5, "channels": 4, "layers": 2}
CASES = {
    **{name: {"weighting": name} for name in ("fixed", "uw", "pcgrad")},
    "discriminator": {"weighting": "fixed", "tasks": {**TRAINABLE["tasks"], "critic": DISCRIMINATOR}},
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Stages 2 to 4 of four utterances, all as long as each other."""
    work = tmp_path_factory.mktemp("two")
    write_data(work / "data", {**FULL, "dev": FULL["train"][:2]})
    for stage in range(2, 5):
        run_stage(stage, work, base=TRAINABLE)
    return work


def train(work, name, processes):
    """Trains for some steps in one process, or in two."""
    config = config_file(work, {}, {**TRAINABLE, **SGD, **CASES[name]})
    output = work / f"exp/{name}_{processes}"
    words = ["--train_config", str(config), "--dump", "dump/raw", "--token_list", "dump/token_list", "--tables"]
    words += ["dump/tables", "--stats", "exp/stats", "--output", str(output), "--token_type", "phn"]
    return subprocess.run(
        [sys.executable, ON_CPUS, *words, "--ngpu", str(processes), "--", "--vocoder", "steps=0"],
        cwd=work,
        env={**os.environ, "OMP_NUM_THREADS": "1", "WITHOUT_DROPOUT": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def trained(work, name, processes):
    """The weights after the training."""
    done = train(work, name, processes)
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(work / f"exp/{name}_{processes}/1epoch.pth")


@pytest.mark.parametrize("name", CASES)
def test_two_processes_are_one(name, prepared):
    one, two = trained(prepared, name, 1), trained(prepared, name, 2)
    assert one.keys() == two.keys()
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, atol=1e-5, rtol=1e-5, msg=lambda text, key=key: f"{key}: {text}")


def test_too_few_utterances_for_the_processes(tmp_path):
    write_data(tmp_path / "data", FULL)
    for stage in range(2, 5):
        run_stage(stage, tmp_path, base=TRAINABLE)
    done = train(tmp_path, "fixed", 2)
    assert done.returncode == 2
    assert done.stderr.count("error: dev: a batch has fewer utterances than there are processes") == 1
    assert "Traceback" not in done.stderr
