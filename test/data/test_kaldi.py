"""Tests of Kaldi tables and of directories that are whole or not there."""

from __future__ import annotations

import threading

import pytest

from espnet_mtl.data import kaldi
from espnet_mtl.errors import UserError


def names(directory):
    """Names in a directory but for locks, which stay."""
    return sorted(path.name for path in directory.iterdir() if path.suffix != ".lock")


def test_a_table_is_sorted_and_read_back(tmp_path):
    kaldi.write_table(tmp_path / "text", {"b_1": "two  words", "a_2": "ünï", "a_10": 3})
    assert (tmp_path / "text").read_text(encoding="utf-8") == "a_10 3\na_2 ünï\nb_1 two  words\n"
    assert kaldi.read_table(tmp_path / "text") == {"a_10": "3", "a_2": "ünï", "b_1": "two  words"}
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


@pytest.mark.parametrize(
    ("content", "message"),
    [("a 1\nb\n", "text:2: expected '<key> <value>', got 'b'"), ("a 1\na 2\n", "text:2: 'a' comes twice")],
)
def test_a_bad_table_is_named_with_its_line(tmp_path, content, message):
    (tmp_path / "text").write_text(content)
    with pytest.raises(UserError, match=message):
        kaldi.read_table(tmp_path / "text")


def test_a_missing_table_names_the_stage_to_run(tmp_path):
    with pytest.raises(UserError, match=r"run stage 3 first: .*pitch\.scp is missing"):
        kaldi.read_table(tmp_path / "pitch.scp", "stage 3")
    with pytest.raises(UserError, match=r"run stage 1 first: .*b is missing"):
        kaldi.require([tmp_path, tmp_path / "b"], "stage 1")


def test_invert():
    assert kaldi.invert({"b_2": "b", "a_1": "a", "b_1": "b"}) == {"a": "a_1", "b": "b_1 b_2"}


def test_a_directory_takes_its_name_when_whole(tmp_path):
    target = tmp_path / "deep" / "train"
    for content in ("old", "new"):
        with kaldi.whole_directory(target) as directory:
            (directory / content).write_text(content)
            assert not (target / content).exists()
        assert [path.name for path in target.iterdir()] == [content]
    assert names(target.parent) == ["train"]


def test_a_failed_block_leaves_the_old_directory(tmp_path):
    with kaldi.whole_directory(tmp_path / "train") as directory:
        (directory / "text").write_text("old")
    with pytest.raises(FileNotFoundError), kaldi.whole_directory(tmp_path / "train") as directory:
        (directory / "text").rename(directory / "absent" / "text")
    assert (tmp_path / "train" / "text").read_text() == "old"
    assert names(tmp_path) == ["train"]


def test_two_writers_of_one_directory_take_turns(tmp_path, capsys):
    events = []

    def second():
        with kaldi.whole_directory(tmp_path / "train") as directory:
            events.append("second")
            (directory / "second").touch()

    with kaldi.whole_directory(tmp_path / "train") as directory:
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        (directory / "first").touch()
        events.append("first")
    thread.join()
    assert events == ["first", "second"]
    assert names(tmp_path / "train") == ["second"]
    assert "waiting for another process" in capsys.readouterr().err


def test_remains_of_a_kill_are_cleared(tmp_path):
    (tmp_path / ".train.tmp").mkdir()
    (tmp_path / ".train.tmp" / "half").touch()
    with kaldi.whole_directory(tmp_path / "train") as directory:
        assert list(directory.iterdir()) == []


def test_remove_keeps_what_a_link_points_to(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    kaldi.remove(tmp_path / "link", tmp_path / "absent")
    assert [path.name for path in tmp_path.iterdir()] == ["real"]
