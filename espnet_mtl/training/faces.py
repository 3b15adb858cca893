"""The faces that a visual encoder learns from, as ESPnet reads them: with something for every utterance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np

from espnet_mtl.config.fields import AtLeastOne, Digest, Options, build
from espnet_mtl.data.arks import Matrices, ark_writers, moved_scp
from espnet_mtl.data.dump import TRAIN_AND_DEV, UTT2SPK, VISUAL_NOTE, VISUAL_SCP
from espnet_mtl.data.kaldi import Table, read_table, write_table
from espnet_mtl.data.provenance.notes import file_digest, is_sealed, joined_digest, seal
from espnet_mtl.errors import UserError
from espnet_mtl.system.files import locked, whole_directory
from espnet_mtl.visual.extractors.build import check_weights

ABSENT = "absent"
"""Archive of what stands for a face that is not there."""


class FaceNote(Options):
    """What `VISUAL_NOTE` says that stage 5 goes by.

    Attributes:
        shape: Of a frame: [D] or [H, W].
        weights: Digest of the weights of the extractor.
    """

    shape: list[AtLeastOne]
    weights: Digest | None = None


def face_note(dump: Path, extractor: str) -> FaceNote:
    """Reads what stage 3 noted of the faces in `dump/raw`.

    Args:
        dump: `dump/raw`.
        extractor: Who made them.

    Raises:
        UserError: Stage 3 found no faces, or made vectors of them with other weights than this version of the package.
    """
    note = dump / VISUAL_NOTE
    if not note.is_file():
        raise UserError(f"style_conf.visual: there is no {note}: set visual_extract, and run stage 3")
    try:
        said = json.loads(note.read_text())
    except (ValueError, UnicodeError) as error:
        raise UserError(f"{note}: {error}: run stage 3 again") from error
    wanted = {key: said[key] for key in FaceNote.model_fields if key in said} if isinstance(said, Mapping) else {}
    faces = build(FaceNote, wanted, str(note))
    check_weights(extractor, faces.weights, f"{note}: stage 3 made vectors", "run stage 3 again")
    return faces


def face_tables(dump: Path, directory: Path) -> Path:
    """Names the directory of the tables of faces: what they are made of is part of its name.

    Args:
        dump: `dump/raw`.
        directory: Where such directories are kept. The tables name a file in theirs, and so its place counts.
    """
    return directory / joined_digest([str(directory), *map(file_digest, face_sources(dump))])[:16]


def face_sources(dump: Path) -> list[Path]:
    """Names what the tables of faces are made of; some need not be there."""
    return [dump / VISUAL_NOTE, *(dump / part / table for part in TRAIN_AND_DEV for table in (VISUAL_SCP, UTT2SPK))]


def write_faces(dump: Path, shape: list[int], output: Path) -> dict[str, Path]:
    """Writes for train and dev a table with a face for every utterance, unless they are there already.

    One frame of NaN stands for a face that is not there.

    Args:
        dump: `dump/raw`.
        shape: Of a frame.
        output: Directory of the tables, of `face_tables`.

    Returns:
        The table of each set.

    Raises:
        UserError: No utterance of train has a face, a face is of an utterance that there is not, or of another shape,
            or the tables of the dump are changed meanwhile.
    """
    size = prod(shape)
    places = {part: _places(dump / part, size) for part in TRAIN_AND_DEV}
    if not places["train"]:
        raise UserError(f"style_conf.visual: no utterance of {dump / 'train'} has a face")
    tables = {part: output / f"{part}.scp" for part in places}
    with locked(output):
        if is_sealed(output):
            return tables
        with whole_directory(output) as directory:
            with ark_writers(directory, [ABSENT]) as writers:
                writers[ABSENT](ABSENT, np.full((1, size), np.nan, dtype=np.float32))
            stand_in = moved_scp(directory / f"{ABSENT}.scp", output)[ABSENT]
            for part, own in places.items():
                utts = read_table(dump / part / UTT2SPK, "stage 2")
                write_table(directory / tables[part].name, {utt: own.get(utt, stand_in) for utt in utts})
            if face_tables(dump, output.parent) != output:
                raise UserError(f"{dump} has changed while tables of faces were made: run the same command again")
            seal(directory)
    return tables


def _places(directory: Path, size: int) -> Table:
    """Reads where the faces of a set are, and checks the shape of each by its first bytes."""
    faces = Matrices(directory / VISUAL_SCP, "stage 3")
    faces.places.check_only(read_table(directory / UTT2SPK, "stage 2"), directory / UTT2SPK)
    for utt, found in faces.shapes():
        if found[1] != size or not found[0]:
            wanted = f"expected frames of {size} numbers: run stage 3 again"
            raise UserError(f"{faces.places.where(utt)}: a matrix {found}, {wanted}")
    return faces.places
