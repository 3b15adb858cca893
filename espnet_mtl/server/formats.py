"""Formats of sound that are sent while they are made."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from espnet_mtl.system.sound import sound_writer

Samples = NDArray[np.float32]
WAV_SIZES = (4, 40)
"""Where a WAV file says how much follows, in bytes, each in 4 of them."""
UNKNOWN = b"\xff" * 4
"""What ffmpeg writes there where it cannot know. Players read on until the end."""


class Format(NamedTuple):
    """A format.

    Attributes:
        media_type: As HTTP calls it.
        kind, subtype: As libsndfile calls it.
        rates: Sampling rates in Hz that it takes, the last one for all others; none: it takes all.
        whole: Whether it is sent when it has been made, since its header says how long it is.
    """

    media_type: str
    kind: str
    subtype: str = "PCM_16"
    rates: tuple[int, ...] = ()
    whole: bool = False


FORMATS = {
    "mp3": Format("audio/mpeg", "MP3", "MPEG_LAYER_III", (16000, 22050, 32000, 44100, 48000, 24000)),
    "opus": Format("audio/ogg", "OGG", "OPUS", (8000, 12000, 16000, 48000, 24000)),
    "flac": Format("audio/flac", "FLAC", whole=True),
    "wav": Format("audio/wav", "WAV"),
    "pcm": Format("audio/pcm", "RAW", rates=(24000,)),
}
"""By OpenAI's names. Raw samples have 24 kHz there. libsndfile cannot read a FLAC file that says of no length."""
CODING = {"MP3": {"bitrate_mode": "CONSTANT", "compression_level": 0.5}}
"""Of a constant bit rate (80 kbit/s at 16 kHz), players can tell how long an MP3 file is that does not say so."""


class _Outlet(io.RawIOBase):
    """A file for libsndfile of which what was written can be taken; what is taken cannot be changed any more."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._taken = 0
        self._place = 0

    def write(self, data: bytes) -> int:  # type: ignore[override]
        start = self._place - self._taken
        skipped = max(0, -start)  # libsndfile goes back to the header at the end
        self._data[max(0, start) : max(0, start) + len(data) - skipped] = data[skipped:]
        self._place += len(data)
        return len(data)

    def seek(self, position: int, whence: int = 0) -> int:
        origin = (0, self._place, self._taken + len(self._data))[whence]
        self._place = origin + position
        return self._place

    def tell(self) -> int:
        return self._place

    def take(self) -> bytes:
        taken, self._data = bytes(self._data), bytearray()
        self._taken += len(taken)
        return taken


def encoded_pieces(waves: Iterable[Samples], fs: int, name: str, whole: bool = False) -> Generator[bytes]:
    """Encodes waveforms (T_wav,) one behind the other, each as soon as it is there.

    Args:
        waves: The waveforms.
        fs: Their sampling rate in Hz.
        name: One of `FORMATS`.
        whole: Whether the file is to be in one piece, whose header says how long it is.

    Yields:
        What the file has more after each waveform; an empty piece where that is nothing yet.
    """
    chosen = FORMATS[name]
    rate = fs if not chosen.rates or fs in chosen.rates else chosen.rates[-1]
    resampler = soxr.ResampleStream(fs, rate, 1, dtype="float32") if rate != fs else None
    whole = whole or chosen.whole
    file = io.BytesIO() if whole else _Outlet()
    with sound_writer(file, rate, chosen.kind, chosen.subtype, **CODING.get(chosen.kind, {})) as write:  # type: ignore[arg-type]
        begun = False
        for wave in waves:
            write(resampler.resample_chunk(wave) if resampler else wave)
            piece = b"" if isinstance(file, io.BytesIO) else file.take()
            yield piece if begun or chosen.kind != "WAV" else _endless(piece)
            begun = begun or bool(piece)
        if resampler:
            write(resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True))
    yield file.getvalue() if isinstance(file, io.BytesIO) else file.take()


def _endless(beginning: bytes) -> bytes:
    """Returns the beginning of a WAV file that says of no length."""
    changed = bytearray(beginning)
    for place in WAV_SIZES:
        if len(beginning) >= place + len(UNKNOWN):
            changed[place : place + len(UNKNOWN)] = UNKNOWN
    return bytes(changed)
