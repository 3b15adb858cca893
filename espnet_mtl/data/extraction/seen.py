"""What the utterances of a set have to look at: the pictures, videos and arrays that stage 2 took from stage 1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet_mtl.data.dump import MEDIA_SCP, NUM_SAMPLES, WAV_SCP
from espnet_mtl.data.kaldi import parse_counts, read_optional, read_scp
from espnet_mtl.data.utterances import read_visual
from espnet_mtl.system.kaldi.matrix import file_and_offset
from espnet_mtl.visual.unusable import UnusableVisual

LACKING_S, BEYOND_S = 0.5, 10.0
"""Seconds that a video may be shorter and longer than the speech: it is of another utterance else. Stage 2 has taken
silence away, so that it may well be longer."""


@dataclass(frozen=True)
class Seen:
    """What an utterance has to look at: the entry of its table, and seconds of speech."""

    utt: str
    place: str
    seconds: float | None


def media_files(dumps: Iterable[Path]) -> list[Path]:
    """Lists the tables of pictures, videos and arrays of some sets, and the files that they name, once each."""
    files: dict[Path, None] = {}
    for dump in dumps:
        table = read_visual(dump / MEDIA_SCP)
        files[table.path] = None
        for place in table.values():
            files[file_and_offset(place)[0]] = None
    return list(files)


def read_seen(dump: Path, config: Mapping[str, Any]) -> list[Seen]:
    """Reads what the utterances of a set have to look at, and how long they speak.

    Raises:
        UserError: A table cannot be read, or has a line of no utterance.
    """
    media = read_visual(dump / MEDIA_SCP)
    media.check_only(read_scp(dump / WAV_SCP, "stage 2"), dump / WAV_SCP)
    samples = read_optional(dump / NUM_SAMPLES)
    fs = config["feats_extract_conf"]["fs"]
    seen = []
    for utt in sorted(media):
        seconds = parse_counts(samples, utt)[0] / fs if utt in samples else None
        seen.append(Seen(utt, media[utt], seconds))
    return seen


def check_length(seconds: float, speech: float) -> None:
    """Holds the seconds that are seen against those of the speech.

    Raises:
        UnusableVisual: They do not belong together.
    """
    if not -LACKING_S <= seconds - speech <= BEYOND_S:
        raise UnusableVisual(f"wrong length: {seconds:.2f} s are seen of {speech:.2f} s of speech")
