"""F0 and voicing of each frame, for vocoders that need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from espnet_mtl.data.extraction.pitch import FEWEST_VOICED, NOBODYS
from espnet_mtl.system.imports.espnet import import_tts_task
from espnet_mtl.system.imports.pyworld import import_pyworld

import_tts_task()

from espnet2.tts.feats_extract.dio import Dio  # noqa: E402

RAW = {"use_token_averaged_f0": False, "use_continuous_f0": False, "use_log_f0": False, "reduction_factor": 1}
"""Options of ESPnet's extractor: F0 in Hz of each frame, 0 where unvoiced."""


class Contour(NamedTuple):
    """The voice of one recording of T frames.

    Attributes:
        log_f0: Logarithm of F0 in Hz, in all frames: interpolated where unvoiced (T,).
        voiced: Whether each frame is voiced (T,).
    """

    log_f0: NDArray[np.float32]
    voiced: NDArray[np.bool_]


class ContourExtractor:
    """Finds F0 and voicing of each frame of a log-mel spectrogram, by WORLD's DIO and StoneMask as ESPnet calls them.

    Args:
        settings: `pitch_extract_conf` of a training config, with the signal parameters.
    """

    def __init__(self, settings: Mapping[str, Any]):
        import_pyworld()  # quietly, before ESPnet imports it
        self._extract = Dio(**{**settings, **RAW})

    def __call__(self, samples: NDArray[np.floating], frames: int) -> Contour:
        """Finds the contour of a recording (T_wav,) whose log-mel has so many frames."""
        wave = torch.from_numpy(np.ascontiguousarray(samples)).float()[None]
        found, _ = self._extract(wave, torch.tensor([wave.size(1)]), feats_lengths=torch.tensor([frames]))
        f0 = np.zeros(frames, np.float32)
        values = found[0, :frames, 0].numpy()
        f0[: len(values)] = values
        return contour_of(f0)


def contour_of(f0: NDArray[np.float32]) -> Contour:
    """Makes a contour of F0 in Hz, 0 where unvoiced (T,); one without a voice has a middling F0 throughout."""
    voiced = f0 > 0
    if np.count_nonzero(voiced) < FEWEST_VOICED:
        return Contour(np.full(len(f0), NOBODYS, np.float32), np.zeros(len(f0), bool))
    log_f0 = np.interp(np.arange(len(f0)), np.flatnonzero(voiced), np.log(f0[voiced]))
    return Contour(log_f0.astype(np.float32), voiced)
