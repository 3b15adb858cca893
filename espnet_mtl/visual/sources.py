"""What kind of thing a path of `visual.scp` names, and how its frames are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.visual import images, videos
from espnet_mtl.visual.arrays import Given, check_numbers, read_given
from espnet_mtl.visual.markers import is_markers, read_markers
from espnet_mtl.visual.unusable import UnusableVisual

ARRAYS = (".npy", ".npz")
VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".flv", ".avi", ".mpg", ".mpeg", ".ogv", ".wmv", ".3gp", ".ts")
Source = Given | Path
"""An array, or the path of a picture or a video."""


def is_array(path: Path) -> bool:
    """Tells whether a path is that of an array, or of markers, which become one; others are pictures and videos."""
    return path.suffix.lower() in ARRAYS or is_markers(path)


def is_image(path: Path) -> bool:
    """Tells whether a path is that of a picture."""
    return path.suffix.lower() in images.SUFFIXES


def source_of(visual: str | Path | NDArray[np.generic]) -> Source:
    """Reads the file of an array; a picture or a video stays where it is, and an array is what it is.

    Raises:
        UnusableVisual: The array cannot be read, or is not of numbers.
    """
    if isinstance(visual, np.ndarray):
        check_numbers(visual, "the array")
        return Given(np.atleast_1d(visual))
    path = Path(visual)
    if is_markers(path):
        return Given(*read_markers(path))
    return read_given(path) if is_array(path) else path


def is_timed(source: Source) -> bool:
    """Tells whether something has a length in seconds, which can be held against that of the speech."""
    if isinstance(source, Given):
        return source.rate is not None
    return not is_image(source)


def read_frames(path: Path, rate: float, most_seconds: float) -> Iterator[NDArray[np.uint8]]:
    """Yields grey frames (H, W) of a video, `rate` a second; of a picture, the one that there is.

    Raises:
        UnusableVisual: It is neither, or what `read_image` and `read_video` raise.
    """
    if is_image(path):
        yield images.read_image(path)
    elif path.suffix.lower() in VIDEOS:
        yield from videos.read_video(path, rate, most_seconds)
    else:
        known = " ".join((*images.SUFFIXES, *VIDEOS, *ARRAYS))
        raise UnusableVisual(f"unknown kind: {path}: expected one of {known}, a Kaldi archive, or markers of IEMOCAP")
