"""tools/benchmark.py builds what it compares, and measures on a GPU what the same code measures here."""

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "tools/benchmark.py"


@pytest.mark.parametrize("name", ["train", "discriminators"])
def test_the_models_that_are_compared_are_built(name, tmp_path):
    models = runpy.run_path(str(TOOL))["BENCHMARKS"][name](tmp_path)
    assert len(models) > 1


def run(*words, **options):
    line = [sys.executable, TOOL, "gpu", *words]
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, **options)


def test_what_a_gpu_shows_is_measured_with_tiny_networks():
    done = run("--device", "cpu", "--small")
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["device"] == "CPU"
    for precision in ("fp32", "bf16"):
        trained = found[f"training_{precision}"]
        assert {name: one["goal"] for name, one in trained.items()} == {
            **{"ESPnet": None, "single": 0.95},
            **{"fixed": 0.9, "pcgrad": 0.85},
        }
        assert all(one["samples_per_s"] > 0 and one["of_ESPnet"] > 0 for one in trained.values())
    assert 0 <= found["loading"]["share_waiting"] <= 1
    assert found["speaking"]["sound_times_real_time"] > 0


def test_without_a_gpu_it_says_so():
    done = run(env={"PATH": "/usr/bin", "CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 2
    assert "PyTorch finds no GPU here: --device cpu --small runs the same code on a CPU" in done.stderr


@pytest.fixture
def house(tmp_path):
    """A copy of the script, in a place whose programs note how they are called and make a figure."""
    (tmp_path / "tools").mkdir()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    shutil.copy(ROOT / "tools/gpu_checks.sh", tmp_path / "tools")
    for name in ("pytest", "python"):
        program = tmp_path / ".venv/bin" / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" >>called\necho figure\n')
        program.chmod(0o755)
    return tmp_path


def test_the_checks_run_the_tests_and_then_the_benchmark(house):
    done = subprocess.run([house / "tools/gpu_checks.sh", "found.json"], cwd=house, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (house / "called").read_text().splitlines() == [
        "pytest -q test/test_gpu.py",
        "python tools/benchmark.py gpu",
    ]
    assert (house / "found.json").read_text() == "figure\n"
