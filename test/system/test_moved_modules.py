"""Old names of modules."""

import importlib
import subprocess
import sys

import pytest

from espnet_mtl.registry import HEADS
from espnet_mtl.system.moved_modules import MOVED, SPLIT

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


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_is_the_new_module_and_says_so(old):
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} is now {MOVED[old]}"):
        found = importlib.import_module(old)
    new = importlib.import_module(MOVED[old])
    if old in SPLIT:
        assert found.scale_gradient is importlib.import_module(SPLIT[old]).scale_gradient
        assert found.ConvPool is new.ConvPool
    else:
        assert found is new
    assert new.__name__ == MOVED[old]
    assert new.__spec__.name == MOVED[old]


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
