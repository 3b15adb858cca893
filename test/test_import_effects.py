"""Importing the package changes nothing of the process that imports it."""

import json
import subprocess
import sys

PROGRAM = """
import importlib, json, logging, pkgutil, random, sys, warnings
import numpy, torch


def import_all():
    package = importlib.import_module("espnet_mtl")
    for module in pkgutil.walk_packages(package.__path__, "espnet_mtl."):
        importlib.import_module(module.name)


def state():
    root = logging.getLogger()
    return {
        "root logger": [str(root.handlers), str(root.filters), root.level],
        "torch": [torch.get_num_threads(), torch.initial_seed(), torch.get_rng_state().tolist()],
        "torch's switches": [str(torch.get_default_dtype()), torch.is_grad_enabled()],
        "numpy": [str(numpy.random.get_state()), numpy.geterr()],
        "warnings": [str(one) for one in warnings.filters],
        "random": str(random.getstate()),
        "path": list(sys.path),
    }


def changed(before, after, keys):
    return {key: [str(before[key])[-500:], str(after[key])[-500:]] for key in keys if before[key] != after[key]}


torch.set_num_threads(3)
torch.manual_seed(7)
before = state()
import_all()
after = state()
# Other packages add filters of warnings, draw random numbers and change the path: once loaded, they do so no more.
first = changed(before, after, before.keys() - {"warnings", "random", "path"})
for name in [name for name in sys.modules if name.split(".")[0] == "espnet_mtl"]:
    del sys.modules[name]
import_all()
print(json.dumps([first, changed(after, state(), after)]))
"""


def test_importing_every_module_leaves_logging_warnings_threads_and_seeds_as_they_are():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [{}, {}]
