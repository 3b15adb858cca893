import os

import pytest

from espnet_mtl.data.provenance.notes import Note, changed_files, digests, note_file, read_note, whole_sets, write_note
from espnet_mtl.errors import UserError


def test_a_note_comes_back_as_it_was(tmp_path):
    note = Note(3, {"a.b": 1, "c": None}, {"d": [1, 2]}, {"x": "1"}, {"y": "2"}, "content", {"numpy": "2.0"})
    write_note(tmp_path, note)
    assert read_note(tmp_path, 3) == note
    assert read_note(tmp_path, 2) is None


def test_a_setting_that_is_not_given_has_its_default():
    note = Note(3, {"a": 1, "b": 2}, defaults={"c": 3, "b": 5})
    assert note.differing({"a": 1, "b": 2}) == {}
    assert note.differing({"a": 1, "b": 2, "c": 3}) == {}
    assert note.differing({"a": 1, "b": None}) == {"b": (2, 5)}
    assert note.differing({"c": 4, "d": 1}) == {"c": (3, 4), "d": (None, 1)}


def test_contents_are_compared_and_not_times(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/text").write_text("a b\n")
    noted = digests([tmp_path / "in/text", tmp_path / "in/other"], tmp_path / "out")
    assert set(noted) == {"../in/text", "../in/other"}
    os.utime(tmp_path / "in/text", (1, 1))
    assert changed_files(tmp_path / "out", noted) == []
    (tmp_path / "in/other").write_text("")
    assert changed_files(tmp_path / "out", noted) == [tmp_path / "in/other"]
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "in").rename(moved / "in")
    assert changed_files(tmp_path / "out", noted) == []  # what is gone cannot be compared
    assert changed_files(moved / "out", noted) == [moved / "in/other"]


def test_the_digest_of_a_note_is_that_of_what_the_stage_made(tmp_path):
    for versions in ({"numpy": "1"}, {"numpy": "2"}):
        write_note(tmp_path, Note(3, {"a": 1}, content="same", versions=versions))
        (digest,) = digests([note_file(tmp_path, 3)], tmp_path).values()
        assert digest == "same"
    write_note(tmp_path, Note(2, {"a": 1}))
    before = digests([note_file(tmp_path, 2)], tmp_path)
    write_note(tmp_path, Note(2, {"a": 2}))
    assert digests([note_file(tmp_path, 2)], tmp_path) != before


def test_sets_count_as_cut_off_from_the_first_that_takes_its_name(tmp_path):
    write_note(tmp_path, Note(2))
    with pytest.raises(UserError), whole_sets(tmp_path, ("train", "test"), 2):
        raise UserError("failed before anything was replaced")
    assert read_note(tmp_path, 2).finished
    with whole_sets(tmp_path, ("train", "test"), 2) as directories:
        (directories["train"] / "text").write_text("a\n")
        assert read_note(tmp_path, 2).finished
    assert not read_note(tmp_path, 2).finished
    assert (tmp_path / "train/text").is_file()


def test_a_source_behind_a_link_to_itself_is_in_no_set(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with whole_sets(tmp_path, ("train",), 1, [loop / "face.png"]) as directories:
        (directories["train"] / "text").write_text("a\n")
    assert (tmp_path / "train/text").is_file()
