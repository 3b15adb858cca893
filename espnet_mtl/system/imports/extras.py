"""Packages that an extra of this one installs."""

from __future__ import annotations

from importlib.util import find_spec

from espnet_mtl.errors import UserError

EXTRAS = {
    "PIL": "visual",
    "av": "visual",
    "dask_jobqueue": "cluster",
    "distributed": "cluster",
    "fastapi": "serve",
    "gradio": "page",
    "onnxruntime": "onnx",
    "torch": "train",
}
"""The extra that has a package."""


def is_installed(package: str) -> bool:
    """Tells whether a package is there, without importing it."""
    return find_spec(package) is not None


def check_installed(package: str) -> None:
    """Raises UserError where a package of `EXTRAS` is not there."""
    if not is_installed(package):
        raise UserError(f"{package} is not installed: pip install 'espnet_mtl[{EXTRAS[package]}]'")
