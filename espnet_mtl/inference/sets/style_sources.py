"""What gives the emotion of a set's speech: its label, or a recording or a face of the set with that label."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espnet_mtl.config.decode import StyleFrom
from espnet_mtl.data.dump import MEDIA_SCP, TEXT, UTT2EMO, UTT2SPK, VISUAL_SCP, WAV_SCP
from espnet_mtl.data.kaldi import Table, read_labels, read_scp, read_table
from espnet_mtl.data.utterances import read_visual
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CLASS_LABELS

CONTROL: dict[StyleFrom, str] = {"recording": "reference", "face": "visual"}
"""What `Text2Speech` calls a source."""


@dataclass(frozen=True)
class StyleSources:
    """Recordings or faces of a set, of which each utterance to be spoken gets one.

    Attributes:
        kind: What they are.
        directory: The set.
        files: File of each utterance that has one.
        texts, speakers, emotions: Of the utterances.
    """

    kind: StyleFrom
    directory: Path
    files: dict[str, str] = field(repr=False)
    texts: Table = field(repr=False)
    speakers: Table = field(repr=False)
    emotions: Table = field(repr=False)

    def of(self, utt: str, text: str, speaker: str, emotion: str) -> str:
        """Chooses the utterance whose recording or face gives the emotion, always the same one.

        It is of somebody else and of another sentence where there is one, so that neither the voice nor the words
        can be taken over.

        Raises:
            UserError: No utterance of this emotion has a recording or a face.
        """
        alike = [other for other in sorted(self.files) if self.emotions.get(other) == emotion]
        if not alike:
            raise UserError(f"style_from: {self.kind}: no utterance of {self.directory} in {emotion} has a {self.kind}")
        by_others = [other for other in alike if self.speakers[other] != speaker]
        of_others = [other for other in by_others if self.texts[other] != text]
        chosen = of_others or by_others or alike
        return chosen[zlib.crc32(utt.encode()) % len(chosen)]

    def controls(self, source: str) -> dict[str, Any]:
        """Returns the control of `Text2Speech` that takes the emotion from an utterance."""
        return {CONTROL[self.kind]: self.files[source]}


def read_sources(dump: Path, kind: StyleFrom | None) -> StyleSources | None:
    """Reads what gives the emotion; None where labels do.

    Args:
        dump: The set, e.g. `dump/raw/test`.
        kind: The option `style_from`.

    Raises:
        UserError: Nothing of this kind is there.
    """
    if kind is None or kind == "label":
        return None
    files: dict[str, str] = dict(read_scp(dump / WAV_SCP, "stage 2") if kind == "recording" else _faces(dump))
    if not files:
        raise UserError(
            f"style_from: face: {dump / VISUAL_SCP} names no face: train and decode with a configuration that has "
            "visual_extract, from stage 3 on"
        )
    return StyleSources(
        kind,
        dump,
        files,
        texts=read_table(dump / TEXT, "stage 2"),
        speakers=read_labels(dump / UTT2SPK, CLASS_LABELS["speaker"]),
        emotions=read_labels(dump / UTT2EMO, CLASS_LABELS["emotion"]),
    )


def _faces(dump: Path) -> dict[str, str]:
    """Files of the faces that stage 3 could use."""
    usable, files = read_visual(dump / VISUAL_SCP), read_visual(dump / MEDIA_SCP)
    return {utt: files[utt] for utt in usable if utt in files}
