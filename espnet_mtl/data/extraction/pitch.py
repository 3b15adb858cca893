"""Log-F0 per token (stage 3), also of recordings that have none, such as whispered ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import log
from pathlib import Path

import numpy as np

from espnet_mtl.system.imports.espnet import import_tts_task

import_tts_task()

from espnet2.tts.feats_extract.dio import Dio  # noqa: E402

FEWEST_VOICED = 3
"""Voiced frames of an utterance: fewer are slips of the search for F0, and no voice."""
NOBODYS = log(150)
"""Log-F0 where no utterance has any: between the voices of men and women."""
MOST_NAMED = 5


class LogF0(Dio):
    """ESPnet's extractor; an utterance without voice has 0 at every token, which its caller must not take for F0.

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
