"""Analysis of many recordings, and their comparison with natural ones, in parallel processes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.arks import load_matrix
from espnet_mtl.evaluation.measures import prosody
from espnet_mtl.evaluation.measures.cepstrum import align, mel_cepstral_distortion
from espnet_mtl.evaluation.measures.features import AcousticFeatures, analyze
from espnet_mtl.evaluation.measures.speaker import embed
from espnet_mtl.evaluation.measures.words import word_errors
from espnet_mtl.system.audio_files import read_mono
from espnet_mtl.system.parallel.mapping import parallel_map

if TYPE_CHECKING:
    from torch import Tensor

    from espnet_mtl.data.extraction.contour import ContourExtractor


@dataclass(frozen=True)
class Recording:
    """An audio file; or, with a vocoder, a log-mel spectrogram that is to pass through it.

    Attributes:
        place: Path of the audio file, or place of the spectrogram in an ark.
        vocoder: Arguments of `espnet_mtl.vocoder.build.build_vocoder` as JSON, so that processes can share one;
            "" where the place is an audio file.
        natural: Path of the recording that the spectrogram is of: F0 and voicing are found there, for a vocoder that
            needs them.
        pitch: How they are found, as JSON: `pitch_extract_conf` with the signal parameters.
    """

    place: str
    vocoder: str = ""
    natural: str = ""
    pitch: str = ""

    def read(self) -> tuple[NDArray[np.floating], int]:
        """Returns samples (T_wav,) and the sampling rate in Hz.

        Raises:
            UserError: The file cannot be read as mono audio.
        """
        if self.vocoder:
            return _vocode(self)
        return read_mono(self.place)


def _vocode(recording: Recording) -> tuple[NDArray[np.floating], int]:
    import torch

    torch.set_num_threads(1)
    vocoder = _vocoder(recording.vocoder)
    logmel = load_matrix(recording.place, "feats.scp")
    source = _source(recording, len(logmel)) if vocoder.needs_f0 else ()
    with torch.inference_mode():
        samples = vocoder(torch.from_numpy(logmel), *source)
    return samples.numpy(), vocoder.fs


def _source(recording: Recording, frames: int) -> tuple[Tensor, Tensor]:
    """Log F0 and voicing of the natural recording of a spectrogram, as a vocoder takes them: (T,) each."""
    import torch

    samples, _ = read_mono(recording.natural, keep_offset=True)  # as stage 3 reads it
    contour = _contours(recording.pitch)(samples, frames)
    return torch.from_numpy(contour.log_f0), torch.from_numpy(contour.voiced).float()


@lru_cache(maxsize=1)
def _contours(settings: str) -> ContourExtractor:
    from espnet_mtl.data.extraction.contour import ContourExtractor

    return ContourExtractor(json.loads(settings))


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


def count_word_errors(
    recordings: Sequence[Recording],
    texts: Sequence[str],
    languages: Sequence[str],
    model: Path,
    nj: int,
    description: str,
) -> NDArray[np.float64]:
    """Word errors of a Whisper model, and words of the text, of each recording (N, 2); see `word_errors`."""
    said = list(zip(recordings, texts, languages, strict=True))
    counts = list(parallel_map(partial(_count_word_errors, model=model), said, nj, description))
    return np.array(counts, dtype=np.float64)


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


def _count_word_errors(said: tuple[Recording, str, str], model: Path) -> tuple[float, float]:
    recording, text, language = said
    samples, fs = recording.read()
    return word_errors(samples, fs, text, language, model)


def _embed(recording: Recording) -> NDArray[np.float32]:
    samples, fs = recording.read()
    return embed(samples, fs)
