"""What stage 5 reads: the files of stages 2 to 4, and label files that have a line for every utterance."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from espnet_mtl.config.ranges import RANGES
from espnet_mtl.data.continuous import Numbers, standardized
from espnet_mtl.data.dump import (
    DURATIONS,
    DURATIONS_NOTE,
    ENERGY_SCP,
    FEATS_SCP,
    PITCH_SCP,
    TRAIN_AND_DEV,
    UNVOICED,
    WAV_SCP,
    text_file,
)
from espnet_mtl.data.kaldi import read_labels, read_table, write_table
from espnet_mtl.data.provenance.notes import file_digest, joined_digest, note_file
from espnet_mtl.data.provenance.settings import FEATURES
from espnet_mtl.data.stats import BPE_MODEL, TOKENS, statistics_file
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.labels import (
    CLASS_LABELS,
    CONTINUOUS_LABELS,
    LABEL_FILES,
    LABELS,
    TABLES,
    UNLABELLED,
    ClassLabel,
    ContinuousLabel,
)
from espnet_mtl.registry import BACKBONES
from espnet_mtl.system.files import locked, read_names, read_text, remove, require, write_text
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.text.tokens import Tokenizer
from espnet_mtl.training.splits import split_tables

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
ABSENT = "absent"
"""Stands in the note of a label that no utterance of train has."""
BLOCK = 1 << 20
READ_FROM_DUMP = ("speaker", "language")
"""Labels whose files stage 2 wrote whole: they need none of their own."""
SHAPES = ("text_shape", "speech_shape")
"""Tables of stage 4: the lengths by which ESPnet makes batches."""
REVISION = "1"
"""Of how whole label files are made: one more where the same data give others."""

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
        num_splits: Parts of the train set, of which one is in memory at a time.
    """

    dump: Path
    token_list: Path
    tables: Path
    stats: Path
    output: Path
    num_splits: int = 1

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
        if len(self.classes("language")) > 1:
            inputs.append((dump / CLASS_LABELS["language"].file, CLASS_LABELS["language"].batch_key, "text"))
        for label in labels:
            inputs.append((self.label_file(name, label, token_type), LABELS[label].batch_key, "text"))
        if faces:
            inputs.append((self.faces / f"{name}.scp", "visual", "kaldi_ark"))
        return inputs

    @property
    def faces(self) -> Path:
        """Where `espnet_mtl.training.faces.write_faces` puts its tables."""
        return self.output / "faces"

    def classes(self, label: str) -> list[str]:
        """Names the classes of a label, as stage 4 found them; none without its table."""
        table = self.tables / f"{CLASS_LABELS[label].table}.txt"
        return read_names(table) if table.is_file() else []

    @cached_property
    def content(self) -> str:
        """Hashes all that label files are made of, as it was when this was asked for first."""
        files = [self.dump / DURATIONS_NOTE, note_file(self.dump, FEATURES)]
        for part in TRAIN_AND_DEV:
            tables = (text_file("phn"), text_file("bpe"), DURATIONS, PITCH_SCP, ENERGY_SCP, UNVOICED, *LABEL_FILES)
            files += [self.dump / part / table for table in dict.fromkeys(tables)]
        files += sorted(self.tables.glob("[!.]*"))
        return joined_digest([REVISION, *map(file_digest, files)])

    def made_of_dump(self, token_type: str) -> Path:
        """Where tables are that depend on the data alone: all experiments that learn from the same share them."""
        return self.stats / "labels" / f"{self.content[:16]}_{token_type}"

    def label_file(self, name: str, label: str, token_type: str) -> Path:
        """Where `write_labels` puts a label of the set `name`."""
        return self.made_of_dump(token_type) / name / label

    def write_labels(self, labels: Collection[str], tokenizer: Tokenizer) -> list[str]:
        """Writes label files that have a line for every utterance, as ESPnet wants them, unless they are there already.

        The line is `-` where an utterance is unlabelled, or, in dev, where its class is not in train.

        Returns:
            The labels that no utterance of train has.

        Raises:
            UserError: An utterance of train has a class that stage 4 did not find.
        """
        directory = self.made_of_dump(tokenizer.token_type)
        notes = {label: directory / f"{label}.note" for label in labels}
        with locked(directory):
            new = [label for label in labels if not notes[label].is_file()]
            absent = self._write_new_labels(new, tokenizer)
            for label in new:
                write_text(notes[label], ABSENT if label in absent else "")
        return [label for label in labels if read_text(notes[label]) == ABSENT]

    def _write_new_labels(self, labels: Collection[str], tokenizer: Tokenizer) -> list[str]:
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
                self._write_whole(self.label_file(part, name, tokenizer.token_type), part, lines[part])
        return absent

    def _known_lines(self, label: ClassLabel, part: str) -> dict[str, str]:
        """Reads the lines of a label file that name no class beyond those of stage 4's table; train has no others.

        Raises:
            UserError: Train has one: its file has changed since stage 4.
        """
        known = self.classes(label.name)
        forms = {normal_name(name) for name in known}
        found = read_labels(self.dump / part / label.file, label)
        lines = {}
        for utt, line in found.items():
            unknown = [name for name in label.classes_in(line) if name not in forms]
            if unknown and part == "train":
                mistake = one_of(label.name, unknown[0], known)
                table = self.tables / f"{label.table}.txt"
                raise UserError(f"{found.where(utt)}: {mistake} ({table}). Correct it, or run stage 4 again")
            if not unknown:
                lines[utt] = line
        return lines

    def _write_whole(self, path: Path, part: str, lines: Mapping[str, str]) -> None:
        utts = read_table(self.dump / part / CLASS_LABELS["speaker"].file, "stage 2", only_keys=True)
        write_table(path, {utt: lines.get(utt, UNLABELLED) for utt in utts})

    def digest(self, token_type: str) -> str:
        """Hashes what a model learns from: texts, labels, durations, tables and statistics."""
        tables = (text_file(token_type), DURATIONS, *LABEL_FILES)
        paths = [self.dump / part / table for part in TRAIN_AND_DEV for table in tables]
        paths.append(self.tokens(token_type))
        paths += sorted(self.tables.glob("[!.]*"))
        paths += sorted((self.stats / "train").glob("[!.]*"))
        digest = hashlib.sha256()
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
            shapes = [self.stats / name / shape for shape in SHAPES]
            if split == "train" and self.num_splits > 1:
                options += ["--multiple_iterator", "true"]
                inputs = [(self.splits(path, token_type), entry, kind) for path, entry, kind in inputs]
                shapes = [self.splits(path, token_type) for path in shapes]
            for path, entry, kind in inputs:
                options += [f"--{split}_data_path_and_name_and_type", f"{path},{entry},{kind}"]
            for path in shapes:
                options += [f"--{split}_shape_file", str(path)]
        return options

    def splits(self, table: Path, token_type: str) -> Path:
        """Where the parts of a table of train are: those of the faces belong to the experiment, as their table does."""
        shared = not table.is_relative_to(self.output)
        parent = self.made_of_dump(token_type) if shared else self.output
        return parent / f"splits_{self.num_splits}" / table.name

    def write_splits(self, tts: str, token_type: str, labels: Iterable[str], faces: bool = False) -> None:
        """Parts the tables of train, where there are to be parts (`espnet_mtl.training.splits`).

        Raises:
            UserError: There are more parts than utterances.
        """
        if self.num_splits > 1:
            remove(self.output / f"splits_{self.num_splits}")
            tables = [path for path, _, _ in self.inputs("train", tts, token_type, labels, faces)]
            tables += [self.stats / "train" / shape for shape in SHAPES]
            split_tables([(table, self.splits(table, token_type)) for table in tables], self.num_splits)

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


def _written(label: ContinuousLabel, values: Mapping[str, Numbers]) -> dict[str, str]:
    return {utt: label.write(value) for utt, value in values.items()}


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
