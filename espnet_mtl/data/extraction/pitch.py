"""Log-F0 per token (stage 3), also of recordings that have none, such as whispered ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import log
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from espnet_mtl.system.imports.espnet import import_tts_task
from espnet_mtl.system.imports.pyworld import import_pyworld

import_tts_task()

from espnet2.tts.feats_extract.dio import Dio  # noqa: E402

FEWEST_VOICED = 3
"""Voiced frames of an utterance: fewer are slips of the search for F0, and no voice."""
NOBODYS = log(150)
"""Log-F0 where no utterance has any: between the voices of men and women."""
MOST_NAMED = 5
FINE_MS = 5.0


class FrameF0(Dio):
    """ESPnet's extractor, but F0 is searched for every 3 to 6 ms, whatever the frame shift of the features.

    WORLD's DIO drops voiced stretches of a few frames, and follows F0 from frame to frame. With frames of 16 ms it has
    another opinion of the voicing of 13 % of nEMO than with frames of 5 ms; like this, of 4 %.
    """

    def _calculate_f0(self, input: torch.Tensor) -> torch.Tensor:
        found = self.search(input.cpu().numpy().astype(np.double))
        if self.use_continuous_f0:
            found = self._convert_to_continuous_f0(found)
        if self.use_log_f0:
            voiced = found > 0
            found[voiced] = np.log(found[voiced])
        return input.new_tensor(found, dtype=torch.float)

    def search(self, samples: NDArray[np.double]) -> NDArray[np.double]:
        """Finds F0 in Hz of each frame of a recording (T_wav,), 0 where unvoiced (T,)."""
        pyworld = import_pyworld()
        steps = finer_steps(self.frame_period)
        limits = {"f0_floor": self.f0min, "f0_ceil": self.f0max}
        coarse, times = pyworld.dio(samples, self.fs, frame_period=self.frame_period / steps, **limits)
        return at_frames(pyworld.stonemask(samples, coarse, times, self.fs), steps)


def finer_steps(frame_ms: float) -> int:
    """Counts the steps of about 5 ms into which a frame shift in ms is parted."""
    return max(1, round(frame_ms / FINE_MS))


def at_frames(fine: NDArray[np.double], steps: int) -> NDArray[np.double]:
    """Sums up F0 in Hz, 0 where unvoiced, of each step to that of each frame, `steps` steps apart.

    A frame is voiced where most of the steps around it are; its F0 is their geometric mean.
    """
    reach = np.ones(2 * (steps // 2) + 1)
    voiced = (fine > 0).astype(float)
    count = np.convolve(voiced, reach, "same")
    total = np.convolve(np.log(np.where(fine > 0, fine, 1.0)), reach, "same")
    around = np.convolve(np.ones_like(voiced), reach, "same")  # fewer at the ends
    f0 = np.where(count > around / 2, np.exp(total / count.clip(min=1)), 0.0)
    return f0[::steps]


class LogF0(FrameF0):
    """An utterance without voice has 0 at every token, which the caller of this extractor must not take for F0.

    ESPnet's own says so, too, but not of which utterance.
    """

    @staticmethod
    def _convert_to_continuous_f0(f0: np.ndarray) -> np.ndarray:
        if np.count_nonzero(f0) < FEWEST_VOICED:
            return np.zeros_like(f0)
        return Dio._convert_to_continuous_f0(f0)


def filled(pitch: np.ndarray) -> np.ndarray:
    """Gives a token without a voiced frame, whose log-F0 is 0, what its neighbours have between them: (N + 1, 1).

    Where no token has one, all stay 0.
    """
    values = pitch.reshape(-1)
    voiced = np.flatnonzero(values)
    if len(voiced) in (0, len(values)):
        return pitch
    every = np.arange(len(values))
    return np.interp(every, voiced, values[voiced]).astype(pitch.dtype).reshape(pitch.shape)


class SpeakerPitch:
    """Mean log-F0 of each speaker over tokens, to stand in where an utterance has none."""

    def __init__(self) -> None:
        # By speaker, the sum and the number of its tokens: of a large corpus, all of them would not fit into memory
        self._tokens: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
        self._unvoiced: dict[str, tuple[str, np.ndarray]] = {}

    def take(self, utt: str, speaker: str, pitch: np.ndarray) -> bool:
        """Takes one more utterance's log-F0 (N + 1, 1); False: it has none, and waits for `stand_ins`."""
        if pitch.any():
            self._tokens[speaker] += pitch.sum(dtype=np.float64), pitch.size
            return True
        self._unvoiced[utt] = speaker, pitch
        return False

    def stand_ins(self) -> dict[str, np.ndarray]:
        """Returns, once, log-F0 (N + 1, 1) for the utterances that have none: the mean of their speaker so far."""
        unvoiced, self._unvoiced = self._unvoiced, {}
        return {utt: np.full_like(pitch, self._mean(speaker)) for utt, (speaker, pitch) in unvoiced.items()}

    def _mean(self, speaker: str) -> float:
        """Returns a speaker's mean; of one who is never voiced that of all, and `NOBODYS` where nobody is."""
        if not self._tokens:
            return NOBODYS
        own = self._tokens.get(speaker)
        total, count = own if own is not None else np.sum(list(self._tokens.values()), axis=0)
        return float(total / count)


def unvoiced_note(table: Path, utts: Sequence[str], total: int) -> str:
    """Names the utterances of a set that have no voiced frame; `table` lists them all."""
    return (
        f"{len(utts)} of {total} utterances have no voiced frame ({', '.join(utts[:MOST_NAMED])}; all: {table}): the "
        "mean F0 of their speaker stands for theirs, and counts in no statistics. Are they whispered? Else widen "
        "pitch_extract_conf.f0min and f0max"
    )
