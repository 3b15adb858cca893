"""Pictures and videos of drawn faces, as cameras and other programs write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from espnet_mtl.visual.drawing import draw_faces

HEIGHT, WIDTH, SIDE = 240, 320, 160
GREY = 120
RATE = 25


def face(emotion: str = "neutral", person: str = "ann", seed: int = 0, side: int = SIDE) -> np.ndarray:
    """One face (side, side), which OpenCV's cascade finds."""
    return draw_faces(emotion, person, 1, np.random.default_rng(seed), side=side)[0]


def scene(*faces: tuple[np.ndarray, int, int]) -> np.ndarray:
    """A picture (240, 320) with faces at some places: (face, top, left)."""
    picture = np.full((HEIGHT, WIDTH), GREY, np.uint8)
    for drawn, top, left in faces:
        picture[top : top + len(drawn), left : left + len(drawn)] = drawn
    return picture


def portrait(emotion: str = "neutral", person: str = "ann", seed: int = 0) -> np.ndarray:
    """A picture (240, 320) of one person."""
    return scene((face(emotion, person, seed), 40, 80))


def write_video(
    path: Path, frames: Iterable[np.ndarray], times: Sequence[float] | None = None, codec: str = "mpeg4"
) -> Path:
    """Writes grey frames (H, W) as a video of `RATE` frames a second, or with each at a time of its own in seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, grey in enumerate(frames):
            if index == 0:
                stream.height, stream.width = grey.shape
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(grey), format="gray").reformat(format="yuv420p")
            at = index / RATE if times is None else times[index]
            frame.pts, frame.time_base = round(1000 * at), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_film(
    path: Path, samples: np.ndarray, fs: int = 16000, layout: str = "mono", frames: Sequence[np.ndarray] = ()
) -> Path:
    """Writes a video with sound (channels, T_wav), and frames (H, W) of `RATE` a second, plain grey by default."""
    if not len(frames):
        frames = [np.full((48, 64), GREY, np.uint8)] * max(1, round(samples.shape[1] / fs * RATE))
    height, width = frames[0].shape
    with av.open(str(path), "w") as container:
        film = container.add_stream("mpeg4", rate=RATE, width=width, height=height, pix_fmt="yuv420p")
        sound = container.add_stream("aac", rate=fs, layout=layout)
        for grey in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(grey), format="gray")
            container.mux(film.encode(frame.reformat(format="yuv420p")))
        heard = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32), "fltp", layout)
        heard.rate = fs
        container.mux(sound.encode(heard))
        container.mux(sound.encode())
        container.mux(film.encode())
    return path


def write_camera(path: Path) -> Path:
    """Writes what a camera sees that a happy person looks into, as Chromium takes it in place of one (YUV4MPEG2)."""
    colourless = bytes([128]) * (HEIGHT * WIDTH // 2)
    header = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420\n".encode()
    path.write_bytes(header + b"FRAME\n" + portrait("happy").tobytes() + colourless)
    return path


def write_sound(path: Path, seconds: float = 1.0) -> Path:
    """Writes a video file that has sound alone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, round(16000 * seconds)), np.float32), "fltp", "mono")
        frame.rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
