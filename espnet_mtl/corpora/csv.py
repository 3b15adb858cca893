"""The user's own recordings, listed in a metadata.csv (docs/data.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.corpora.base import (
    Corpus,
    Utterance,
    emotion_name,
    find_root,
    normalized,
    one_line,
    phones_of,
    read_rows,
    with_speaker,
)
from espnet_mtl.corpora.split import SETS, SplitPolicy
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.labels import CONTINUOUS_LABELS, UNLABELLED, format_mixture, parse_mixture
from espnet_mtl.text import espeak

GENDERS = ("f", "m")
MOST_SENTENCES = 1000
"""Beyond so many, train holds every phone anyhow, and looking for them takes minutes."""


class Csv(Corpus):
    """Reads a table with a header: path and text, and optionally id, speaker, emotion, vad, language, gender and split.

    Args:
        root: The directory that paths are relative to.
        metadata: The table, relative to it.
        delimiter: What separates columns.
        speaker: Speaker of every utterance where there is no such column.
        language: espeak's language of every utterance where there is no such column.
        split_by: sentence or speaker, where there is no column split.
        dev: Number of sentences (or speakers) of dev; below 1: share of all.
        test: The same for test.
        seed: Seed of the split.
    """

    def __init__(
        self,
        root: str | Path = "",
        metadata: str = "metadata.csv",
        delimiter: str = ",",
        speaker: str = "speaker",
        language: str = "en-us",
        split_by: str = "sentence",
        dev: float = 0.05,
        test: float = 0.1,
        seed: int = 0,
    ):
        super().__init__()
        self.root = find_root("csv", root)
        self.table, self.delimiter = self.root / metadata, {"\\t": "\t"}.get(delimiter, delimiter)
        if len(self.delimiter) != 1:
            raise UserError(f"corpus csv: delimiter must be one character, or \\t, got {delimiter!r}")
        self.speaker, self.language = str(speaker), language
        self.policy = SplitPolicy(dev, test, seed=seed, by=split_by)

    def utterances(self) -> list[Utterance]:
        self.dropped = {}
        listed = []
        for number, row in read_rows(self.table, ("path", "text"), self.delimiter):
            if row["path"]:
                listed.append(self._utterance(f"{self.table}:{number}", row))
            else:
                self.dropped[f"line_{number}"] = "no path"
        if len({utterance.split is None for utterance in listed}) > 1:
            raise UserError(f"{self.table}: column split: fill in every line, or none")
        for language in {str(utterance.language) for utterance in listed}:
            espeak.phonemize("a", language)  # an unknown one is an error, before any work is done
        return sorted(listed, key=lambda utterance: utterance.id)

    def _utterance(self, where: str, row: dict[str, str]) -> Utterance:
        speaker = re.sub(r"\s+", "_", row.get("speaker") or self.speaker)
        name = row.get("id") or str(Path(row["path"]).with_suffix(""))
        name = re.sub(r"[\s/\\]+", "_", name).strip("._")
        split = row.get("split") or None
        if split not in (None, *SETS):
            raise UserError(f"{where}: {one_of('split', split, SETS)}")
        gender = row.get("gender", "").lower()[:1] or None
        if gender not in (None, *GENDERS):
            raise UserError(f"{where}: {one_of('gender', row['gender'], GENDERS)}")
        text = one_line(row["text"])
        return Utterance(
            id=with_speaker(name, speaker),
            speaker=speaker,
            text=text,
            sentence=normalized(text),
            emotion=_emotion(where, row.get("emotion", "")),
            language=row.get("language") or self.language,
            audio=self.root / row["path"],
            split=split,
            gender=gender,
            vad=_vad(where, row.get("vad", "")),
        )

    def units(self, utterances: Sequence[Utterance]) -> dict[str, frozenset[str]]:
        if len({utterance.sentence for utterance in utterances}) > MOST_SENTENCES:
            return {}
        return phones_of(utterances)


def _vad(where: str, text: str) -> tuple[float, float, float] | None:
    """Reads valence, arousal and dominance, `3.5 2 4`; "" and "-" are none."""
    if text in ("", UNLABELLED):
        return None
    try:
        CONTINUOUS_LABELS["vad"].read(text)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    valence, arousal, dominance = map(float, text.split())  # not as read, which is in single precision: 3.3 stays 3.3
    return valence, arousal, dominance


def _emotion(where: str, label: str) -> str | None:
    """Reads a label, hard or soft (`happy:0.8,surprised:0.2`); "" and "-" are none."""
    if label in ("", UNLABELLED):
        return None
    try:
        mixture = parse_mixture(label)
    except UserError as error:
        raise UserError(f"{where}: emotion: {error}") from error
    named = {re.sub(r"\s+", "_", emotion_name(name)): weight for name, weight in mixture.items()}
    if len(named) < len(mixture):
        raise UserError(f"{where}: emotion {label!r}: two of its names are one emotion")
    return format_mixture(named)
