"""Recordings of corpora whose sound is in their videos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from espnet_mtl.corpora.base import Utterance
from espnet_mtl.system.paths import file_name
from espnet_mtl.visual.soundtrack import write_soundtrack

LONGEST_S = 60.0
"""Seconds of a video beyond which it is no utterance, but was cut wrongly: MELD has two of 5 minutes."""


def with_soundtrack(utterance: Utterance, directory: Path) -> Utterance:
    """Returns an utterance with its audio: where it has none, the sound of its video, written under `directory`.

    Raises:
        UnusableAudio: The video has no sound that can be used.
    """
    if utterance.audio is not None:
        return utterance
    assert utterance.visual is not None, f"{utterance.id} has no video"
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / file_name(utterance.id, ".wav")
    write_soundtrack(utterance.visual, path, LONGEST_S)
    return replace(utterance, audio=path)
