"""Sound files of 16 bits."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray


def encoded(samples: NDArray[np.floating], fs: int, kind: str) -> bytes:
    """Returns what a sound file of 16 bits holds.

    It is made in memory: of a full disk, libsndfile says no more than "System error".

    Args:
        samples: (T_wav,) or (T_wav, channels), full scale 1.
        fs: Sampling rate in Hz.
        kind: "wav" or "flac", also as the suffix of a file, ".wav".
    """
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples, fs, "PCM_16", format=kind.removeprefix(".").upper())
    return file.getvalue()
