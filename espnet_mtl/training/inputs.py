"""The form of everything that stage 5 hands to ESPnet, whose readers believe it, and run commands in scp files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from espnet_mtl.data.arks import Matrices
from espnet_mtl.data.dump import DURATIONS, ENERGY_SCP, FEATS_SCP, PITCH_SCP, TRAIN_AND_DEV, WAV_SCP, text_file
from espnet_mtl.data.kaldi import Table, parse_counts, read_labels, read_scp, read_table
from espnet_mtl.data.provenance.notes import file_digest, joined_digest
from espnet_mtl.data.stats import BLANK, END, UNKNOWN
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.labels import CLASS_LABELS, LABELS
from espnet_mtl.model.checkpoint import check_statistics
from espnet_mtl.system.files import file_state, locked, read_names, read_text, write_text
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.training.dataset import SHAPES, STATS_FILES, TrainPaths
from espnet_mtl.training.label_files import known_classes

BYTE_ORDER_MARK = "\ufeff".encode()
REVISION = 2
"""Of these checks: one more where they find more."""


def check_inputs(paths: TrainPaths, tts: str, token_type: str) -> None:
    """Checks what stages 2 to 4 wrote for train and dev, unless it is as it was when it was checked.

    Of tables, that is seen by their content. Of archives, which may be large, by size and time: those that have changed
    are looked at again.

    Args:
        paths: Where it is.
        tts: The backbone.
        token_type: "phn", "char" or "bpe".

    Raises:
        UserError: A file cannot be read, or does not fit the others; the message names file and line.
    """
    note = paths.shared / f"checked_{tts}_{token_type}.json"
    tables = _digest(paths, token_type)
    if _is_checked(note, tables):
        return
    archives = _check_all(paths, tts, token_type)
    if _digest(paths, token_type) != tables:
        raise UserError(f"{paths.dump} has changed while it was checked: run the same command again")
    checked = {"tables": tables, "archives": {archive: file_state(archive) for archive in sorted(archives)}}
    with locked(note):
        write_text(note, json.dumps(checked, indent=1) + "\n")


def _digest(paths: TrainPaths, token_type: str) -> str:
    return joined_digest([str(REVISION), *map(file_digest, paths.tables_read(token_type))])


def _is_checked(note: Path, tables: str) -> bool:
    try:
        checked = json.loads(note.read_bytes())
        if checked["tables"] != tables:
            return False
        return all(file_state(archive) == state for archive, state in checked["archives"].items())
    # Not checked yet, or the note is damaged
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return False


def _check_all(paths: TrainPaths, tts: str, token_type: str) -> set[str]:
    """Does the check, and returns the archives that hold the features."""
    _check_token_list(paths.tokens(token_type))
    n_mels = 0
    archives: set[str] = set()
    for name in TRAIN_AND_DEV:
        features = FeatureSet(paths.dump / name, token_type)
        archives |= features.archives
        n_mels = n_mels or features.n_mels
        if features.n_mels != n_mels:
            raise UserError(f"{paths.dump / name / FEATS_SCP}: {features.n_mels} mels, but train has {n_mels}")
        for label in ("speaker", "language"):
            _check_classes(paths, name, label, features)
        _check_labels(paths.dump / name, features)
        _check_shapes(paths.stats / name, features)
        files = [path for path, _, _ in paths.inputs(name, tts, token_type, ())]
        _check_marks([*files, *(paths.stats / name / shape for shape in SHAPES)])
    columns = {"normalize_conf": n_mels, "pitch_normalize_conf": 1, "energy_normalize_conf": 1}
    for key, file in STATS_FILES.items():
        try:
            check_statistics(paths.stats / "train" / file, f"{key}.stats_file", columns[key])
        except UserError as error:
            raise UserError(f"{error}: run stage 4 again") from error
    return archives


class FeatureSet:
    """Tokens, durations and features of every utterance of a set (stage 3), each file read and let go in its turn.

    Args:
        dump: Directory of the set, e.g. `dump/raw/train`.
        token_type: "phn", "char" or "bpe".

    Attributes:
        utterances: Place of each utterance among the lengths below.
        lengths: Numbers of tokens, with the end as one of them, and of frames: (utterances, 2).
        n_mels: Number of mels.
        archives: Files that hold the matrices.

    Raises:
        UserError: A file is missing or cannot be read, one has other utterances than the others, or the numbers of
            tokens or frames that they give differ.
    """

    def __init__(self, dump: Path, token_type: str):
        recordings = read_scp(dump / WAV_SCP, "stage 2")
        if not recordings:
            raise UserError(f"{recordings.path} names no utterance: run stage 2 again")
        self._recordings = recordings.path
        self.utterances = {utt: place for place, utt in enumerate(recordings)}
        del recordings  # a million paths
        self.check_same(read_table(dump / text_file(token_type), "stage 3", only_keys=True))
        self.lengths = self._read_lengths(dump)
        self.archives: set[str] = set()
        self.n_mels = self._check_shapes(dump / FEATS_SCP, 1)
        for feature in (PITCH_SCP, ENERGY_SCP):
            self._check_shapes(dump / feature, 0, 1)

    def check_same(self, table: Table) -> None:
        """Raises UserError where a table has not a line for each utterance, and no others."""
        table.check_has(self.utterances, self._recordings)
        self.check_only(table)

    def check_only(self, table: Table) -> None:
        """Raises UserError where a table has a line of no utterance."""
        table.check_only(self.utterances, self._recordings)

    def _read_lengths(self, dump: Path) -> np.ndarray:
        table = read_table(dump / DURATIONS, "stage 3")
        self.check_same(table)
        lengths = np.zeros((len(self.utterances), 2), dtype=np.int64)
        for utt, place in self.utterances.items():
            frames = parse_counts(table, utt)
            lengths[place] = len(frames), sum(frames)
        return lengths

    def _check_shapes(self, scp: Path, kind: int, columns: int | None = None) -> int:
        """Compares the shapes of matrices with the lengths; returns the number of columns.

        Args:
            scp: Names the matrices.
            kind: 0: each has a row a token; 1: a row a frame.
            columns: What they must have; None: what the first one has.
        """
        matrices = Matrices(scp, "stage 3")
        self.check_same(matrices.places)
        for utt, found in matrices.shapes():
            columns = columns or found[1]
            wanted = (int(self.lengths[self.utterances[utt], kind]), columns)
            if found != wanted:
                where = matrices.places.where(utt)
                raise UserError(f"{where}: a matrix {found}, but by {DURATIONS} it is {wanted}: run stage 3 again")
        self.archives |= matrices.archives
        return columns or 0


def _check_classes(paths: TrainPaths, name: str, label_name: str, features: FeatureSet) -> None:
    """Checks that the label of every utterance is in the table of stage 4; one language needs no table."""
    label, known = CLASS_LABELS[label_name], known_classes(paths.tables, label_name)
    if label_name == "language" and len(known) < 2:
        return
    table = read_labels(paths.dump / name / label.file, label)
    features.check_same(table)
    for utt, line in table.items():
        if line not in known:
            mistake = one_of(label.name, line, known)
            raise UserError(f"{table.where(utt)}: {mistake} ({label.table}.txt): correct it, or run stage 4 again")


def _check_labels(dump: Path, features: FeatureSet) -> None:
    """Checks the tables of labels, whose lines may be missing, but not be those of no utterance."""
    for label in LABELS.values():
        if label.file:
            features.check_only(read_labels(dump / label.file, label))


def _check_shapes(stats: Path, features: FeatureSet) -> None:
    """Compares the lengths that stage 4 noted, by which batches are made, with those of the features."""
    for file in SHAPES:
        table = read_table(stats / file, "stage 4")
        features.check_same(table)
        for utt, place in features.utterances.items():
            tokens, frames = map(int, features.lengths[place])
            wanted = [tokens - 1] if file == SHAPES[0] else [frames, features.n_mels]
            if parse_counts(table, utt, ",") != wanted:
                shown = ",".join(map(str, wanted))
                raise UserError(f"{table.where(utt)}: {table[utt]!r}, but its features are {shown}: run stage 4 again")


def _check_marks(paths: Iterable[Path]) -> None:
    """Refuses tables of which ESPnet would read other keys than we do, who leave out marks and compose letters."""
    for path in paths:
        content = path.read_bytes()
        if content.startswith(BYTE_ORDER_MARK):
            raise UserError(f"{path}:1: a byte order mark: save it as UTF-8 without one")
        if not content.isascii():
            _check_keys(path)


def _check_keys(path: Path) -> None:
    for number, line in enumerate(read_text(path).split("\n"), 1):
        key, *_ = [*line.split(maxsplit=1), ""]
        wanted = normal_name(key) if key else key
        if key != wanted:
            raise UserError(f"{path}:{number}: {key!r} is not composed (Unicode NFC), as it is elsewhere: {wanted!r}")


def _check_token_list(path: Path) -> None:
    tokens = read_names(path)
    if tokens[:2] != [BLANK, UNKNOWN] or tokens[-1:] != [END]:
        raise UserError(f"{path}: expected {BLANK}, {UNKNOWN}, tokens and {END}, a line each: run stage 4 again")
