"""ESPnet's extractors of features, set up as a training config says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from espnet_mtl.data.durations import frame_rate
from espnet_mtl.data.extraction.pitch import LogF0, filled
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.system.audio_files import read_mono
from espnet_mtl.system.imports.espnet import import_tts_task
from espnet_mtl.system.imports.pyworld import import_pyworld

import_tts_task()

from espnet2.tts.feats_extract.energy import Energy  # noqa: E402
from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank  # noqa: E402

EXTRACTORS = {
    "feats_extract": {"fbank": LogMelFbank},
    "pitch_extract": {"dio": LogF0},
    "energy_extract": {"energy": Energy},
}
"""Config keys, and ESPnet's extractor for each name that they may take: log-mel, log-F0 and energy in its classes."""


@dataclass
class Features:
    """Features of one utterance with N tokens and T frames.

    Attributes:
        feats: Log-mel (T, n_mels), base 10.
        pitch: Log-F0 in Hz per token, unvoiced stretches interpolated (N + 1, 1); the last token is the end. 0
            throughout where the recording has no voiced frame.
        energy: L2 norm of the amplitude spectrum per token (N + 1, 1).
        durations: Frames per token, N + 1 numbers of at least 1 that sum to T.
    """

    feats: np.ndarray
    pitch: np.ndarray
    energy: np.ndarray
    durations: list[int]

    def digest(self) -> str:
        """Hashes all of them."""
        state = hashlib.sha256(json.dumps(self.durations).encode())
        for array in (self.feats, self.pitch, self.energy):
            state.update(np.ascontiguousarray(array).tobytes())
        return state.hexdigest()


class Extractor:
    """ESPnet's feature extractors, those that a training config names, set up as it says.

    Raises:
        UserError: The config names another extractor than `EXTRACTORS`.
    """

    def __init__(self, config: Mapping[str, Any]):
        import_pyworld()  # quietly, before ESPnet's pitch extractor imports it
        self.fs: int = config["feats_extract_conf"]["fs"]
        self.frame_rate = frame_rate(config)
        self.mel = extractor_class(config, "feats_extract")(**config["feats_extract_conf"])
        # F0 and energy are those of the tokens, whatever a backbone makes of several frames at a time.
        one_frame = {"reduction_factor": 1}
        self.pitch = extractor_class(config, "pitch_extract")(**{**one_frame, **config["pitch_extract_conf"]})
        self.energy = extractor_class(config, "energy_extract")(**{**one_frame, **config["energy_extract_conf"]})

    @torch.no_grad()
    def __call__(self, path: str, ends: Sequence[float]) -> Features:
        """Extracts the features of one recording.

        Args:
            path: An audio file at the config's sampling rate.
            ends: Ends of its N tokens in seconds.
        """
        samples, lengths = self._read(path)
        feats, frames = self.mel(samples, lengths)
        durations = durations_of(ends, int(frames[0]), self.frame_rate)
        tokens = {
            "feats_lengths": frames,
            "durations": torch.tensor([durations]),
            "durations_lengths": torch.tensor([len(durations)]),
        }
        pitch, _ = self.pitch(samples, lengths, **tokens)
        energy, _ = self.energy(samples, lengths, **tokens)
        return Features(feats[0].numpy(), filled(pitch[0].numpy()), energy[0].numpy(), durations)

    @torch.no_grad()
    def log_mel(self, path: str) -> np.ndarray:
        """Extracts the log-mel (T, n_mels) alone."""
        feats, _ = self.mel(*self._read(path))
        return feats[0].numpy()

    def _read(self, path: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Reads samples (1, T_wav) and their number (1,)."""
        wav, fs = read_mono(path, keep_offset=True)  # stage 2 took out that of the whole recording
        if fs != self.fs:
            raise UserError(f"{path}: {fs} Hz, but feats_extract_conf.fs is {self.fs}: run stage 2 again")
        return torch.from_numpy(wav).float()[None], torch.tensor([len(wav)])


def extractor_class(config: Mapping[str, Any], key: str) -> Any:
    """Returns the extractor that a config names for one of the keys of `EXTRACTORS`.

    Raises:
        UserError: There is none of that name.
    """
    name = config[key]
    if name not in EXTRACTORS[key]:
        raise one_of(key, name, EXTRACTORS[key])
    return EXTRACTORS[key][name]


def durations_of(ends: Sequence[float], frames: int, frame_rate: float) -> list[int]:
    """Turns the ends of N phones into N + 1 durations: what follows the last phone belongs to the end token.

    Args:
        ends: Ends in seconds, rising.
        frames: Frames T of the utterance.
        frame_rate: Frames per second.

    Returns:
        Durations in frames, each at least 1 (the average over an empty token would be 0, no possible F0), sum T.

    Raises:
        UserError: There are more tokens than frames.
    """
    tokens = len(ends) + 1
    if tokens > frames:
        raise UserError(f"{len(ends)} tokens in {frames} frames: too short for its text")
    borders = [0]
    for index, end in enumerate(ends):
        earliest = borders[-1] + 1
        latest = frames - (tokens - 1 - index)  # leaves a frame to each of the tokens that follow
        nearest = round(end * frame_rate)
        borders.append(min(max(nearest, earliest), latest))
    return np.diff([*borders, frames]).tolist()
