"""Old names of modules."""

import importlib
import subprocess
import sys
from pkgutil import iter_modules

import pytest

from espnet_mtl.model import heads
from espnet_mtl.registry import HEADS
from espnet_mtl.system.imports.moved import MOVED, SPLIT, new_name

IN_PACKAGES = [f"espnet_mtl.heads.{module.name}" for module in iter_modules(heads.__path__)]

HEAD = """
import torch

from espnet_mtl.heads.base import Head
from espnet_mtl.layers import ConvPool, scale_gradient
from espnet_mtl.targets import known, soft_target
from espnet_mtl.types import Tap


class Mine(Head):
    def __init__(self, dim, classes, hidden=3, **options):
        super().__init__(**options)

    def forward(self, tap):
        return tap.values

    def criterion(self, prediction, target):
        return prediction.sum(), {}
"""
"""A head as it was written before the modules moved."""


@pytest.mark.parametrize("old", [*MOVED, *IN_PACKAGES])
def test_an_old_name_is_the_new_module_and_says_so(old):
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} is now {new_name(old)}"):
        found = importlib.import_module(old)
    new = importlib.import_module(new_name(old))
    if old in SPLIT:
        assert found.scale_gradient is importlib.import_module(SPLIT[old]).scale_gradient
        assert found.ConvPool is new.ConvPool
    else:
        assert found is new
    assert new.__name__ == new.__spec__.name == new_name(old)


def test_what_is_in_no_moved_package_is_not_found():
    assert "espnet_mtl.heads.options" in IN_PACKAGES
    assert (new_name("espnet_mtl.headset"), new_name("torch.nn")) == (None, None)
    with pytest.raises(ModuleNotFoundError, match=r"espnet_mtl\.heads\.absent"):
        importlib.import_module("espnet_mtl.heads.absent")


@pytest.mark.filterwarnings("ignore:.* is now:DeprecationWarning")
def test_a_head_of_before_still_loads(tmp_path, monkeypatch):
    (tmp_path / "head_of_before.py").write_text(HEAD, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {"hidden", "weight"} <= set(HEADS.options("head_of_before:Mine").model_fields)
    del sys.modules["head_of_before"]


def test_a_command_runs_by_its_old_name():
    old, new = (
        subprocess.run([sys.executable, "-m", name, "--help"], capture_output=True, text=True, check=True)
        for name in ("espnet_mtl.bin.train", "espnet_mtl.bin.stages.train")
    )
    assert old.stdout == new.stdout
    assert "--train_config" in old.stdout
    assert "DeprecationWarning: espnet_mtl.bin.train is now espnet_mtl.bin.stages.train" in old.stderr
    assert new.stderr == ""
