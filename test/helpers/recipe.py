"""The recipe on a tiny demo corpus."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "egs2/mtl_tts/run.sh"
CONF = RECIPE.parent / "conf"
TRAIN_ARGS = "--max_epoch 2 --num_iters_per_epoch 6 --log_interval 3"
TRAIN_ARGS += " --scheduler_conf first_cycle_steps=12 --scheduler_conf warmup_steps=2"
TRAIN_ARGS += " --vocoder steps=3 --vocoder batch_size=2"
MULTI, SINGLE = "train_fastspeech2", "train_fastspeech2_single"


def command(work: Path, *options: str) -> list[str]:
    places = [f"--{name}dir={work}/{name}" for name in ("data", "dump", "exp")]
    words = [word for place in places for word in place.split("=")]
    settings = [
        "--corpus_conf",
        "sentences=10",
        "--train_args",
        TRAIN_ARGS,
    ]
    return ["bash", str(RECIPE), *words, *settings, "--nj", "2", *options]


def run(work: Path, *options: str) -> str:
    done = subprocess.run(command(work, *options), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="session")
def recipe(tmp_path_factory) -> Path:
    """A directory in which stages 1 to 8 have run."""
    work = tmp_path_factory.mktemp("recipe")
    output = run(work)
    assert "Listen and compare" in output
    return work
