"""What stage 5 reads: the files of stages 2 to 4, and what it makes of them for all trainings."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from espnet_mtl.config.ranges import RANGES
from espnet_mtl.data.dump import (
    DURATIONS,
    ENERGY_SCP,
    FEATS_SCP,
    PITCH_SCP,
    TRAIN_AND_DEV,
    WAV_SCP,
    text_file,
)
from espnet_mtl.data.provenance.notes import file_digest, joined_digest, note_file
from espnet_mtl.data.provenance.settings import FEATURES
from espnet_mtl.data.stats import BPE_MODEL, TOKENS, statistics_file
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.labels import CLASS_LABELS, LABEL_FILES, LABELS, TABLES
from espnet_mtl.registry import BACKBONES
from espnet_mtl.system.files import require
from espnet_mtl.training.faces import face_sources, face_tables
from espnet_mtl.training.label_files import LabelFiles, class_table, known_classes

TOKEN_FILES = {
    "durations": (DURATIONS, "text_int"),
    "pitch": (PITCH_SCP, "kaldi_ark"),
    "energy": (ENERGY_SCP, "kaldi_ark"),
}
"""File of the dump and ESPnet's type of each feature per token."""
STATS_FILES = {
    "normalize_conf": statistics_file("feats"),
    "pitch_normalize_conf": statistics_file("pitch"),
    "energy_normalize_conf": statistics_file("energy"),
}
"""Statistics of stage 4 by the config section that names them."""
SET_OF_SPLIT = {"train": "train", "valid": "dev"}
"""What ESPnet calls a set, and what we do."""
BLOCK = 1 << 20
READ_FROM_DUMP = ("speaker", "language")
"""Labels whose files stage 2 wrote whole: they need none of their own."""
SHAPES = ("text_shape", "speech_shape")
"""Tables of stage 4: the lengths by which ESPnet makes batches."""
SHARED = "shared"
"""Directory beside experiments: no experiment may have its name."""
LABELS_IN, FACES_IN, SPLITS_IN = "labels", "faces", "splits"
"""Directories in it."""

Input = tuple[Path, str, str]
"""A file, the batch entry that it fills, and ESPnet's type of it."""


