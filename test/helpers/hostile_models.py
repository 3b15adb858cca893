"""Packed models that somebody has changed."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml

FIXTURES = Path(__file__).parents[1] / "fixtures"
BACKBONES = ("fastspeech2", "tacotron2")
OPTIONS = {"fastspeech2": None, "tacotron2": {"maxlenratio": 2.0, "threshold": 1.0}}
"""`decode_conf` with which the models end."""


def sound_members(backbone: str = "fastspeech2") -> dict[str, bytes]:
    """Members of a sound model: name -> content."""
    with zipfile.ZipFile(FIXTURES / f"espnet_202511_{backbone}.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def folder(members: dict[str, bytes]) -> str:
    """The folder of the model within the archive, with a slash."""
    return next(name for name in members if name.endswith("config.yaml")).removesuffix("config.yaml")


def changed_yaml(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """YAML after `change` has changed what it says."""
    value = yaml.safe_load(content)
    change(value)
    return yaml.safe_dump(value, allow_unicode=True).encode()


def changed_config(change: Callable[[dict[str, Any]], object], backbone: str = "fastspeech2") -> dict[str, bytes]:
    """Members of a model with another config.yaml."""
    members = sound_members(backbone)
    name = f"{folder(members)}config.yaml"
    return {**members, name: changed_yaml(members[name], change)}


def with_file(name: str, content: bytes, **meta: str) -> dict[str, bytes]:
    """Members of a model with another file in its folder, which meta.yaml may name: `vocoder_file="v.pkl"`."""
    members = sound_members()
    members[folder(members) + name] = content
    named = {key: folder(members) + value for key, value in meta.items()}
    members["meta.yaml"] = changed_yaml(members["meta.yaml"], lambda value: value["files"].update(named))
    return members


def write(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """Writes an archive."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def saved(content: object, **options: Any) -> bytes:
    """Bytes of `torch.save`."""
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


class RunsCode:
    """Makes a directory when it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = str(mark)

    def __reduce__(self):
        return os.mkdir, (self.mark,)
