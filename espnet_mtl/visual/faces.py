"""Finding the face in pictures, by the Haar cascade that OpenCV brings (Viola & Jones 2001)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.errors import UserError
from espnet_mtl.visual.unusable import UnusableVisual

Grey = NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""Left edge, upper edge, width and height in pixels."""

BRIGHTEST = 255
"""White, in pictures of whole numbers."""
CASCADE = "haarcascade_frontalface_default.xml"
SEARCH_SIDE = 320
"""Pixels that a picture is shrunk to for the search."""
SMALLEST = 32
"""Side in those pixels of the smallest face that is looked for."""
SCALE_STEP, NEIGHBOURS = 1.1, 5
DOMINANT = 2.0
"""A face is the speaker's where it is so many times as large as any other: its area."""
MARGIN = 0.15
"""Share of a found face that is added on every side: the cascade's boxes end at brows and lips."""
MOST_WITHOUT = 0.5
"""Share of frames beyond which too few show one face."""
_OF_THREAD = local()


@cache
def import_opencv() -> Any:
    """Imports OpenCV, on one thread.

    Raises:
        UserError: It is not installed, or a version that has no cascades.
    """
    how = "run tools/setup.sh, or pip install 'opencv-python-headless>=4.8,<5'"
    try:
        import cv2
    except ImportError as error:
        raise UserError(f"OpenCV, which finds faces in pictures and videos, is not there ({error}): {how}") from error
    if not hasattr(cv2, "CascadeClassifier"):
        raise UserError(f"OpenCV {cv2.__version__} has no CascadeClassifier, which finds faces: {how}")
    cv2.setNumThreads(1)  # the stage runs a process on every core
    return cv2


def _cascade() -> Any:
    """Returns the cascade of this thread: a search keeps its picture in it."""
    if not hasattr(_OF_THREAD, "cascade"):
        cv2 = import_opencv()
        _OF_THREAD.cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / CASCADE))
    return _OF_THREAD.cascade


def find_faces(grey: Grey) -> list[Box]:
    """Finds the faces of a picture (H, W), the largest first."""
    cv2 = import_opencv()
    height, width = grey.shape
    factor = min(1.0, SEARCH_SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(np.ascontiguousarray(grey), size, interpolation=cv2.INTER_AREA)
    found = _cascade().detectMultiScale(small, SCALE_STEP, NEIGHBOURS, minSize=(SMALLEST, SMALLEST))
    boxes = []
    for box in found:
        left, top, across, down = (round(float(number) / factor) for number in box)
        boxes.append((left, top, across, down))
    return sorted(boxes, key=lambda box: box[2] * box[3], reverse=True)


def speakers_face(boxes: list[Box]) -> Box | None:
    """Returns the face that is the speaker's; None where there is none, or no one face is much the largest."""
    if not boxes:
        return None
    first, *others = boxes
    for other in others:
        if first[2] * first[3] < DOMINANT * other[2] * other[3]:
            return None
    return first


def cropped(grey: Grey, box: Box) -> Grey:
    """Cuts a face with a margin out of a picture; what would lie outside of the picture has the grey of its edge."""
    left, top, width, height = box
    margin = round(MARGIN * max(width, height))
    padded = np.pad(grey, margin, mode="edge")
    # The margin that is added to the picture is also the one that the box gains
    return padded[top : top + height + 2 * margin, left : left + width + 2 * margin]


def speakers_faces(frames: Iterable[Grey], path: Path, size: int) -> NDArray[np.float32]:
    """Cuts the speaker's face out of each frame.

    A frame in which no one face is found has the crop of the frame before it (the first ones: that of the next).

    Args:
        frames: Grey frames (H, W).
        path: Where they are from, for messages.
        size: Side of a crop in pixels.

    Returns:
        Crops (T, size, size) from 0 to 1.

    Raises:
        UnusableVisual: Half of the frames or more show no face, or several of similar size.
    """
    crops: list[NDArray[np.float32] | None] = []
    several = 0
    for frame in frames:
        boxes = find_faces(frame)
        box = speakers_face(boxes)
        if box is None:
            several += bool(boxes)
            crops.append(None)
        else:
            crops.append(resized(cropped(frame, box).astype(np.float32) / np.float32(BRIGHTEST), size))
    without = sum(crop is None for crop in crops)
    if without >= MOST_WITHOUT * len(crops):
        kind = "several faces" if several > without / 2 else "no face"
        raise UnusableVisual(f"{kind}: {path}: in {without} of {len(crops)} frames")
    return np.stack(_filled(crops))


def _filled(crops: list[NDArray[np.float32] | None]) -> list[NDArray[np.float32]]:
    """Puts the crop before it in the place of one that is not there; the first one's is the first that is."""
    last = next(crop for crop in crops if crop is not None)
    filled = []
    for crop in crops:
        last = last if crop is None else crop
        filled.append(last)
    return filled


def resized(crop: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Scales a picture (H, W) to (size, size); where it shrinks, pixels are averaged."""
    from PIL import Image

    if crop.shape == (size, size):
        return crop
    scaled = Image.fromarray(crop).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(scaled)
