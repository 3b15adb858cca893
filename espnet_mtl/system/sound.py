"""Sound files: written piece by piece, or made in memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.floating]


def encoded(samples: Samples, fs: int, kind: str, subtype: str = "PCM_16") -> bytes:
    """Returns what a sound file holds.

    Args:
        samples: (T_wav,) or (T_wav, channels), full scale 1.
        fs: Sampling rate in Hz.
        kind: libsndfile's name of the format, "wav" or "flac", also as the suffix of a file, ".wav".
        subtype: libsndfile's name of the encoding; 16 bits a sample where it is not given.
    """
    file = io.BytesIO()
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with sound_writer(file, fs, kind, subtype, channels) as write:
        write(samples)
    return file.getvalue()


@contextmanager
def sound_writer(
    file: BinaryIO, fs: int, kind: str, subtype: str = "PCM_16", channels: int = 1, **coding: Any
) -> Iterator[Callable[[Samples], None]]:
    """Yields a function that writes samples (T_wav,) or (T_wav, channels) into a file, behind those before.

    Args:
        file: A file that is open for writing, and can seek.
        fs: Sampling rate in Hz.
        kind: As in `encoded`.
        subtype: As in `encoded`.
        channels: Channels.
        coding: How a lossy format is coded: soundfile's `bitrate_mode` and `compression_level`.

    Raises:
        OSError: As the file raises it: of a full disk, libsndfile itself says no more than "System error".
    """
    import soundfile

    watched = _Watched(file)
    kind = kind.removeprefix(".").upper()
    with soundfile.SoundFile(watched, "w", fs, channels, subtype, format=kind, **coding) as sound:

        def write(samples: Samples) -> None:
            # A second at a time: libsndfile crashes where Vorbis gets minutes at once
            for start in range(0, len(samples), fs):
                try:
                    sound.write(samples[start : start + fs])
                finally:
                    watched.check()

        yield write
    watched.check()


class _Watched:
    """A file for libsndfile, in which no error can pass: it keeps the first one of the file for `check`."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.error: OSError | None = None

    def write(self, data) -> int:
        if self.error is None:
            try:
                return self.file.write(bytes(data))
            except OSError as error:
                self.error = error
        return 0

    def seek(self, position: int, whence: int = 0) -> int:
        return self.file.seek(position, whence)

    def tell(self) -> int:
        return self.file.tell()

    def read(self, size: int = -1) -> bytes:
        """libsndfile asks whether it is there, and reads nothing."""
        return self.file.read(size)

    def check(self) -> None:
        """Raises the error that was kept."""
        if self.error is not None:
            raise self.error
