"""Results kept between calls, found again by what they were made from."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray]
DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def cached(path: Path, key: str, build: Callable[[], Arrays]) -> Arrays:
    """Reads arrays from `path` where they were built with this key; else builds and writes them.

    A file that is missing, of another key or damaged is built anew and replaced when whole.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        if str(arrays.pop("key")) == key:
            return arrays
    except DAMAGE:
        pass
    arrays = build()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp.npz")
    np.savez(temporary, allow_pickle=False, **{**arrays, "key": np.array(key)})
    os.replace(temporary, path)
    return arrays


def digest(files: Iterable[str | Path], settings: Mapping[str, object]) -> str:
    """Hashes the contents of files (none where missing) and settings."""
    state = hashlib.blake2b(json.dumps(settings, sort_keys=True, default=str).encode(), digest_size=16)
    for file in map(Path, files):
        state.update(file.read_bytes() if file.is_file() else b"")
        state.update(b"\0")
    return state.hexdigest()
