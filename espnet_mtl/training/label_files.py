"""Label files of train and dev that have a line for every utterance, as ESPnet wants them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from espnet_mtl.data.continuous import Numbers, standardized
from espnet_mtl.data.dump import DURATIONS, DURATIONS_NOTE, ENERGY_SCP, PITCH_SCP, TRAIN_AND_DEV, UNVOICED, text_file
from espnet_mtl.data.kaldi import read_labels, read_scp, read_table, write_table
from espnet_mtl.data.provenance.notes import file_digest, joined_digest, note_file
from espnet_mtl.data.provenance.settings import FEATURES
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.labels import (
    CLASS_LABELS,
    CONTINUOUS_LABELS,
    LABEL_FILES,
    LABELS,
    UNLABELLED,
    ClassLabel,
    ContinuousLabel,
)
from espnet_mtl.system.files import file_state, locked, read_names, write_text
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.text.tokens import Tokenizer

REVISION = "1"
"""Of how label files are made: one more where the same data give others."""


@dataclass
class LabelFiles:
    """Label files that depend on the data alone: all trainings that learn from the same share them.

    What they are made of is part of their directory's name. So files that a training reads are never replaced.

    Attributes:
        dump: `dump/raw`.
        tables: `dump/tables`.
        directory: Where they are kept.
    """

    dump: Path
    tables: Path
    directory: Path

    @cached_property
    def content(self) -> str:
        """Digest of all that they are made of, as it was when this was asked for first."""
        return self._hashed()

    def _hashed(self) -> str:
        note = note_file(self.dump, FEATURES)
        files = [self.dump / DURATIONS_NOTE, note]
        for part in TRAIN_AND_DEV:
            tables = (text_file("phn"), text_file("bpe"), DURATIONS, PITCH_SCP, ENERGY_SCP, UNVOICED, *LABEL_FILES)
            files += [self.dump / part / table for table in dict.fromkeys(tables)]
        files += sorted(self.tables.glob("[!.]*"))
        # The note of stage 3 tells one content of the archives from another; without it, their times must
        archives = [] if note.is_file() else [str(file_state(archive)) for archive in sorted(self._archives())]
        return joined_digest([REVISION, *map(file_digest, files), *archives])

    def _archives(self) -> set[str]:
        archives = set()
        for part in TRAIN_AND_DEV:
            for scp in (PITCH_SCP, ENERGY_SCP):
                path = self.dump / part / scp
                places = read_scp(path).values() if path.is_file() else []
                archives |= {place.rpartition(":")[0] for place in places}
        return archives

    def made_for(self, token_type: str) -> Path:
        """Names the directory of those that a token type needs."""
        return self.directory / f"{self.content[:16]}_{token_type}"

    def file(self, part: str, label: str, token_type: str) -> Path:
        """Where `write` puts a label of the set `part`."""
        return self.made_for(token_type) / part / label

    def write(self, labels: Collection[str], tokenizer: Tokenizer) -> list[str]:
        """Writes them, unless they are there already.

        The line is `-` where an utterance is unlabelled, or, in dev, where its class is not in train.

        Returns:
            The labels that no utterance of train has.

        Raises:
            UserError: An utterance of train has a class that stage 4 did not find, or the data are changed meanwhile.
        """
        token_type = tokenizer.token_type
        directory = self.made_for(token_type)
        with locked(directory):
            absent = {label: self._noted(label, token_type) for label in labels}
            new = [label for label in labels if absent[label] is None]
            lacking = self._write_new(new, tokenizer)
            if new and self._hashed() != self.content:
                raise UserError(f"{self.dump} has changed while label files were made: run the same command again")
            for label in new:
                absent[label] = label in lacking
                note = {"absent": absent[label], "files": self._digests(label, token_type)}
                write_text(directory / f"{label}.json", json.dumps(note) + "\n")
        return [label for label in labels if absent[label]]

    def _noted(self, label: str, token_type: str) -> bool | None:
        """Tells whether no utterance of train has a label; None: its files are not there, or are damaged."""
        try:
            note = json.loads((self.made_for(token_type) / f"{label}.json").read_bytes())
            is_whole = note["files"] == self._digests(label, token_type)
            return bool(note["absent"]) if is_whole else None
        except (OSError, ValueError, TypeError, LookupError, RecursionError):
            return None

    def _digests(self, label: str, token_type: str) -> list[str]:
        return [file_digest(self.file(part, label, token_type)) for part in TRAIN_AND_DEV]

    def _write_new(self, labels: Collection[str], tokenizer: Tokenizer) -> list[str]:
        continuous = [label for label in labels if label in CONTINUOUS_LABELS]
        values = standardized(self.dump, continuous, tokenizer, TRAIN_AND_DEV)
        absent = []
        for name in labels:
            label = LABELS[name]
            if isinstance(label, ClassLabel):
                lines = {part: self._known_lines(label, part) for part in TRAIN_AND_DEV}
            else:
                lines = {part: _written(label, values[name][part]) for part in TRAIN_AND_DEV}
            if not lines["train"]:
                absent.append(name)
            for part in TRAIN_AND_DEV:
                utts = read_table(self.dump / part / CLASS_LABELS["speaker"].file, "stage 2", only_keys=True)
                whole = {utt: lines[part].get(utt, UNLABELLED) for utt in utts}
                write_table(self.file(part, name, tokenizer.token_type), whole)
        return absent

    def _known_lines(self, label: ClassLabel, part: str) -> dict[str, str]:
        """Reads the lines of a label file that name no class beyond those of stage 4's table; train has no others.

        Raises:
            UserError: Train has one: its file has changed since stage 4.
        """
        known = known_classes(self.tables, label.name)
        forms = {normal_name(name) for name in known}
        found = read_labels(self.dump / part / label.file, label)
        lines = {}
        for utt, line in found.items():
            unknown = [name for name in label.classes_in(line) if name not in forms]
            if unknown and part == "train":
                mistake = one_of(label.name, unknown[0], known)
                table = class_table(self.tables, label.name)
                raise UserError(f"{found.where(utt)}: {mistake} ({table}). Correct it, or run stage 4 again")
            if not unknown:
                lines[utt] = line
        return lines


def class_table(tables: Path, label: str) -> Path:
    """Where stage 4 put the names of the classes of a label."""
    return tables / f"{CLASS_LABELS[label].table}.txt"


def known_classes(tables: Path, label: str) -> list[str]:
    """Names the classes of a label, as stage 4 found them; none without its table."""
    table = class_table(tables, label)
    return read_names(table) if table.is_file() else []


def _written(label: ContinuousLabel, values: Mapping[str, Numbers]) -> dict[str, str]:
    return {utt: label.write(value) for utt, value in values.items()}
