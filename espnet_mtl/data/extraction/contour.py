"""F0 and voicing of each frame, for vocoders that need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.extraction.pitch import FEWEST_VOICED, NOBODYS, FrameF0
from espnet_mtl.system.imports.pyworld import import_pyworld

ONE_FRAME = {"reduction_factor": 1}
"""What the extractor must be told, and has no meaning here."""


class Contour(NamedTuple):
    """The voice of one recording of T frames.

    Attributes:
        log_f0: Logarithm of F0 in Hz, in all frames: interpolated where unvoiced (T,).
        voiced: Whether each frame is voiced (T,).
    """

    log_f0: NDArray[np.float32]
    voiced: NDArray[np.bool_]


class ContourExtractor:
    """Finds F0 and voicing of each frame of a log-mel spectrogram, as stage 3 does.

    Args:
        settings: `pitch_extract_conf` of a training config, with the signal parameters.
    """

    def __init__(self, settings: Mapping[str, Any]):
        import_pyworld()  # quietly, before ESPnet imports it
        self._extract = FrameF0(**{**ONE_FRAME, **settings})

    def __call__(self, samples: NDArray[np.floating], frames: int) -> Contour:
        """Finds the contour of a recording (T_wav,) whose log-mel has so many frames."""
        found = self._extract.search(np.ascontiguousarray(samples, dtype=np.double))[:frames]
        f0 = np.zeros(frames, np.float32)
        f0[: len(found)] = found
        return contour_of(f0)


def contour_of(f0: NDArray[np.float32]) -> Contour:
    """Makes a contour of F0 in Hz, 0 where unvoiced (T,); one without a voice has a middling F0 throughout."""
    voiced = f0 > 0
    if np.count_nonzero(voiced) < FEWEST_VOICED:
        return Contour(np.full(len(f0), NOBODYS, np.float32), np.zeros(len(f0), bool))
    log_f0 = np.interp(np.arange(len(f0)), np.flatnonzero(voiced), np.log(f0[voiced]))
    return Contour(log_f0.astype(np.float32), voiced)
