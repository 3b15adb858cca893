"""What stages wrote, in a form that can be compared: everything but times and logs."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

IGNORED_DIRECTORIES = frozenset({"tensorboard", "__pycache__"})
IGNORED = (".log", ".lock")
"""Ends of the names of files that hold times, or nothing."""
CHECKED = "checked_"
"""First letters of the notes of stage 5's checks, which hold the times of archives."""


def contents(work: Path) -> dict[str, str]:
    """Hashes every file below a directory, by its path; of a link, where it leads."""
    found = {}
    for path in sorted(work.rglob("*")):
        place = path.relative_to(work)
        if IGNORED_DIRECTORIES.intersection(place.parts) or path.name.endswith(IGNORED):
            continue
        if path.is_symlink():
            found[str(place)] = f"-> {path.readlink()}"
        elif path.is_dir():
            found[f"{place}/"] = ""
        else:
            found[str(place)] = digest(path.name, path.read_bytes())
    return found


def digest(name: str, data: bytes) -> str:
    """Hashes what is in a file: of checkpoints, arrays and archives, what would be read from them."""
    state = hashlib.sha256()
    for part in _parts(name, data):
        state.update(part)
    return state.hexdigest()


def _parts(name: str, data: bytes) -> Iterator[bytes]:
    if name.endswith(".pth"):
        yield from _tensors(data)
    elif name.endswith(".npz"):
        yield from _arrays(data)
    elif name.endswith(".zip"):
        yield from _members(data)
    elif name == "meta.yaml":
        meta = yaml.safe_load(data)
        meta.pop("timestamp", None)
        yield yaml.safe_dump(meta, sort_keys=True).encode()
    elif name.startswith(CHECKED) and name.endswith(".json"):
        note = json.loads(data)
        yield json.dumps([note["tables"], sorted(note["archives"])]).encode()
    else:
        yield data


def _tensors(data: bytes) -> Iterator[bytes]:
    import torch

    with torch.serialization.safe_globals([datetime.timedelta]):
        stored = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    yield from _flat(stored)


def _flat(value: Any) -> Iterator[bytes]:
    """Yields the names, numbers and tensors of a state; not what ESPnet's reporter keeps, which are times, too."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key != "reporter":
                yield f"{key}=".encode()
                yield from _flat(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _flat(item)
    elif hasattr(value, "numpy"):
        yield f"{value.dtype}{tuple(value.shape)}".encode()
        yield value.contiguous().numpy().tobytes()
    else:
        yield repr(value).encode()


def _arrays(data: bytes) -> Iterator[bytes]:
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        for name in sorted(stored.files):
            array = stored[name]
            yield f"{name}{array.dtype}{array.shape}".encode()
            yield array.tobytes()


def _members(data: bytes) -> Iterator[bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in sorted(archive.namelist()):
            yield name.encode()
            yield digest(Path(name).name, archive.read(name)).encode()


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Says what is missing, what is left over and what is different."""
    said = [f"missing: {path}" for path in expected if path not in found]
    said += [f"left over: {path}" for path in found if path not in expected]
    said += [f"different: {path}" for path in expected if path in found and found[path] != expected[path]]
    return said
