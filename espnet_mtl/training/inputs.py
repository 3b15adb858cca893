"""The form of everything that stage 5 hands to ESPnet, whose readers believe it, and run commands in scp files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from espnet_mtl.data.arks import Matrices
from espnet_mtl.data.dump import DURATIONS, ENERGY_SCP, FEATS_SCP, PITCH_SCP, TRAIN_AND_DEV, WAV_SCP, text_file
from espnet_mtl.data.kaldi import Table, parse_counts, read_labels, read_scp, read_table
from espnet_mtl.data.stats import BLANK, END, UNKNOWN
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.labels import CLASS_LABELS, LABELS
from espnet_mtl.model.checkpoint import check_statistics
from espnet_mtl.system.files import read_names
from espnet_mtl.training.dataset import STATS_FILES, TrainPaths

BYTE_ORDER_MARK = "\ufeff".encode()
SHAPES = ("text_shape", "speech_shape")


def check_inputs(paths: TrainPaths, tts: str, token_type: str) -> None:
    """Checks what stages 2 to 4 wrote for train and dev.

    Args:
        paths: Where it is.
        tts: The backbone.
        token_type: "phn", "char" or "bpe".

    Raises:
        UserError: A file cannot be read, or does not fit the others; the message names file and line.
    """
    _check_token_list(paths.tokens(token_type))
    n_mels = 0
    for name in TRAIN_AND_DEV:
        features = FeatureSet(paths.dump / name, token_type)
        n_mels = n_mels or features.n_mels
        if features.n_mels != n_mels:
            raise UserError(f"{features.feats.places.path}: {features.n_mels} mels, but train has {n_mels}")
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


class FeatureSet:
    """Tokens, durations and features of every utterance of a set (stage 3).

    Args:
        dump: Directory of the set, e.g. `dump/raw/train`.
        token_type: "phn", "char" or "bpe".

    Attributes:
        lines: Line of tokens by utterance.
        durations: Frames per token (N + 1,), the last one those of the end.
        feats, pitch, energy: Log-mel (T, n_mels), log-F0 and energy (N + 1, 1).
        n_mels: Number of mels.

    Raises:
        UserError: A file is missing or cannot be read, one has other utterances than the others, or the numbers of
            tokens or frames that they give differ.
    """

    def __init__(self, dump: Path, token_type: str):
        self.recordings = read_scp(dump / WAV_SCP, "stage 2")
        self.lines = read_table(dump / text_file(token_type), "stage 3")
        table = read_table(dump / DURATIONS, "stage 3")
        self.feats = Matrices(dump / FEATS_SCP, "stage 3")
        self.pitch = Matrices(dump / PITCH_SCP, "stage 3")
        self.energy = Matrices(dump / ENERGY_SCP, "stage 3")
        if not self.recordings:
            raise UserError(f"{self.recordings.path} names no utterance: run stage 2 again")
        for other in (self.lines, table, self.feats.places, self.pitch.places, self.energy.places):
            self.check_same(other)
        self.durations = {utt: parse_counts(table, utt) for utt in table}
        self.n_mels = self._check_shapes()

    def check_same(self, table: Table) -> None:
        """Raises UserError where a table has not a line for each utterance, and no others."""
        table.check_has(self.recordings, self.recordings.path)
        table.check_only(self.recordings, self.recordings.path)

    def _check_shapes(self) -> int:
        """Compares the shapes of all matrices with the durations; returns the number of mels."""
        n_mels = self.feats.shape(next(iter(self.recordings)))[1]
        for utt, frames in self.durations.items():
            _check_shape(self.feats, utt, (sum(frames), n_mels))
            _check_shape(self.pitch, utt, (len(frames), 1))
            _check_shape(self.energy, utt, (len(frames), 1))
        return n_mels


def _check_shape(matrices: Matrices, utt: str, wanted: tuple[int, int]) -> None:
    found = matrices.shape(utt)
    if found != wanted:
        where = matrices.places.where(utt)
        raise UserError(f"{where}: a matrix {found}, but by {DURATIONS} it is {wanted}: run stage 3 again")


def _check_classes(paths: TrainPaths, name: str, label_name: str, features: FeatureSet) -> None:
    """Checks that the label of every utterance is in the table of stage 4; one language needs no table."""
    label, known = CLASS_LABELS[label_name], paths.classes(label_name)
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
            read_labels(dump / label.file, label).check_only(features.recordings, features.recordings.path)


def _check_shapes(stats: Path, features: FeatureSet) -> None:
    """Compares the lengths that stage 4 noted, by which batches are made, with those of the features."""
    tables = [read_table(stats / file, "stage 4") for file in SHAPES]
    text, speech = tables
    for table in tables:
        features.check_same(table)
    for utt, frames in features.durations.items():
        for table, wanted in ((text, [len(frames) - 1]), (speech, [sum(frames), features.n_mels])):
            if parse_counts(table, utt, ",") != wanted:
                shown = ",".join(map(str, wanted))
                raise UserError(f"{table.where(utt)}: {table[utt]!r}, but its features are {shown}: run stage 4 again")


def _check_marks(paths: Iterable[Path]) -> None:
    """Refuses tables that begin with a byte order mark: we leave it out, but to ESPnet it is part of the first key."""
    for path in paths:
        with path.open("rb") as file:
            if file.read(len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK:
                raise UserError(f"{path}:1: a byte order mark: save it as UTF-8 without one")


def _check_token_list(path: Path) -> None:
    tokens = read_names(path)
    if tokens[:2] != [BLANK, UNKNOWN] or tokens[-1:] != [END]:
        raise UserError(f"{path}: expected {BLANK}, {UNKNOWN}, tokens and {END}, a line each: run stage 4 again")
