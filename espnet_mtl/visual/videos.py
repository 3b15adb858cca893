"""The one reader of videos: a frame at a time, so that memory stays flat however long one is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.system.imports.extras import check_installed
from espnet_mtl.visual.files import check_file
from espnet_mtl.visual.unusable import UnusableVisual

Grey = NDArray[np.uint8]

FORMATS = "mov,mp4,matroska,webm,flv,avi,mpeg,mpegts,ogg,asf,wav,mp3,flac"
"""What FFmpeg may open (recordings, so that they are called what they are): its readers of play lists would open
whatever file or address a list names."""
MOST_PIXELS = 2**24
"""Of a frame: 4096 x 4096."""
MOST_PIXELS_A_SECOND = 4096 * 2176 * 60
"""Of a video, times the seconds that it may have: what all its frames may have. 4096 x 2160 is coded so."""
MOST_PIXELS_A_SECOND_ASKED = 1920 * 1088 * 60
"""The same of a video in a request, for which others wait. 1920 x 1080 is coded so."""
LONGEST_SIDE = 640
"""Pixels that a frame is shrunk to."""
MOST_FRAMES_A_SECOND = 240
USUAL_RATE = 25.0
"""Frames a second of a video that does not say."""
MISSING_S = 0.5
"""Seconds that a video may have less than its header says."""


def import_av() -> Any:
    """Imports PyAV, which decodes videos.

    Raises:
        UserError: It is not installed.
    """
    check_installed("av")
    import av

    return av


@contextmanager
def open_video(path: Path) -> Iterator[Any]:
    """Opens a video, for the code that decodes it.

    Raises:
        UnusableVisual: It is missing or no video, or what is decoded of it is broken.
        UserError: PyAV is missing.
    """
    av = import_av()
    check_file(path)
    try:
        # A file that is open has no other address, nor leads to one
        with path.open("rb") as file, av.open(file, options=_options()) as container:
            yield container
    except av.error.ArgumentError as error:
        raise UnusableVisual(
            f"unreadable: {path}: it is no video, or of a format that is not read ({error.strerror})"
        ) from error
    # OSError: a place in the file that is not there; ValueError: names that are no text
    except (av.error.FFmpegError, OSError, MemoryError, ValueError) as error:
        raise UnusableVisual(f"unreadable: {path}: {getattr(error, 'strerror', None) or error}") from error


@dataclass(frozen=True)
class Limits:
    """How much of a video is decoded.

    Attributes:
        seconds: How long it may be.
        pixels: How many all its frames may have, those included that are not looked at.
    """

    seconds: float
    pixels: float

    @classmethod
    def of(cls, seconds: float) -> Self:
        """Returns the limits of videos that may have so many seconds."""
        return cls(seconds, seconds * MOST_PIXELS_A_SECOND)

    def within(self, seconds: float) -> Self:
        """Returns those of a request whose video may have so many seconds."""
        pixels = min(self.pixels, seconds * MOST_PIXELS_A_SECOND_ASKED)
        return replace(self, seconds=min(self.seconds, seconds), pixels=pixels)


def read_video(path: Path, rate: float, limits: Limits) -> Iterator[Grey]:
    """Yields grey frames (H, W), `rate` of them for a second of the video, turned upright as its camera noted.

    Raises:
        UnusableVisual: It is missing, no video, broken or cut off, has no video stream, more than `MOST_PIXELS` in a
            frame, or more than `limits`.
        UserError: PyAV is not installed.
    """
    with open_video(path) as container:
        yield from _frames(container, path, rate, limits)


def _options() -> dict[str, str]:
    return {"format_whitelist": FORMATS, "protocol_whitelist": "file"}


def _frames(container: Any, path: Path, rate: float, limits: Limits) -> Iterator[Grey]:
    """Decodes the frames of an open video, and takes those that are wanted."""
    stream = _video_stream(container, path)
    claimed = claimed_seconds(container, stream)
    check_length(claimed, limits.seconds, path)
    _check_sum(stream.frames * _pixels(stream.codec_context, path), limits, path)
    stream.codec_context.thread_count = 1  # the stage runs a process on every core
    own_rate = float(stream.average_rate or USUAL_RATE)
    start, time, taken, pixels = None, 0.0, 0, 0
    for index, frame in enumerate(container.decode(stream)):
        check_length(index / MOST_FRAMES_A_SECOND, limits.seconds, path)
        pixels += _pixels(stream.codec_context, path)  # its size may change on the way
        _check_sum(pixels, limits, path)
        at = index / own_rate if frame.time is None else frame.time
        start = at if start is None else start
        time = max(time, at - start)
        check_length(time, limits.seconds, path)
        if taken / rate <= time:
            grey = _grey(frame)
        # A frame stands for all the times at which none has come since the one before
        while taken / rate <= time:
            yield grey
            taken += 1
    if not taken:
        raise UnusableVisual(f"unreadable: {path}: no frame can be decoded")
    check_whole(time + 1 / own_rate, claimed, path)


def _video_stream(container: Any, path: Path) -> Any:
    """Returns the first stream that is a video and not the picture of a record's sleeve."""
    av = import_av()
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    raise UnusableVisual(f"no video stream: {path}")


def claimed_seconds(container: Any, stream: Any) -> float | None:
    """Returns how long a stream of a video is by the header; None where that does not say."""
    av = import_av()
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return None


def check_whole(seconds: float, claimed: float | None, path: Path) -> None:
    """Raises UnusableVisual where less was decoded than a header claims."""
    if claimed is not None and seconds < claimed - MISSING_S:
        raise UnusableVisual(f"cut off: {path}: {seconds:.2f} s of the {claimed:.2f} s that its header says")


def check_length(seconds: float | None, most_seconds: float, path: Path) -> None:
    """Raises UnusableVisual where a video is too long; None: how long is not known."""
    if seconds is not None and seconds > most_seconds:
        raise UnusableVisual(f"too long: {path}: {seconds:.0f} s, at most {most_seconds:.0f} s (max_seconds)")


def _pixels(decoder: Any, path: Path) -> int:
    """Returns how many pixels a frame has, with those that are decoded to be cut away.

    Raises:
        UnusableVisual: They are more than `MOST_PIXELS`.
    """
    width, height = max(decoder.width, decoder.coded_width), max(decoder.height, decoder.coded_height)
    if width * height > MOST_PIXELS:
        raise UnusableVisual(f"too large: {path}: {width} x {height} pixels, at most {MOST_PIXELS}")
    return width * height


def _check_sum(pixels: int, limits: Limits, path: Path) -> None:
    if pixels > limits.pixels:
        most = f"{limits.pixels / 1e6:.0f} million"
        raise UnusableVisual(f"too large: {path}: its frames have more than {most} pixels in all")


def _grey(frame: Any) -> Grey:
    """Returns a frame in greys (H, W), shrunk to `LONGEST_SIDE`."""
    factor = min(1.0, LONGEST_SIDE / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * factor)), max(1, round(frame.height * factor))
    grey = frame.reformat(width=width, height=height, format="gray").to_ndarray()
    quarters = round(frame.rotation / 90)
    return np.rot90(grey, quarters)
