import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from face_media import portrait
from PIL import Image

from espnet_mtl.visual.images import read_image
from espnet_mtl.visual.unusable import UnusableVisual

ORIENTATION, TURNED = 0x0112, 6
"""The tag of EXIF that says how a camera was held, and its value for one that was turned to the left."""


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp"])
def test_a_picture_becomes_greys(tmp_path, name):
    picture = portrait("happy")
    Image.fromarray(picture).convert("RGB").save(tmp_path / name)
    grey = read_image(tmp_path / name)
    assert grey.dtype == np.uint8
    assert grey.shape == picture.shape
    assert np.abs(grey.astype(float) - picture).mean() < 5


def test_a_picture_is_turned_as_its_camera_was_held(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED
    Image.fromarray(np.rot90(portrait())).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), portrait())


def test_a_large_picture_is_shrunk(tmp_path):
    Image.new("L", (4000, 3000)).save(tmp_path / "a.jpg")
    assert read_image(tmp_path / "a.jpg").shape == (768, 1024)


def huge_png(width: int, height: int) -> bytes:
    """A picture of zeros, of a few kilobytes, that claims this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(10**6))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(20000, 20000), (10000, 9000), (9000, 8000)], ids=str)
def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, size):
    (tmp_path / "a.png").write_bytes(huge_png(*size))
    tracemalloc.start()
    with pytest.raises(UnusableVisual, match=r"^too large: .*a.png: .*pixels"):
        read_image(tmp_path / "a.png")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**22


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "text.jpg").write_text("Good morning.")
    Image.fromarray(portrait()).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    # Pillow runs Ghostscript on these
    (tmp_path / "program.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    Image.fromarray(portrait()).save(tmp_path / "other.png", format="TIFF")
    for name in ("text.jpg", "cut.png", "program.png", "other.png"):
        with pytest.raises(UnusableVisual, match=f"^unreadable: .*{name}"):
            read_image(tmp_path / name)
    with pytest.raises(UnusableVisual, match=r"^missing: .*none.png"):
        read_image(tmp_path / "none.png")
