"""Sound files that a command writes: the suffix of the name decides the format."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from espnet_mtl.errors import UserError
from espnet_mtl.system.files import whole_file
from espnet_mtl.system.sound import encoded, sound_writer

LOSSY = {
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".ogg": ("OGG", "VORBIS"),
    ".oga": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
}
"""Format and subtype, as libsndfile calls them, by suffix; others are libsndfile's own names, with 16 bits a sample."""
SHOWN = (".wav", ".flac", ".ogg", ".opus", ".mp3")
OTHERS = (".aiff", ".au", ".caf", ".oga", ".rf64", ".w64")
"""What else is taken, where somebody asks for it."""


def sound_format(path: Path) -> tuple[str, str]:
    """Returns the format and subtype, as libsndfile calls them, of a file of this name.

    Raises:
        UserError: The name has no suffix, or one that libsndfile does not write.
    """
    suffix = path.suffix.lower()
    kind, subtype = LOSSY.get(suffix, (suffix.removeprefix(".").upper(), "PCM_16"))
    if kind == "RAW" or not soundfile.check_format(kind, subtype):  # RAW does not say what it holds
        others = ", ".join(OTHERS)
        raise UserError(f"{path}: expected a name that ends in one of {', '.join(SHOWN)}, or of {others}")
    return kind, subtype


def check_rate(path: Path, rate: int) -> None:
    """Raises UserError where a file of this name cannot hold sound of a sampling rate (Opus takes five of them)."""
    try:
        _encode(path, np.zeros(1000, dtype=np.float32), rate)
    except (soundfile.LibsndfileError, OverflowError) as error:
        raise UserError(f"--output {path}: {path.suffix} takes no sound of {rate} Hz: choose .wav or .flac") from error


@contextmanager
def writing_sound(path: Path, rate: int) -> Iterator[Callable[[NDArray[np.floating]], None]]:
    """Yields a function that writes waveforms (T,) one behind the other into a file of a sampling rate in Hz.

    The file is there when the block ends well, whole; directories above it are made.

    Raises:
        UserError: See `sound_format` and `check_rate`, or the file cannot be written.
    """
    check_rate(path, rate)
    kind, subtype = sound_format(path)
    peaks = [0.0]
    try:
        with whole_file(path) as file, sound_writer(file, rate, kind, subtype) as write:

            def write_watched(wave: NDArray[np.floating]) -> None:
                peaks.append(float(np.abs(wave).max(initial=0.0)))
                write(wave)

            yield write_watched
        if max(peaks) > 1:
            decibels = 20 * np.log10(max(peaks))
            logging.warning(f"{path}: {decibels:.1f} dB above full scale: peaks are cut off; less energy keeps them")
    except OSError as error:
        raise UserError(f"--output {path}: {error.strerror}") from error


def _encode(path: Path, wave: NDArray[np.floating], rate: int) -> bytes:
    kind, subtype = sound_format(path)
    return encoded(wave, rate, kind, subtype)
