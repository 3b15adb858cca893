"""What kind of thing a place of `visual.scp` names, and how its frames are read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.errors import UserError
from espnet_mtl.system.kaldi.matrix import file_and_offset, is_place_of_matrix, load_matrix, matrix_shape
from espnet_mtl.visual import images, markers, videos
from espnet_mtl.visual.arrays import MOST_BYTES, Given, check_frames, read_given
from espnet_mtl.visual.files import check_file
from espnet_mtl.visual.markers import is_markers, read_markers
from espnet_mtl.visual.unusable import UnusableVisual

ARRAYS = (".npy", ".npz")
VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".flv", ".avi", ".mpg", ".mpeg", ".ogv", ".wmv", ".3gp", ".ts")
BYTES_OF_NUMBER = 4
"""In matrices of Kaldi archives, once they are read."""
Source = Given | Path
"""An array, or the path of a picture or a video."""


def is_array(place: str | Path) -> bool:
    """Tells whether a place is that of an array, or of markers, which become one; others are pictures and videos."""
    path = Path(place)
    return is_place_of_matrix(str(place)) or path.suffix.lower() in ARRAYS or is_markers(path)


def is_image(path: Path) -> bool:
    """Tells whether a path is that of a picture."""
    return path.suffix.lower() in images.SUFFIXES


def source_of(visual: str | Path | NDArray[np.generic]) -> Source:
    """Reads an array; a picture or a video stays where it is.

    Args:
        visual: A file, a place in a Kaldi archive (`feats.ark:1234`), or an array, which is what it is.

    Raises:
        UnusableVisual: The array cannot be read, or is not of numbers.
    """
    if isinstance(visual, np.ndarray):
        check_frames(visual, "the array")
        return Given(visual)
    path = Path(visual)
    if is_place_of_matrix(str(visual)):
        return _read_matrix(str(visual))
    if path.suffix.lower() == markers.SUFFIX:
        check_file(path)
    if is_markers(path):
        return Given(*read_markers(path))
    return read_given(path) if is_array(path) else path


def _read_matrix(place: str) -> Given:
    check_file(file_and_offset(place)[0])
    try:
        shape = matrix_shape(place, "the archive")
        size = math.prod(shape) * BYTES_OF_NUMBER
        if size > MOST_BYTES:
            raise UnusableVisual(f"too large: {place}: a matrix {shape} of {size} bytes, at most {MOST_BYTES}")
        return Given(load_matrix(place, "the archive"))
    except UserError as error:
        raise UnusableVisual(f"unreadable: {error}") from error


def is_timed(source: Source) -> bool:
    """Tells whether something has a length in seconds, which can be held against that of the speech."""
    if isinstance(source, Given):
        return source.rate is not None
    return not is_image(source)


def read_frames(path: Path, rate: float, limits: videos.Limits) -> Iterator[NDArray[np.uint8]]:
    """Yields grey frames (H, W) of a video, `rate` a second; of a picture, the one that there is.

    Raises:
        UnusableVisual: It is neither, or what `read_image` and `read_video` raise.
    """
    if is_image(path):
        yield images.read_image(path)
    elif path.suffix.lower() in VIDEOS:
        yield from videos.read_video(path, rate, limits)
    else:
        known = " ".join((*images.SUFFIXES, *VIDEOS, *ARRAYS))
        raise UnusableVisual(f"unknown kind: {path}: expected one of {known}, a Kaldi archive, or markers of IEMOCAP")