@dataclass
class TrainPaths:
    """Where stage 5 reads and writes.

    Attributes:
        dump: `dump/raw`.
        token_list: `dump/token_list`.
        tables: `dump/tables`.
        stats: `exp/stats`.
        output: `exp/<tag>`.
    """

    dump: Path
    token_list: Path
    tables: Path
    stats: Path
    output: Path

    def inputs(self, name: str, tts: str, token_type: str, labels: Iterable[str], faces: bool = False) -> list[Input]:
        """Lists the tables of the set `name`: what the backbone `tts` takes, the labels of tasks, and faces."""
        dump = self.dump / name
        spec = BACKBONES.spec(tts)
        speech = (WAV_SCP, "speech", "sound") if spec.end_to_end else (FEATS_SCP, "speech", "kaldi_ark")
        inputs = [(dump / text_file(token_type), "text", "text"), (dump / speech[0], *speech[1:])]
        for feature in spec.token_features:
            file, kind = TOKEN_FILES[feature]
            inputs.append((dump / file, feature, kind))
        inputs.append((dump / CLASS_LABELS["speaker"].file, CLASS_LABELS["speaker"].batch_key, "text"))
        if len(known_classes(self.tables, "language")) > 1:
            inputs.append((dump / CLASS_LABELS["language"].file, CLASS_LABELS["language"].batch_key, "text"))
        for label in labels:
            inputs.append((self.label_files.file(name, label, token_type), LABELS[label].batch_key, "text"))
        if faces:
            inputs.append((self.faces / f"{name}.scp", "visual", "kaldi_ark"))
        return inputs

    @cached_property
    def faces(self) -> Path:
        """Where `espnet_mtl.training.faces.write_faces` puts its tables."""
        return face_tables(self.dump, self.shared / FACES_IN)

    @property
    def shared(self) -> Path:
        """What trainings of one directory share: files are made in it once, and never replaced or changed."""
        return self.output.parent / SHARED

    @cached_property
    def label_files(self) -> LabelFiles:
        """The label files of tasks."""
        return LabelFiles(self.dump, self.tables, self.shared / LABELS_IN)

    def check_output(self) -> None:
        """Raises UserError where an experiment would lie among what several share."""
        place, stats = Path(os.path.realpath(self.output)), Path(os.path.realpath(self.stats))
        inside = [(SHARED, name) for name in (LABELS_IN, FACES_IN, SPLITS_IN)]
        is_shared = place.name == SHARED or (place.parent.name, place.name) in inside
        if is_shared or place == stats:
            raise UserError(f"--output {self.output} is not for an experiment: name another directory")

    def tables_read(self, token_type: str) -> list[Path]:
        """Names all that a training reads, but for archives, recordings and faces; some need not be there."""
        tables = [self.tokens(token_type), *(self.stats / "train" / file for file in STATS_FILES.values())]
        tables += [class_table(self.tables, label) for label in CLASS_LABELS]
        names = (WAV_SCP, text_file(token_type), DURATIONS, FEATS_SCP, PITCH_SCP, ENERGY_SCP, *LABEL_FILES)
        for part in TRAIN_AND_DEV:
            tables += [self.dump / part / name for name in names]
            tables += [self.stats / part / shape for shape in SHAPES]
        return tables

    def state(self, token_type: str) -> str:
        """Hashes all that a training reads, as far as its tables and the note of stage 3 tell it."""
        note = note_file(self.dump, FEATURES)
        return joined_digest(map(file_digest, [note, *face_sources(self.dump), *self.tables_read(token_type)]))

    def check_unchanged(self, state: str, token_type: str) -> None:
        """Raises UserError where what is read is not what it was when its `state` was taken."""
        if self.state(token_type) != state:
            raise UserError(f"{self.dump} has changed while the training was prepared: run the same command again")

    def digest(self, token_type: str, faces: bool = False) -> str:
        """Hashes what a model learns from: texts, labels, durations, tables and statistics, and faces."""
        tables = (text_file(token_type), DURATIONS, *LABEL_FILES)
        paths = [self.dump / part / table for part in TRAIN_AND_DEV for table in tables]
        paths.append(self.tokens(token_type))
        paths += sorted(self.tables.glob("[!.]*"))
        paths += sorted((self.stats / "train").glob("[!.]*"))
        digest = hashlib.sha256()
        if faces:
            digest.update(file_digest(note_file(self.dump, FEATURES)).encode())
        for path in paths:
            if path.is_file():
                digest.update(path.name.encode())
                with path.open("rb") as file:
                    while block := file.read(BLOCK):
                        digest.update(block)
        return digest.hexdigest()

    def keep_files(self, token_type: str) -> None:
        """Copies to the experiment what its model needs of stage 4, which may run again for another model."""
        for path in self._kept(token_type):
            shutil.copyfile(path, self.output / path.name)

    def _kept(self, token_type: str) -> list[Path]:
        files = [self.stats / "train" / file for file in STATS_FILES.values()]
        return [*files, self.token_list / "bpe" / BPE_MODEL] if token_type == "bpe" else files

    def tokens(self, token_type: str) -> Path:
        """The token list of stage 4."""
        return self.token_list / token_type / TOKENS

    def options(self, tts: str, token_type: str, labels: Iterable[str], faces: bool = False) -> list[str]:
        """Composes the options of ESPnet's training that the recipe decides.

        Args:
            tts: The backbone.
            token_type: "phn", "char" or "bpe".
            labels: Labels of tasks that need files.
            faces: Whether it learns from faces, too.

        Raises:
            UserError: Something of stage 3 or 4 is missing.
        """
        labels = list(labels)
        require([self.dump / part / PITCH_SCP for part in TRAIN_AND_DEV], "stage 3")
        require([self.tokens(token_type), self.tables / "speakers.txt", *self._kept(token_type)], "stage 4")
        options = ["--token_type", token_type, "--token_list", str(self.tokens(token_type))]
        options += ["--output_dir", str(self.output)]
        if token_type == "bpe":
            options += ["--bpemodel", str(self.output / BPE_MODEL)]
        for key, file in STATS_FILES.items():
            options += [f"--{key}", f"stats_file={self.output / file}"]
        options += self._tables()
        for split, name in SET_OF_SPLIT.items():
            inputs = self.inputs(name, tts, token_type, labels, faces)
            for path, entry, kind in inputs:
                options += [f"--{split}_data_path_and_name_and_type", f"{path},{entry},{kind}"]
            for shape in SHAPES:
                options += [f"--{split}_shape_file", str(self.stats / name / shape)]
        return options

    def _tables(self) -> list[str]:
        """Composes the options that name the tables of classes; stages of before made none of labels of later.

        Raises:
            UserError: There is none of a label that utterances have.
        """
        options = []
        for key, label in TABLES.items():
            table = self.tables / f"{key}.txt"
            if any((self.dump / part / label.file).is_file() for part in TRAIN_AND_DEV):
                require([table], "stage 4")
            if table.is_file():
                options += [f"--{key}", str(table)]
        return options


def written_labels(tasks: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Names the labels that need files of their own: those of tasks that no batch has by itself, and emotions, which
    the style needs.

    Raises:
        UserError: A task learns a label that there is not.
    """
    labels = {str(task["label"]) for task in tasks.values() if "label" in task}
    for label in sorted(labels):
        if label not in LABELS:
            raise one_of("label", label, LABELS)
    return sorted({"emotion", *labels}.difference(READ_FROM_DUMP, RANGES.values()))
