"""What a vocoder learns from: recordings, their log-mels, F0 and voicing, frame by frame."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from espnet_mtl.data.extraction.contour import ContourExtractor
from espnet_mtl.data.extraction.extractor import extractor_class
from espnet_mtl.errors import UserError
from espnet_mtl.system.audio_files import read_mono
from espnet_mtl.system.parallel.mapping import parallel_map

FULL_SCALE = 32767
GAINS_DB = (-10.0, 6.0)
"""Between these, the level of a segment is changed at random: a vocoder must not know how loud its corpus was."""


class Speech(NamedTuple):
    """One recording of T frames.

    Attributes:
        samples: 16-bit samples (T * hop_length,), zeros at the end.
        mel: Log10-mel spectrogram (T, n_mels).
        log_f0, voiced: See `espnet_mtl.data.extraction.contour.Contour`.
    """

    samples: NDArray[np.int16]
    mel: NDArray[np.float16]
    log_f0: NDArray[np.float32]
    voiced: NDArray[np.bool_]


class Batch(NamedTuple):
    """Segments of natural speech.

    Attributes:
        wave: Waveforms (B, (T - 1) * hop_length).
        mel: Log10-mel spectrograms, natural or predicted (B, T, n_mels).
        log_f0, voicing: (B, T).
    """

    wave: Tensor
    mel: Tensor
    log_f0: Tensor
    voicing: Tensor


@cache
def _extractors(settings: str) -> tuple[Any, ContourExtractor, Mapping[str, Any]]:
    """Builds the extractors of a worker process once; `settings` is a config as JSON."""
    torch.set_num_threads(1)
    config = json.loads(settings)
    mel = extractor_class(config, "feats_extract")(**config["feats_extract_conf"])
    return mel, ContourExtractor(config["pitch_extract_conf"]), config["feats_extract_conf"]


def read_speech(settings: str, job: tuple[float, str]) -> Speech:
    """Reads one recording.

    Args:
        settings: `feats_extract`, `feats_extract_conf` and `pitch_extract_conf` of a config, as JSON.
        job: How much faster and higher it becomes (1: as it is), and the file, at the config's sampling rate.

    Raises:
        UserError: It cannot be read, or has another sampling rate.
    """
    factor, path = job
    extract, find_contour, signal = _extractors(settings)
    samples, fs = read_mono(path)
    if fs != signal["fs"]:
        raise UserError(f"{path}: {fs} Hz, but feats_extract_conf.fs is {signal['fs']}: run stage 2 first")
    if factor != 1:
        samples = soxr.resample(samples, fs * factor, fs)
    if len(samples) <= signal["n_fft"] // 2:
        shortest = signal["n_fft"] // 2 + 1
        raise UserError(f"{path}: {len(samples)} samples, but half of an FFT needs {shortest}: leave it out")
    with torch.no_grad():
        found, lengths = extract(torch.from_numpy(samples).float()[None], torch.tensor([len(samples)]))
    frames = int(lengths[0])
    hop = signal["hop_length"]
    padded = np.zeros(frames * hop)
    padded[: len(samples)] = samples[: len(padded)]
    contour = find_contour(samples, frames)
    whole = np.round(padded.clip(-1, 1) * FULL_SCALE).astype(np.int16)
    return Speech(whole, found[0].numpy().astype(np.float16), contour.log_f0, contour.voiced)


@dataclass
class VocoderData:
    """Recordings one after the other.

    Attributes:
        samples: 16-bit samples (frames * hop_length,).
        mel: Log10-mel spectrograms (frames, n_mels).
        log_f0: Logarithm of F0 in Hz (frames,).
        voiced: Whether each frame is voiced (frames,).
        borders: Where each recording begins, and the last one ends, in frames (N + 1,).
        hop: Samples of a frame.
        predicted: What a model makes of the same frames (frames, n_mels); None: no model has been asked.
    """

    samples: NDArray[np.int16]
    mel: NDArray[np.float16]
    log_f0: NDArray[np.float32]
    voiced: NDArray[np.bool_]
    borders: NDArray[np.int64]
    hop: int
    predicted: NDArray[np.float16] | None = None

    @classmethod
    def read(
        cls, paths: Sequence[str], config: Mapping[str, Any], nj: int, resampled: Sequence[float] = ()
    ) -> VocoderData:
        """Reads recordings in `nj` processes, then once more for each factor of `resampled`; see `read_speech`.

        Raises:
            UserError: A recording cannot be read, or there is none.
        """
        keys = ("feats_extract", "feats_extract_conf", "pitch_extract_conf")
        settings = json.dumps({key: config[key] for key in keys})
        jobs = list(product((1.0, *resampled), paths))
        speech = list(parallel_map(partial(read_speech, settings), jobs, nj, "speech for the vocoder"))
        if not speech:
            raise UserError("no recordings to train a vocoder on")
        lengths = [len(one.mel) for one in speech]
        return cls(
            samples=np.concatenate([one.samples for one in speech]),
            mel=np.concatenate([one.mel for one in speech]),
            log_f0=np.concatenate([one.log_f0 for one in speech]),
            voiced=np.concatenate([one.voiced for one in speech]),
            borders=np.concatenate([[0], np.cumsum(lengths)]),
            hop=config["feats_extract_conf"]["hop_length"],
        )

    def take_predictions(self, mels: Iterable[NDArray[np.floating]]) -> None:
        """Takes what a model makes of each recording (T, n_mels), in their order."""
        predicted = np.concatenate([mel.astype(np.float16) for mel in mels])
        if predicted.shape != self.mel.shape:
            raise ValueError(f"predictions of {predicted.shape} for mels of {self.mel.shape}")
        self.predicted = predicted

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each mel channel (n_mels,)."""
        mean = self.mel.mean(0, dtype=np.float64)
        square = np.zeros(len(mean))
        for start in range(0, len(self.mel), 2**16):
            square += np.square(self.mel[start : start + 2**16].astype(np.float64) - mean).sum(0)
        deviation = np.sqrt(square / len(self.mel)).clip(min=1e-3)
        return torch.from_numpy(mean).float(), torch.from_numpy(deviation).float()

    def draw(self, size: int, segment: int, predicted: float, rng: np.random.Generator) -> Batch:
        """Draws segments at random, each frame as likely as any other, at random levels.

        Args:
            size: Segments B.
            segment: Frames of each.
            predicted: Share of those whose mel is predicted, where there are predictions.
            rng: Draws.
        """
        rows = [self._row(start, segment, predicted, rng) for start in self._starts(size, segment, rng)]
        wave, mel, log_f0, voicing = (torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True))
        return Batch(wave, mel, log_f0, voicing)

    def _starts(self, size: int, segment: int, rng: np.random.Generator) -> Iterator[int]:
        """Yields the first frames of segments; a recording that is too short for one goes on into the next.

        Raises:
            UserError: All of them together are too short.
        """
        if self.borders[-1] < segment:
            raise UserError(
                f"the recordings have {self.borders[-1]} frames together, and vocoder.segment is {segment}: lower it, "
                "or take more recordings"
            )
        for frame in rng.integers(0, self.borders[-1] - segment + 1, size):
            which = np.searchsorted(self.borders, frame, side="right") - 1
            latest = max(self.borders[which], self.borders[which + 1] - segment)
            yield int(min(frame, latest, self.borders[-1] - segment))

    def _row(
        self, start: int, segment: int, predicted: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], ...]:
        frames = slice(start, start + segment)
        samples = self.samples[start * self.hop : (start + segment - 1) * self.hop]
        gain = 10 ** (rng.uniform(*GAINS_DB) / 20)
        takes_predicted = rng.random() < predicted and self.predicted is not None
        mel = self.predicted if takes_predicted else self.mel
        assert mel is not None
        louder = mel[frames].astype(np.float32) + np.float32(np.log10(gain))
        wave = samples.astype(np.float32) * np.float32(gain / FULL_SCALE)
        return wave, louder, self.log_f0[frames], self.voiced[frames].astype(np.float32)
