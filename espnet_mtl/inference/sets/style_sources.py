"""What gives the emotion of a set's speech: its label, or a recording or a face of the set with that label."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet_mtl.config.decode import StyleFrom
from espnet_mtl.corpora.base import normalized
from espnet_mtl.data.dump import MEDIA_SCP, TEXT, UTT2EMO, UTT2SPK, VISUAL_SCP, WAV_SCP
from espnet_mtl.data.kaldi import Table, read_labels, read_scp, read_texts
from espnet_mtl.data.utterances import read_visual
from espnet_mtl.errors import UserError
from espnet_mtl.inference.sets.requests import Request
from espnet_mtl.labels import CLASS_LABELS, heaviest
from espnet_mtl.system.kaldi.matrix import file_and_offset
from espnet_mtl.system.unicode import normal_name

CONTROL: dict[StyleFrom, str] = {"recording": "reference", "face": "visual"}
"""What `Text2Speech` calls a source."""


@dataclass(frozen=True)
class StyleSources:
    """Which recording or face gives the emotion of each utterance to be spoken.

    Attributes:
        kind: What they are.
        files: File of each utterance of the set that gives one.
        chosen: By the utterance to be spoken, that of the set.
    """

    kind: StyleFrom
    files: dict[str, str]
    chosen: dict[str, str]

    @property
    def read(self) -> list[Path]:
        """The files of the sources that are used."""
        return [file_and_offset(self.files[utt])[0] for utt in sorted(set(self.chosen.values()))]

    def controls(self, utt: str) -> dict[str, Any]:
        """Returns the control of `Text2Speech` that takes the emotion from a source; none where there is no emotion."""
        if utt not in self.chosen:
            return {}
        return {CONTROL[self.kind]: self.files[self.chosen[utt]]}


@dataclass(frozen=True)
class Candidates:
    """The utterances of a set that have a recording or a face: their texts, speakers and emotions, in one form each."""

    texts: dict[str, str]
    speakers: dict[str, str]
    emotions: dict[str, str | None]

    def of(self, request: Request) -> str | None:
        """Chooses one in the emotion of a request, always the same one; None: none is in this emotion.

        It is of somebody else and of another sentence where there is one, so that neither the voice nor the words
        can be taken over.
        """
        emotion, speaker = normal_name(str(request.emotion)), normal_name(request.speaker)
        text = normalized(request.text)
        alike = [utt for utt in self.texts if self.emotions[utt] == emotion]
        other_words = [utt for utt in alike if self.texts[utt] != text]
        by_others = [utt for utt in alike if self.speakers[utt] != speaker]
        both = [utt for utt in by_others if self.texts[utt] != text]
        candidates = both or by_others or other_words or alike
        if not candidates:
            return None
        return candidates[zlib.crc32(request.utt.encode()) % len(candidates)]


def choose_sources(
    dump: Path, kind: StyleFrom | None, requests: Iterable[Request]
) -> tuple[list[Request], StyleSources | None]:
    """Chooses what gives the emotion of each request, before anything is spoken.

    Args:
        dump: The set, e.g. `dump/raw/test`.
        kind: The option `style_from`.
        requests: What is to be spoken.

    Returns:
        The requests without those in an emotion that no recording or face of the set has, which it says; and the
        sources, None where labels give the emotions.

    Raises:
        UserError: Nothing of this kind is there, none has a label, or the file of one that is needed is gone.
    """
    requests = list(requests)
    if kind is None or kind == "label":
        return requests, None
    files = source_files(dump, kind)
    if not files:
        raise UserError(
            f"style_from: face: {dump / VISUAL_SCP} names no face: train and decode with a configuration that has "
            "visual_extract, from stage 3 on"
        )
    candidates = _candidates(dump, files, dump / (WAV_SCP if kind == "recording" else VISUAL_SCP))
    chosen, lacking = {}, set()
    for request in requests:
        if request.emotion is None:
            continue
        if source := candidates.of(request):
            chosen[request.utt] = source
        else:
            lacking.add(request.emotion)
    if not chosen:
        raise UserError(f"style_from: {kind}: no utterance of {dump} with an emotion of the model has a {kind}")
    if lacking:
        names = ", ".join(sorted(lacking))
        print(f"style_from: {kind}: no {kind} of {dump} is {names}: these are left out", file=sys.stderr)
    _check_files(kind, files, set(chosen.values()))
    spoken = [request for request in requests if request.emotion not in lacking]
    return spoken, StyleSources(kind, files, chosen)


def source_files(dump: Path, kind: StyleFrom | None) -> dict[str, str]:
    """Reads the recordings of a set, or the faces that stage 3 could use; nothing where labels give the emotion."""
    if kind is None or kind == "label":
        return {}
    if kind == "recording":
        return dict(read_scp(dump / WAV_SCP, "stage 2"))
    usable, files = read_visual(dump / VISUAL_SCP), read_visual(dump / MEDIA_SCP)
    return {utt: files[utt] for utt in sorted(usable) if utt in files}


def _candidates(dump: Path, files: dict[str, str], source: Path) -> Candidates:
    """Reads what is known of the utterances with files, which a table names."""
    texts = read_texts(dump / TEXT)
    speakers, emotions = _labels(dump / UTT2SPK, "speaker"), _labels(dump / UTT2EMO, "emotion")
    for table in (texts, speakers):
        table.check_has(files, source)
    utts = sorted(files)
    return Candidates(
        texts={utt: normalized(texts[utt]) for utt in utts},
        speakers={utt: speakers[utt] for utt in utts},
        emotions={utt: heaviest(emotions[utt]) if utt in emotions else None for utt in utts},
    )


def _labels(path: Path, name: str) -> Table:
    return read_labels(path, CLASS_LABELS[name])


def _check_files(kind: StyleFrom, files: dict[str, str], needed: Iterable[str]) -> None:
    """Raises UserError where a file is gone since stage 3 read it."""
    for utt in sorted(needed):
        place = files[utt]
        path, _ = file_and_offset(place)
        if not path.is_file():
            raise UserError(f"style_from: {kind}: utterance {utt}: {place} is not there any more")
