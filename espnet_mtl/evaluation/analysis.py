"""Analysis of many recordings, and their comparison with natural ones, in parallel processes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.arks import load_matrix
from espnet_mtl.evaluation.measures import prosody
from espnet_mtl.evaluation.measures.cepstrum import align, mel_cepstral_distortion
from espnet_mtl.evaluation.measures.features import AcousticFeatures, analyze
from espnet_mtl.evaluation.measures.speaker import embed
from espnet_mtl.system.audio_files import read_mono
from espnet_mtl.system.processes import parallel_map


@dataclass(frozen=True)
class Recording:
    """An audio file; or, with a vocoder, a log-mel spectrogram that is to pass through it.

    Attributes:
        place: Path of the audio file, or place of the spectrogram in an ark.
        vocoder: Arguments of `espnet_mtl.vocoder.build.build_vocoder` as JSON, so that processes can share one;
            "" where the place is an audio file.
    """

    place: str
    vocoder: str = ""

    def read(self) -> tuple[NDArray[np.floating], int]:
        """Returns samples (T_wav,) and the sampling rate in Hz.

        Raises:
            UserError: The file cannot be read as mono audio.
        """
        if self.vocoder:
            return _vocode(self.place, self.vocoder)
        return read_mono(self.place)


def _vocode(ark: str, settings: str) -> tuple[NDArray[np.floating], int]:
    import torch

    torch.set_num_threads(1)
    vocoder = _vocoder(settings)
    logmel = load_matrix(ark, "feats.scp")
    with torch.inference_mode():
        samples = vocoder(torch.from_numpy(logmel))
    return samples.numpy(), vocoder.fs


@lru_cache(maxsize=1)
def _vocoder(settings: str) -> Any:
    from espnet_mtl.vocoder.build import build_vocoder

    return build_vocoder(**json.loads(settings))


def analyze_all(
    recordings: Sequence[Recording], nj: int, description: str, full: bool = True
) -> list[AcousticFeatures]:
    """Analyzes recordings in `nj` processes; not in full: without what only test speech needs."""
    analyze_one = partial(_analyze, full=full)
    return list(parallel_map(analyze_one, recordings, nj, description))


def embed_all(recordings: Sequence[Recording], nj: int, description: str) -> NDArray[np.float32]:
    """Speaker embeddings of recordings (N, 256)."""
    embeddings = list(parallel_map(_embed, recordings, nj, description))
    return np.stack(embeddings)


def compare_all(
    pairs: Sequence[tuple[AcousticFeatures, AcousticFeatures]], nj: int, description: str
) -> list[dict[str, float]]:
    """Measures (reference, hypothesis) pairs; see `compare`."""
    return list(parallel_map(compare, pairs, nj, description))


def compare(pair: tuple[AcousticFeatures, AcousticFeatures]) -> dict[str, float]:
    """Measures by how much a recording differs from its reference.

    Args:
        pair: Features of the reference and of the hypothesis, both analyzed in full.

    Returns:
        Values by the names of `espnet_mtl.evaluation.metrics.METRICS`; NaN where one does not apply.
    """
    reference, hypothesis = pair
    frames, other_frames, distances = align(reference.cepstrum, hypothesis.cepstrum)
    f0, other_f0 = reference.f0[frames], hypothesis.f0[other_frames]
    levels, other_levels = prosody.energy(reference.logmel), prosody.energy(hypothesis.logmel)
    # Both say the same phones, so that the ratio of their rates is that of the times that they take.
    speech_s, other_speech_s = prosody.speech_time(levels), prosody.speech_time(other_levels)
    return {
        "mcd_db": mel_cepstral_distortion(distances),
        "gv_ratio": prosody.global_variance_ratio(reference.cepstrum, hypothesis.cepstrum),
        "log_f0_rmse": prosody.log_f0_rmse(f0, other_f0),
        "log_f0_correlation": prosody.log_f0_correlation(f0, other_f0),
        "log_f0_sd_ratio": prosody.log_f0_deviation(hypothesis.f0) / prosody.log_f0_deviation(reference.f0),
        "voicing_error": prosody.voicing_error(f0, other_f0),
        "energy_rmse_db": prosody.energy_rmse(_at(levels, frames), _at(other_levels, other_frames)),
        "duration_error": abs(prosody.duration(other_levels) / prosody.duration(levels) - 1),
        "speaking_rate_error": abs(speech_s / other_speech_s - 1),
    }


def _at(levels: NDArray[np.floating], frames: NDArray[np.intp]) -> NDArray[np.floating]:
    """Values of a contour every 10 ms at frames of 5 ms."""
    return levels[np.minimum(frames // 2, len(levels) - 1)]


def _analyze(recording: Recording, full: bool) -> AcousticFeatures:
    samples, fs = recording.read()
    return analyze(samples, fs, full)


def _embed(recording: Recording) -> NDArray[np.float32]:
    samples, fs = recording.read()
    return embed(samples, fs)
