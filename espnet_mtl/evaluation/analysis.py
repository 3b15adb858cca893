"""Analysis of many recordings, and their comparison with natural ones, in parallel processes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from espnet_mtl.data.parallel import parallel_map
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.cepstrum import align, log_f0_rmse, mel_cepstral_distortion
from espnet_mtl.evaluation.features import Speech, analyze


@dataclass(frozen=True)
class Recording:
    """An audio file, or with `vocoder` (its settings as JSON) a log-mel spectrogram in an ark to pass through it."""

    place: str
    vocoder: str = ""

    def read(self) -> tuple[NDArray[np.floating], int]:
        """Returns samples (T_wav,) and the sampling rate in Hz.

        Raises:
            UserError: The file cannot be read as mono audio.
        """
        if self.vocoder:
            return _vocode(self.place, self.vocoder)
        try:
            samples, fs = soundfile.read(self.place)
        except soundfile.LibsndfileError as error:
            raise UserError(f"{self.place} cannot be read as audio: {error}") from error
        if samples.ndim > 1 or not len(samples):
            raise UserError(f"{self.place}: expected one channel of audio, got an array of shape {samples.shape}")
        return samples, fs


def _vocode(ark: str, settings: str) -> tuple[NDArray[np.floating], int]:
    import kaldiio
    import torch

    torch.set_num_threads(1)
    vocoder = _vocoder(settings)
    with torch.inference_mode():
        samples = vocoder(torch.from_numpy(np.array(kaldiio.load_mat(ark))))
    return samples.numpy(), vocoder.fs


@lru_cache(maxsize=1)
def _vocoder(settings: str) -> Any:
    from espnet_mtl.vocoder import build_vocoder

    return build_vocoder(**json.loads(settings))


def analyze_all(recordings: Sequence[Recording], nj: int, description: str, cepstrum: bool = True) -> list[Speech]:
    """Analyzes recordings in `nj` processes."""
    return list(parallel_map(partial(_analyze, cepstrum=cepstrum), recordings, nj, description))


def compare_all(pairs: Sequence[tuple[Speech, Speech]], nj: int, description: str) -> NDArray[np.float64]:
    """Measures (reference, hypothesis) pairs: mel-cepstral distortion in dB and log-F0 RMSE, (N, 2)."""
    return np.array(list(parallel_map(_compare, pairs, nj, description)), dtype=float).reshape(-1, 2)


def _analyze(recording: Recording, cepstrum: bool) -> Speech:
    return analyze(*recording.read(), cepstrum=cepstrum)


def _compare(pair: tuple[Speech, Speech]) -> tuple[float, float]:
    reference, hypothesis = pair
    frames, others, distances = align(reference.cepstrum, hypothesis.cepstrum)
    return mel_cepstral_distortion(distances), log_f0_rmse(reference.f0[frames], hypothesis.f0[others])
