"""Where this project and its packages keep things between calls, and what is done where nothing can be kept.

In a container, the home directory and the packages are often read-only, or there is no home at all.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from espnet_mtl.errors import UserError
from espnet_mtl.system.paths import is_writable

CACHE, NUMBA = "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"
"""Variables that say where things are kept: all of them, and numba's compiled functions."""
JITTED = "librosa"
"""The package that asks numba to keep what it compiled, and does not load where that has no place."""


def cache_root() -> Path | None:
    """Returns $XDG_CACHE_HOME or ~/.cache, absolute; None where there is no home directory."""
    if chosen := os.environ.get(CACHE):
        return Path(chosen).expanduser().absolute()
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # neither $HOME nor an entry in /etc/passwd
        return None


def cache_directory() -> Path:
    """Returns the directory of unpacked and downloaded models; a temporary one where there is no home directory."""
    root = cache_root()
    return temporary_cache("there is no home directory for models", CACHE) if root is None else root / "espnet_mtl"


def writable_cache(directory: Path) -> Path:
    """Makes a directory of models, and returns it; a temporary one, with a notice, where it cannot be written to.

    Raises:
        UserError: It cannot be written to, although the caller chose it.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        reason = "" if is_writable(directory) else "it is read-only"
    except OSError as error:
        reason = str(error.strerror)
    if not reason:
        return directory
    if directory != cache_directory():
        raise UserError(f"{directory}: models cannot be unpacked here: {reason}")
    return temporary_cache(f"{directory} cannot keep models: {reason}", CACHE)


@cache
def temporary_cache(reason: str, variable: str) -> Path:
    """Makes a directory that ends with this process, and says why.

    Args:
        reason: Why there is no other.
        variable: Name of the environment variable that names another one.

    Raises:
        UserError: There is no place for temporary files either.
    """
    remedy = f"set {variable} to a directory that may be written to"
    try:
        directory = Path(tempfile.mkdtemp(prefix="espnet_mtl-"))
    except OSError as error:
        raise UserError(f"{reason}, and there is no place for temporary files: {remedy}") from error
    atexit.register(_remove, directory, os.getpid())
    print(f"notice: {reason}; {directory} is used until this program ends: {remedy}", file=sys.stderr, flush=True)
    return directory


def _remove(directory: Path, owner: int) -> None:
    if os.getpid() == owner:  # not a process that was forked off
        shutil.rmtree(directory, ignore_errors=True)


@cache
def prepare_numba() -> None:
    """Gives numba a temporary place for compiled functions where it would find none; for before librosa is imported.

    Processes that are started later have the same one.

    Raises:
        UserError: The place that `NUMBA` names, or any for temporary files, cannot be written to.
    """
    place, problem = numba_place()
    if problem and place:
        raise UserError(problem)
    if not problem:
        return
    directory = str(temporary_cache("numba has no place to keep compiled functions", f"{CACHE} or {NUMBA}"))
    os.environ[NUMBA] = directory
    if "numba" in sys.modules:
        import_module("numba").config.CACHE_DIR = directory


def numba_place() -> tuple[str, str]:
    """Returns where numba keeps librosa's functions ("": nowhere), and what is wrong with that ("": nothing)."""
    if chosen := os.environ.get(NUMBA):
        problem = f"{NUMBA}={chosen} may not be written to: set it to a directory that may"
        return chosen, "" if is_writable(Path(chosen).absolute()) else problem
    spec = find_spec(JITTED)
    packages = spec.submodule_search_locations if spec else None
    if not packages:
        return "", ""  # nothing is compiled
    folders = {path.parent / "__pycache__" for path in Path(packages[0]).rglob("*.py")}
    if all(map(is_writable, folders)):
        return packages[0], ""
    root = cache_root()
    if root is not None and is_writable(root / "numba"):
        return str(root / "numba"), ""
    return "", f"every program compiles again: set {CACHE} or {NUMBA} to a directory that may be written to"


def import_librosa(name: str = JITTED) -> ModuleType:
    """Imports librosa or a module of it, and returns it."""
    prepare_numba()
    import librosa  # noqa: F401 - written out, so that what depends on its version is known to do so

    return import_module(name)
