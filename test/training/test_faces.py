"""What stage 5 makes of the faces of stage 3."""

import json

import kaldiio
import numpy as np
import pytest

from espnet_mtl.data.arks import ark_writers
from espnet_mtl.data.kaldi import write_table
from espnet_mtl.errors import UserError
from espnet_mtl.training.faces import face_note, face_tables, write_faces
from espnet_mtl.visual.extractors.build import weights_digest

UTTS = {"train": ("a_1", "a_2", "b_1"), "dev": ("a_3",)}


@pytest.fixture
def dump(tmp_path):
    """Faces of two of three utterances of train, and of none of dev."""
    dump = tmp_path / "dump"
    for part, utts in UTTS.items():
        write_table(dump / part / "utt2spk", {utt: utt[0] for utt in utts})
        with ark_writers(dump / part, ["visual"]) as writers:
            for frames, utt in enumerate(utts[:2] if part == "train" else (), 2):
                writers["visual"](utt, np.full((frames, 6), frames, dtype="f"))
    (dump / "visual.json").write_text(json.dumps({"extractor": "crops", "shape": [2, 3], "rate": 5.0}))
    return dump


def test_every_utterance_has_a_line(dump, tmp_path):
    tables = write_faces(dump, face_note(dump, "crops").shape, face_tables(dump, tmp_path))
    train = kaldiio.load_scp(str(tables["train"]))
    assert list(train) == list(UTTS["train"])
    assert [train[utt].shape for utt in UTTS["train"]] == [(2, 6), (3, 6), (1, 6)]
    assert train["a_2"].min() == train["a_2"].max() == 3
    assert np.isnan(train["b_1"]).all()
    assert np.isnan(kaldiio.load_scp(str(tables["dev"]))["a_3"]).all()


def test_tables_are_made_once_and_again_where_they_are_damaged(dump, tmp_path):
    faces = face_tables(dump, tmp_path)
    tables = write_faces(dump, [2, 3], faces)
    first = tables["dev"].stat()
    assert write_faces(dump, [2, 3], faces) == tables
    assert tables["dev"].stat() == first
    (archive,) = faces.glob("*.ark")
    for damage in (lambda: archive.write_bytes(b""), tables["train"].unlink):
        damage()
        write_faces(dump, [2, 3], faces)
        assert list(kaldiio.load_scp(str(tables["train"]))) == list(UTTS["train"])
        assert np.isnan(kaldiio.load_scp(str(tables["train"]))["b_1"]).all()


def test_a_dump_that_changes_meanwhile_is_told(dump, tmp_path, monkeypatch):
    table = dump / "train/visual.scp"

    def changing(path, lines):
        table.write_text(table.read_text().replace("a_1", "a_0"))
        write_table(path, lines)

    monkeypatch.setattr("espnet_mtl.training.faces.write_table", changing)
    with pytest.raises(UserError, match="dump has changed while tables of faces were made: run the same command again"):
        write_faces(dump, [2, 3], face_tables(dump, tmp_path))
    assert not (face_tables(dump, tmp_path)).exists()


def test_without_stage_3_there_is_no_shape(tmp_path):
    with pytest.raises(UserError, match=r"there is no .*visual.json: set visual_extract, and run stage 3"):
        face_note(tmp_path, "crops")


@pytest.mark.parametrize(
    "note",
    ["", "[1]", "{}", '{"shape": [2, 3], "weights": "a"}', '{"shape": [0]}', '{"shape": "6"}', '{"shape": [2.5]}'],
)
def test_a_note_that_says_no_shape(dump, note):
    (dump / "visual.json").write_text(note)
    with pytest.raises(UserError, match=r"visual\.json"):
        face_note(dump, "crops")


def test_a_face_of_another_shape_is_named(dump, tmp_path):
    with pytest.raises(UserError, match=r"visual.scp:1: .*\(2, 6\), expected frames of 8 numbers: run stage 3 again"):
        write_faces(dump, [2, 4], face_tables(dump, tmp_path))
    assert not (face_tables(dump, tmp_path)).exists()


def test_nobody_has_a_face(dump, tmp_path):
    write_table(dump / "train" / "visual.scp", {})
    with pytest.raises(UserError, match=r"style_conf.visual: no utterance of .*train has a face"):
        write_faces(dump, [2, 3], face_tables(dump, tmp_path))


def test_a_face_of_nobody(dump, tmp_path):
    with (dump / "train" / "visual.scp").open("a") as file:
        file.write("c_1 visual.ark:7\n")
    with pytest.raises(UserError, match="c_1"):
        write_faces(dump, [2, 3], face_tables(dump, tmp_path))


def test_weights_that_have_changed_since_stage_3(dump):
    digest = weights_digest("expression")
    for noted, extractor in ((digest, "expression"), (None, "expression"), ("0" * 64, "crops")):
        (dump / "visual.json").write_text(json.dumps({"shape": [128], "weights": noted}))
        assert face_note(dump, extractor).weights == noted
    (dump / "visual.json").write_text(json.dumps({"shape": [128], "weights": "0" * 64}))
    with pytest.raises(
        UserError, match=r"visual.json: stage 3 made vectors with other weights of mini-Xception \(0{12}\)"
    ):
        face_note(dump, "expression")
