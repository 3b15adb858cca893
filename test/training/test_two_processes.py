"""Training through ESPnet's trainer in two processes makes what one process makes.

Utterances of a batch are equally long here: else, as in all of ESPnet, the mean over two halves of a batch is not that
over the whole.
"""

import subprocess

import pytest
import torch
from tiny_stages import FULL, TRAINABLE
from training_on_cpus import prepare, training

DISCRIMINATOR = {"head": "discriminator", "tap": "mel", "label": "emotion", "weight": 0.5, "channels": 4, "layers": 2}
CASES = {
    **{name: {"weighting": name} for name in ("fixed", "uw", "pcgrad")},
    "discriminator": {"weighting": "fixed", "tasks": {**TRAINABLE["tasks"], "critic": DISCRIMINATOR}},
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Stages 2 to 4 of four utterances, all as long as each other."""
    return prepare(tmp_path_factory.mktemp("two"))


def train(work, name, processes):
    """Trains for some steps in one process, or in two."""
    return subprocess.run(**training(work, f"{name}_{processes}", CASES[name], processes), capture_output=True)


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
    done = train(prepare(tmp_path, FULL), "fixed", 2)
    assert done.returncode == 2
    assert done.stderr.count("error: dev: a batch has fewer utterances than there are processes") == 1
    assert "Traceback" not in done.stderr
