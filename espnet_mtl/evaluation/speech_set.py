"""A directory of speech to be judged: natural (`dump/raw/<set>`) or decoded (`exp/<tag>/<decode>/<set>`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.arks import load_matrix
from espnet_mtl.data.dump import UNVOICED
from espnet_mtl.data.kaldi import Table, is_there, parse_counts, read_labels, read_optional, read_scp, read_table
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CLASS_LABELS, UNLABELLED, heaviest
from espnet_mtl.system.files import require
from espnet_mtl.text.normal import normal_text


@dataclass(frozen=True)
class SpeechSet:
    """Recordings with their labels, in the order of `utts`.

    Attributes:
        directory: Where they were read from.
        utts: Utterance ids.
        wavs: Paths of the recordings.
        texts: Sentences.
        speakers: Speaker names.
        emotions: Emotion names, the heaviest of a soft label; "" where unlabelled.
        languages: Languages; "" where utt2lang names none.
    """

    directory: Path
    utts: list[str]
    wavs: list[str]
    texts: list[str]
    speakers: list[str]
    emotions: list[str]
    languages: list[str]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Speaker and emotion of each utterance."""
        return list(zip(self.speakers, self.emotions, strict=True))

    @property
    def described(self) -> list[list[str]]:
        """What is known of the recordings, for keys of caches."""
        return [self.utts, self.texts, self.speakers, self.emotions, self.languages]

    def some(self, most: int) -> SpeechSet:
        """At most so many recordings, evenly spread."""
        step = math.ceil(len(self.utts) / most)
        return self.where([i % step == 0 for i in range(len(self.utts))])

    def where(self, kept: Sequence[bool]) -> SpeechSet:
        """The recordings that a mask keeps."""
        return SpeechSet(
            self.directory,
            utts=list(compress(self.utts, kept)),
            wavs=list(compress(self.wavs, kept)),
            texts=list(compress(self.texts, kept)),
            speakers=list(compress(self.speakers, kept)),
            emotions=list(compress(self.emotions, kept)),
            languages=list(compress(self.languages, kept)),
        )

    def wav(self, utt: str) -> str | None:
        """Path of a recording."""
        return dict(zip(self.utts, self.wavs, strict=True)).get(utt)

    def tokens(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Reads log-F0 in Hz (NaN where there is none) and duration in frames per token, both (N,).

        Utterances without durations are left out.

        Raises:
            UserError: A line or matrix cannot be read, or has another number of tokens than the other.
        """
        durations = read_optional(self.directory / "durations")
        pitch_scp = self.directory / "pitch.scp"
        pitch_places = read_scp(pitch_scp) if is_there(pitch_scp) else Table(pitch_scp)
        unvoiced = read_optional(self.directory / UNVOICED)
        tokens = {}
        for utt in self.utts:
            if utt not in durations:
                continue
            frames = np.array(parse_counts(durations, utt), float)
            log_f0 = np.full(len(frames), np.nan)
            if utt in pitch_places and utt not in unvoiced:
                log_f0 = load_matrix(pitch_places[utt], pitch_places.where(utt)).reshape(-1).astype(float)
            if len(log_f0) != len(frames):
                where = pitch_places.where(utt)
                raise UserError(f"{where}: F0 of {len(log_f0)} tokens, but {durations.path} has {len(frames)}")
            tokens[utt] = (log_f0, frames)
        return tokens


def read_speech_set(directory: Path, producer: str) -> SpeechSet:
    """Reads wav.scp, text, utt2spk, utt2emo and, where there is one, utt2lang.

    Args:
        directory: The Kaldi-style directory.
        producer: What makes it, e.g. "stage 6".

    Raises:
        UserError: A table is missing, lacks an utterance, or has none; or a label cannot be read.
    """
    require([directory / name for name in ("wav.scp", "text", "utt2spk", "utt2emo")], producer)
    wavs = read_scp(directory / "wav.scp")
    texts = read_table(directory / "text")
    speakers = read_labels(directory / "utt2spk", CLASS_LABELS["speaker"])
    emotions = read_labels(directory / "utt2emo", CLASS_LABELS["emotion"])
    utts = sorted(wavs)
    if not utts:
        raise UserError(f"run {producer} again: {directory / 'wav.scp'} names no utterance")
    for table in (texts, speakers):
        table.check_has(utts, wavs.path)
    require([wavs[utt] for utt in utts], producer)
    languages = read_labels(directory / "utt2lang", CLASS_LABELS["language"])
    return SpeechSet(
        directory,
        utts,
        wavs=[wavs[utt] for utt in utts],
        texts=[normal_text(texts[utt]) for utt in utts],
        speakers=[speakers[utt] for utt in utts],
        emotions=[heaviest(emotions.get(utt, UNLABELLED)) or "" for utt in utts],
        languages=[languages.get(utt, UNLABELLED).removeprefix(UNLABELLED) for utt in utts],
    )
