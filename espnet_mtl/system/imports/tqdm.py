"""Importing tqdm without what it says in a notebook that has no ipywidgets: no bar is drawn there."""

from __future__ import annotations

import warnings

from espnet_mtl.system.imports.pyworld import IMPORTING


def import_tqdm() -> None:
    """Imports `tqdm.auto`, as librosa will by way of pooch."""
    with IMPORTING, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")
        import tqdm.auto  # noqa: F401
