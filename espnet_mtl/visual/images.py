"""The one reader of pictures."""

from __future__ import annotations

import warnings
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.system.imports.extras import check_installed
from espnet_mtl.visual.files import check_file
from espnet_mtl.visual.unusable import UnusableVisual

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
"""What Pillow may open: some of its other readers run programs."""
MOST_PIXELS = 2**26
"""Of a picture: what larger cameras than those of phones take is refused, before it is decoded."""
LONGEST_SIDE = 1024
"""Pixels that a picture is shrunk to: a face needs no more."""
DAMAGE = (OSError, ValueError, SyntaxError, EOFError, MemoryError, OverflowError, LookupError, TypeError)
"""What Pillow raises over bytes that are no picture."""
_WARNINGS = Lock()
"""Held where warnings are errors, which they then are in all threads."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """Reads a picture in greys (H, W), turned upright as its camera noted.

    Raises:
        UnusableVisual: It is missing, no picture, broken, or has more than `MOST_PIXELS`.
        UserError: Pillow is not installed.
    """
    check_installed("PIL")
    from PIL import Image, ImageOps

    check_file(path)
    too_large = (Image.DecompressionBombWarning, Image.DecompressionBombError)
    try:
        with _opened(path) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise UnusableVisual(f"too large: {path}: {width} x {height} pixels, at most {MOST_PIXELS}")
            image.draft("L", (LONGEST_SIDE, LONGEST_SIDE))  # of JPEG: decodes no more than that asks for
            grey = image.convert("L")
    except too_large as error:
        raise UnusableVisual(f"too large: {path}: at most {MOST_PIXELS} pixels") from error
    except DAMAGE as error:
        raise UnusableVisual(f"unreadable: {path}: {error}") from error
    grey.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    # Last, since it copies the picture
    return np.asarray(ImageOps.exif_transpose(grey))


def _opened(path: Path) -> Any:
    """Opens a picture, whose header is read; what is much too large is refused here."""
    from PIL import Image

    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(path, formats=FORMATS)
