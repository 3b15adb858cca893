"""Faces as motion capture measures them: IEMOCAP's files `MOCAP_rotated` (Busso et al. 2008, LREV 42)."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.errors import UserError
from espnet_mtl.system.files import read_text
from espnet_mtl.visual.files import check_file
from espnet_mtl.visual.unusable import UnusableVisual

SUFFIX = ".txt"
HEADER = re.compile(rb"Frame#\s+Time\s")
"""What such a file begins with: the names of the markers follow, and in a second line, X, Y and Z of each."""
HEADER_BYTES = 64
HEADER_LINES = 2
FRAME_AND_TIME = 2
"""Numbers of a line before the coordinates."""
MOST_BYTES = 2**24
"""Size of a file beyond which it is refused: a sentence of 34 s at 120 frames a second has 6 MB."""
LEAST_STEP_S, LARGEST_STEP_S = 1e-3, 10.0
"""Between two frames: the rate would else be beyond any camera's, or none."""


def is_markers(path: Path) -> bool:
    """Tells whether a path is that of a file of markers: a text that begins as such, or that cannot be read."""
    if path.suffix.lower() != SUFFIX or not os.path.isfile(path):  # which raises nothing over a long name
        return False
    try:
        with path.open("rb") as file:
            return HEADER.match(file.read(HEADER_BYTES)) is not None
    except OSError:
        return True  # what is wrong with it is told where it is read


def read_markers(path: Path) -> tuple[NDArray[np.float64], float]:
    """Reads how the markers of a face move: coordinates (T, 3 * markers) in mm, and frames a second.

    The files have the movement of the head taken out already. Each coordinate is relative to its mean over the
    utterance: where a marker sits differs by centimetres between actors and sessions, and expressions move it by
    millimetres, so that whose face it is would else be most of what is seen. A marker that was lost moves evenly
    between the frames that have it, and one that no frame has stays where it is.

    Raises:
        UnusableVisual: It cannot be read, is too large, has no frame or a line that is none, its times do not rise or
            are too far apart, or no marker was seen.
    """
    check_file(path)
    if path.stat().st_size > MOST_BYTES:
        raise UnusableVisual(f"too large: {path}: {path.stat().st_size} bytes, at most {MOST_BYTES}")
    frames = _frames(path)
    times, places = frames[:, 1], frames[:, FRAME_AND_TIME:]
    if np.isnan(places).all():
        raise UnusableVisual(f"not finite: {path}: no marker was seen in any frame")
    moved = _filled(places)
    with np.errstate(over="ignore", invalid="ignore"):
        moved -= moved.mean(axis=0)
    if not np.isfinite(moved).all():
        raise UnusableVisual(f"not finite: {path}: its coordinates are too large to take their mean")
    return moved, _rate(path, times)


def _frames(path: Path) -> NDArray[np.float64]:
    """Reads the lines (T, 2 + 3 * markers) below the header."""
    try:
        lines = read_text(path, "latin-1").rstrip().split("\n")[HEADER_LINES:]
    except UserError as error:
        raise UnusableVisual(f"unreadable: {error}") from error
    if not lines:
        raise UnusableVisual(f"unreadable: {path}: no frame below its header")
    size = len(lines[0].split())
    if size <= FRAME_AND_TIME or (size - FRAME_AND_TIME) % 3:
        form = "frame, time, and X, Y and Z of each marker"
        raise UnusableVisual(f"unreadable: {path}:{HEADER_LINES + 1}: {size} numbers, expected {form}")
    rows = []
    for number, line in enumerate(lines, HEADER_LINES + 1):
        rows.append(_frame(f"{path}:{number}", line, size))
    return np.stack(rows)


def _frame(where: str, line: str, size: int) -> NDArray[np.float64]:
    """Reads frame number, time and coordinates, which are NaN where a marker was lost."""
    words = line.split()
    if len(words) != size:
        raise UnusableVisual(f"unreadable: {where}: {len(words)} numbers, expected {size}")
    try:
        numbers = np.array([float(word) for word in words])
    except ValueError as error:
        raise UnusableVisual(f"unreadable: {where}: {error}") from error
    if not np.isfinite(numbers[:FRAME_AND_TIME]).all() or np.isinf(numbers).any():
        raise UnusableVisual(f"not finite: {where}: infinity, or no time")
    return numbers


def _filled(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fills the gaps of each column of (T, D) from the frames beside them; a column of gaps alone is 0."""
    frames = np.arange(len(places))
    filled = np.zeros_like(places)
    for column, values in enumerate(places.T):
        known = ~np.isnan(values)
        if known.any():
            filled[:, column] = np.interp(frames, frames[known], values[known])
    return filled


def _rate(path: Path, times: NDArray[np.float64]) -> float:
    """Returns frames a second by the times (T,) of the first and last frame; of one frame alone, 1."""
    if len(times) == 1:
        return 1.0
    with np.errstate(over="ignore"):
        steps = np.diff(times)
        step = (times[-1] - times[0]) / (len(times) - 1)
    if step < LEAST_STEP_S or (steps < 0).any():
        raise UnusableVisual(f"unreadable: {path}: its times do not rise")
    if step >= LARGEST_STEP_S:
        raise UnusableVisual(
            f"unreadable: {path}: {step:g} s between its frames, expected less than {LARGEST_STEP_S:g}"
        )
    return round(float(1 / step), 1)  # times are rounded, too
