"""What kind of file some bytes are, by what such files begin with."""

from __future__ import annotations

from espnet_mtl.visual.unusable import UnusableVisual

SIGNATURES = (
    (".jpg", 0, b"\xff\xd8\xff"),
    (".png", 0, b"\x89PNG\r\n\x1a\n"),
    (".webp", 8, b"WEBP"),
    (".bmp", 0, b"BM"),
    (".mp4", 4, b"ftyp"),
    (".mov", 4, b"moov"),
    (".mov", 4, b"mdat"),
    (".mov", 4, b"wide"),
    (".mkv", 0, b"\x1a\x45\xdf\xa3"),
    (".flv", 0, b"FLV"),
    (".avi", 8, b"AVI "),
    (".ogv", 0, b"OggS"),
    (".mpg", 0, b"\x00\x00\x01\xba"),
    (".wmv", 0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    (".ts", 188, b"G"),
    (".npy", 0, b"\x93NUMPY"),
    (".npz", 0, b"PK\x03\x04"),
)
"""Ending of the name, and bytes at a place. MPEG transport streams have a G every 188 bytes; WebM is Matroska."""
KNOWN = "a picture (JPEG, PNG, WebP, BMP), a video (MP4, MOV, WebM, Matroska, FLV, AVI, …) or an array of NumPy"


def suffix_of(data: bytes) -> str:
    """Returns the ending that the name of a file with these bytes has, such as `.png`.

    That it is one, and a whole one, is for its reader to tell.

    Raises:
        UnusableVisual: It begins as no picture, video or array does.
    """
    for suffix, place, signature in SIGNATURES:
        if data.startswith(signature, place):
            return suffix
    raise UnusableVisual(f"unknown kind: expected {KNOWN}")
