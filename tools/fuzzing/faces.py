"""Files of faces, of every kind that is read."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from PIL import Image

from espnet_mtl.visual.drawing import draw_faces

SIDE = 16
"""Pixels of a crop, of the arrays and of what is made of the others."""
PICTURE, RATE, FRAMES = 160, 10, 7
"""Pixels of a picture's side, and frames a second and in all of a video."""


KINDS = ("png", "jpg", "mp4", "npz", "npy")


def write_face(path: Path) -> None:
    """Writes a face as the picture, video or array that a name ends in."""
    frames = draw_faces("happy", "ann", FRAMES, np.random.default_rng(0), side=PICTURE)
    crops = draw_faces("happy", "ann", FRAMES, np.random.default_rng(0), side=SIDE)
    match path.suffix:
        case ".mp4":
            _write_video(path, frames)
        case ".npz":
            np.savez(path, crops=crops, rate=RATE)
        case ".npy":
            np.save(path, crops)
        case _:
            Image.fromarray(frames[0]).save(path)


def _write_video(path: Path, frames: np.ndarray) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width = stream.height = PICTURE
        stream.pix_fmt = "yuv420p"
        for grey in frames:
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
