"""Results kept between calls, found again by what they were made from."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.errors import UserError
from espnet_mtl.system.files import locked, read_arrays, write_bytes
from espnet_mtl.system.paths import is_writable

NamedArrays = dict[str, NDArray]
MOST_BYTES = 2**36
"""Features of many hours of speech: what is larger was never written here."""


def cached(path: Path, key: str, build: Callable[[], NamedArrays]) -> NamedArrays:
    """Reads arrays from `path` where they were built with this key; else builds and writes them.

    A file that is missing, has another key or is damaged is built again and replaced when whole; where its directory
    is read-only, it is built by every call.
    """
    try:
        arrays = read_arrays(path, MOST_BYTES)
    except UserError:
        arrays = {}
    if "key" in arrays and str(arrays.pop("key")) == key:
        return arrays
    arrays = build()
    if not is_writable(path.parent):
        print(f"notice: {path.parent} may not be written to: the next call computes {path.name} again", file=sys.stderr)
        return arrays
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays, key=np.array(key))
    with locked(path):
        write_bytes(path, content.getvalue())
    return arrays


def digest(files: Iterable[str | Path], settings: Mapping[str, object], optional: Iterable[str | Path] = ()) -> str:
    """Hashes the contents of files, and settings.

    Args:
        files: Files that must be there.
        settings: Anything that can be written as JSON.
        optional: Files that may be missing; a missing one counts differently from an empty one.

    Raises:
        UserError: One of `files` is missing.
    """
    state = hashlib.blake2b(json.dumps(settings, sort_keys=True, default=str).encode(), digest_size=16)
    for file in map(Path, files):
        if not file.is_file():
            raise UserError(f"{file} is missing")
        _add(state, file.read_bytes())
    for file in map(Path, optional):
        if file.is_file():
            _add(state, file.read_bytes())
        else:
            state.update(b"missing\0")
    return state.hexdigest()


def _add(state: hashlib.blake2b, content: bytes) -> None:
    # The length goes first: "ab" and "c" must not count as "a" and "bc".
    state.update(f"{len(content)}\0".encode())
    state.update(content)
