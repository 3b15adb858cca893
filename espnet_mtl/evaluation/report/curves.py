"""Curves of training: what ESPnet logged for tensorboard, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
"""Step and value, (N, 2)."""


def read_curves(exp: Path) -> dict[str, dict[str, Curve]]:
    """Reads the logged scalars of an experiment.

    Args:
        exp: exp/<tag> (stage 5).

    Returns:
        For "train" and "valid", where they were logged: by name, step and value (N, 2).
    """
    parts = {part: exp / "tensorboard" / part for part in ("train", "valid")}
    return {part: _scalars(directory) for part, directory in parts.items() if directory.is_dir()}


def _scalars(directory: Path) -> dict[str, Curve]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(directory), size_guidance={"scalars": 0})
    events.Reload()
    return {name: _curve(events.Scalars(name)) for name in events.Tags()["scalars"]}


def _curve(events: Sequence[Any]) -> Curve:
    """The first value of each step: at the end of an epoch its average is logged as well."""
    points = np.array([(event.step, event.value) for event in events])
    _, first = np.unique(points[:, 0], return_index=True)
    return np.asarray(points[first])


def ending(curves: Mapping[str, Curve], suffix: str) -> dict[str, Curve]:
    """Those whose name ends so, without it."""
    return {name.removesuffix(suffix): curve for name, curve in curves.items() if name.endswith(suffix)}
