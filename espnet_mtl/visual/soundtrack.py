"""The sound of videos: a second or less at a time, so that memory stays flat however long one is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.system.audio_files import RATES, UnusableAudio
from espnet_mtl.system.files import remove
from espnet_mtl.system.sound import sound_writer
from espnet_mtl.visual.unusable import UnusableVisual
from espnet_mtl.visual.videos import check_length, check_whole, claimed_seconds, import_av, open_video

Piece = tuple[NDArray[np.float32], int]
"""Samples (T_wav,), full scale 1, and their rate in Hz."""


def write_soundtrack(video: Path, path: Path, most_seconds: float) -> None:
    """Writes the sound of a video as a .wav file of its rate, its channels mixed to one.

    Raises:
        UnusableAudio: It is missing, no video, broken or cut off, has no sound, or takes more than `most_seconds`;
            nothing is written then.
        UserError: PyAV is missing.
    """
    pieces = read_soundtrack(video, most_seconds)
    try:
        samples, fs = next(pieces)
        with path.open("wb") as file, sound_writer(file, fs, "wav") as write:
            write(samples)
            for samples, _ in pieces:
                write(samples)
    except UnusableVisual as error:
        remove(path)
        raise UnusableAudio(str(error)) from error


def read_soundtrack(path: Path, most_seconds: float) -> Iterator[Piece]:
    """Yields the first sound of a video, piece by piece, one at least; FFmpeg mixes its channels to one.

    Raises:
        UnusableVisual: As `write_soundtrack` says.
    """
    with open_video(path) as container:
        if not container.streams.audio:
            raise UnusableVisual(f"no sound: {path} has no sound")
        stream = container.streams.audio[0]
        stream.codec_context.thread_count = 1  # the stage runs a process on every core
        claimed = claimed_seconds(container, stream)
        check_length(claimed, most_seconds, path)
        fs = stream.rate
        if not RATES[0] <= fs <= RATES[1]:
            raise UnusableVisual(f"sampling rate: {path}: {fs} Hz, allowed {RATES[0]} to {RATES[1]} Hz")
        mixer = import_av().AudioResampler(format="flt", layout="mono", rate=fs)
        total = 0
        # None: what the mixer still holds
        for frame in chain(container.decode(stream), [None]):
            for mixed in mixer.resample(frame):
                samples = mixed.to_ndarray()[0]
                total += len(samples)
                check_length(total / fs, most_seconds, path)
                yield samples, fs
        if not total:
            raise UnusableVisual(f"unreadable: {path}: no sound can be decoded")
        check_whole(total / fs, claimed, path)
