"""Sound files, made in memory."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray


def encoded(samples: NDArray[np.floating], fs: int, kind: str, subtype: str = "PCM_16") -> bytes:
    """Returns what a sound file holds.

    It is made in memory: of a full disk, libsndfile says no more than "System error".

    Args:
        samples: (T_wav,) or (T_wav, channels), full scale 1.
        fs: Sampling rate in Hz.
        kind: libsndfile's name of the format, "wav" or "flac", also as the suffix of a file, ".wav".
        subtype: libsndfile's name of the encoding; 16 bits a sample where it is not given.
    """
    import soundfile

    file = io.BytesIO()
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(file, "w", fs, channels, subtype, format=kind.removeprefix(".").upper()) as sound:
        # A second at a time: libsndfile crashes where Vorbis gets minutes at once
        for start in range(0, len(samples), fs):
            sound.write(samples[start : start + fs])
    return file.getvalue()
