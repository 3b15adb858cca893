"""What the code needs of the machine and its packages, and whether it is there."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from espnet_mtl.errors import UserError
from espnet_mtl.system import caches
from espnet_mtl.system.devices import available_cores
from espnet_mtl.system.imports.pyworld import without_remark
from espnet_mtl.system.paths import is_writable
from espnet_mtl.text import espeak, espeak_library

DISTRIBUTION = "espnet_mtl"
INSTALL = "run tools/setup.sh, or pip install"
GIB = 1024**3
NEEDED_MEMORY_GIB, NEEDED_DISK_GIB = 3, 2
"""What the demo recipe takes while it trains two models."""
IMPORTS = (
    *("defusedxml.sax", "editdistance", "filelock", "humanfriendly", "jinja2", "jiwer", "kaldiio", "librosa.sequence"),
    *("matplotlib.figure", "numpy", "onnx", "onnxruntime", "onnxscript", "pydantic", "pyworld", "requests"),
    *("resemblyzer", "scipy.signal"),
    *("sentencepiece", "sentencex", "distillmos", "faster_whisper", "speechmos.dnsmos"),
    *("fastapi", "gradio", "uvicorn", "prometheus_client"),
    *("sklearn.linear_model", "soundfile", "soxr", "torch", "torchaudio", "torchjd", "tqdm", "typeguard", "yaml"),
    "unicode_rbnf",
    *("espnet2.tasks.tts", "espnet_model_zoo.downloader", "tensorboard"),
)
"""What the stages and the server import, the slowest last."""
NOT_IMPORTED = (ImportError, OSError, RuntimeError, AttributeError, TypeError, ValueError)
"""What a package raises that does not fit the machine or another package."""


class Finding(NamedTuple):
    """One thing looked at: its name, what was found, and what is wrong with it and helps ("": nothing)."""

    name: str
    found: str
    problem: str = ""


def findings() -> Iterator[Finding]:
    """Looks at one thing after the other: what answers at once comes first, what imports PyTorch last."""
    yield from _versions()
    for check in (_threads, _memory, _disk, _temporary_files, _models, _numba, _espeak):
        yield check()
    for module in IMPORTS:
        yield _import(module)
    yield _gpu()


def _versions() -> Iterator[Finding]:
    """Holds the versions found against the ranges of setup.py."""
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        yield Finding(DISTRIBUTION, "not installed", f"{INSTALL} -e '.[train]' at the root of the repository")
        return
    yield Finding(DISTRIBUTION, distribution.version)
    needed = distribution.metadata["Requires-Python"]
    found = platform.python_version()
    yield Finding("Python", found, "" if found in SpecifierSet(needed) else f"needs {needed}: run tools/setup.sh")
    for requirement in map(Requirement, distribution.requires or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": "train"}):
            requirement.marker = None  # it is no part of what to install
            yield _version(requirement)


def _version(requirement: Requirement) -> Finding:
    try:
        found = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Finding(requirement.name, "not installed", f"{INSTALL} '{requirement}'")
    if requirement.specifier.contains(found, prereleases=True):
        return Finding(requirement.name, found)
    return Finding(requirement.name, found, f"needs {requirement.specifier}: {INSTALL} '{requirement}'")


def _threads() -> Finding:
    cores = available_cores()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    found = f"{cores} cores, OMP_NUM_THREADS={threads or 'unset'}"
    if threads and not threads.isdecimal():
        return Finding("threads", found, "OMP_NUM_THREADS must be a number: export OMP_NUM_THREADS=1")
    if int(threads or 0) > cores:
        return Finding("threads", found, f"more threads than cores is slow: export OMP_NUM_THREADS={cores}")
    return Finding("threads", found)


def _memory() -> Finding:
    meminfo = Path("/proc/meminfo")
    if not meminfo.is_file():
        return Finding("memory", "unknown on this system")
    lines = dict(line.split(":") for line in meminfo.read_text(encoding="ascii").splitlines())
    return _room("memory", int(lines["MemAvailable"].split()[0]) * 1024, NEEDED_MEMORY_GIB, "end other programs")


def _disk() -> Finding:
    return _room("disk", shutil.disk_usage(".").free, NEEDED_DISK_GIB, f"make room at {Path.cwd()}")


def _room(name: str, free: int, needed_gib: int, remedy: str) -> Finding:
    enough = free >= needed_gib * GIB
    return Finding(name, f"{free / GIB:.1f} GiB free", "" if enough else f"the demo needs {needed_gib} GiB: {remedy}")


def _temporary_files() -> Finding:
    try:
        return Finding("temporary files", tempfile.gettempdir())
    except OSError as error:
        return Finding(
            "temporary files", "no place", f"{error.strerror}: set TMPDIR to a directory that may be written to"
        )


def _models() -> Finding:
    """Looks at where models are unpacked."""
    root = caches.cache_root()
    if root is None:
        return Finding("cache of models", "no home directory", f"set {caches.CACHE} to a directory")
    found = str(root / "espnet_mtl")
    remedy = f"every call unpacks them again: set {caches.CACHE} to a directory that may be written to"
    return Finding("cache of models", found, "" if is_writable(root / "espnet_mtl") else f"read-only, {remedy}")


def _numba() -> Finding:
    """Looks at where numba keeps what it compiles for librosa, which is not imported where that is nowhere."""
    place, problem = caches.numba_place()
    if not place and problem:
        caches.prepare_numba()
    return Finding("cache of numba", place or "no place", problem)


def _espeak() -> Finding:
    try:
        return Finding(
            "espeak library", f"{espeak_library.version()}, {len(espeak.phonemize('good morning'))} phones spoken"
        )
    except (UserError, OSError) as error:
        return Finding("espeak library", "does not work", f"{error}: {INSTALL} --force-reinstall espeakng-loader")


def _import(module: str) -> Finding:
    package = module.partition(".")[0]
    try:
        with without_remark(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if package == "espnet2":
                importlib.import_module("espnet_mtl.tasks.tts")  # as the stages import it: without what it prints
            importlib.import_module(module)
    except (*NOT_IMPORTED, UserError) as error:
        reason = str(error).partition("\n")[0]
        return Finding(f"import {package}", "fails", f"{reason}: {INSTALL} --force-reinstall {package}")
    return Finding(f"import {package}", "works")


def _gpu() -> Finding:
    """Names the GPUs; none is fine, one that PyTorch warns of is not."""
    try:
        import torch
    except (ImportError, OSError):
        return Finding("GPU", "unknown", "PyTorch must work first")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        works = torch.cuda.is_available()
    if works:
        cuda = torch.cuda
        return Finding("GPU", ", ".join(cuda.get_device_name(i) for i in range(cuda.device_count())))
    return Finding("GPU", "none: the CPU trains and speaks", "; ".join(str(warning.message) for warning in said))
