"""Tests of files and directories that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import resource
import signal
import subprocess
import sys
import threading

import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.system.files import (
    append_text,
    locked,
    read_text,
    remove,
    require,
    whole_directory,
    whole_file,
    write_text,
)

ROOM = 100


@pytest.fixture
def little_room():
    """Lets files have no more than `ROOM` bytes, which is the same to a program as a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


HOLDS_A_LOCK = "import sys, time; from espnet_mtl.system.files import locked\n"
HOLDS_A_LOCK += "with locked(sys.argv[1]): print('held', flush=True); time.sleep(60)"


def names(directory):
    """Names in a directory but for locks, which stay."""
    return sorted(path.name for path in directory.iterdir() if path.suffix != ".lock")


def test_a_directory_takes_its_name_when_whole(tmp_path):
    target = tmp_path / "deep" / "train"
    for content in ("old", "new"):
        with whole_directory(target) as directory:
            (directory / content).write_text(content)
            assert not (target / content).exists()
        assert [path.name for path in target.iterdir()] == [content]
    assert names(target.parent) == ["train"]


def test_a_failed_block_leaves_the_old_directory(tmp_path):
    with whole_directory(tmp_path / "train") as directory:
        (directory / "text").write_text("old")
    with pytest.raises(FileNotFoundError), whole_directory(tmp_path / "train") as directory:
        (directory / "text").rename(directory / "absent" / "text")
    assert (tmp_path / "train" / "text").read_text() == "old"
    assert names(tmp_path) == ["train"]


def test_two_writers_of_one_directory_take_turns(tmp_path, capsys):
    events = []

    def second():
        with whole_directory(tmp_path / "train") as directory:
            events.append("second")
            (directory / "second").touch()

    with whole_directory(tmp_path / "train") as directory:
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        (directory / "first").touch()
        events.append("first")
    thread.join()
    assert events == ["first", "second"]
    assert names(tmp_path / "train") == ["second"]
    assert "waiting for another process" in capsys.readouterr().err


def test_who_holds_a_lock_may_take_it_again(tmp_path, capsys):
    with locked(tmp_path / "train"):
        with whole_directory(tmp_path / "train") as directory:
            (directory / "text").touch()
        second = subprocess.Popen(
            [sys.executable, "-c", HOLDS_A_LOCK, str(tmp_path / "train")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr.readline().startswith("waiting for another process")
    assert second.stdout.readline() == "held\n"
    second.kill()
    second.communicate()
    assert capsys.readouterr().err == ""


def test_remains_of_a_kill_are_cleared(tmp_path):
    (tmp_path / ".train.tmp").mkdir()
    (tmp_path / ".train.tmp" / "half").touch()
    with whole_directory(tmp_path / "train") as directory:
        assert list(directory.iterdir()) == []


def test_remove_keeps_what_a_link_points_to(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    remove(tmp_path / "link", tmp_path / "absent")
    assert [path.name for path in tmp_path.iterdir()] == ["real"]


def test_a_killed_process_holds_no_lock(tmp_path, capsys):
    command = [sys.executable, "-c", HOLDS_A_LOCK, str(tmp_path / "train")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        os.kill(process.pid, signal.SIGKILL)
    assert (tmp_path / ".train.lock").exists()
    with locked(tmp_path / "train"):
        assert capsys.readouterr().err == ""


def test_what_is_missing_names_the_stage_to_run(tmp_path):
    with pytest.raises(UserError, match=r"run stage 1 first: .*b is missing"):
        require([tmp_path, tmp_path / "b"], "stage 1")


def test_text_in_another_encoding_is_named_with_its_line(tmp_path):
    (tmp_path / "a.txt").write_bytes("one\r\nGrüße\r\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"a.txt:2: not UTF-8: invalid .*save it as UTF-8"):
        read_text(tmp_path / "a.txt")
    assert read_text(tmp_path / "a.txt", "latin-1") == "one\nGrüße\n"
    with pytest.raises(UserError, match=r"b.txt is missing"):
        read_text(tmp_path / "b.txt")


def test_a_file_takes_its_name_when_whole(tmp_path):
    target = tmp_path / "deep" / "a.txt"
    for content in (b"old", b"new"):
        with whole_file(target) as file:
            file.write(content)
            assert not target.exists() or target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert names(target.parent) == ["a.txt"]


def test_a_file_is_on_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    events = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: events.append("on disk"))
    rename = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: events.append("named") or rename(*paths))
    write_text(tmp_path / "a.txt", "a")
    assert events == ["on disk", "named"]


def test_where_there_is_no_room_the_old_file_stays(tmp_path, little_room):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "a.txt"))) as raised:
        write_text(tmp_path / "a.txt", "new" * ROOM)
    assert raised.value.errno == errno.EFBIG
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_where_there_is_no_room_nothing_is_added(tmp_path, little_room):
    append_text(tmp_path / "a.csv", "one\n")
    append_text(tmp_path / "a.csv", "two\n")
    with pytest.raises(OSError, match=r"a\.csv"):
        append_text(tmp_path / "a.csv", "three" * ROOM)
    assert (tmp_path / "a.csv").read_text() == "one\ntwo\n"


def test_where_there_is_no_room_the_old_directory_stays_and_is_named(tmp_path, little_room):
    with whole_directory(tmp_path / "train") as directory:
        (directory / "text").write_text("old")
    with (
        pytest.raises(OSError, match=re.escape(str(tmp_path / "train"))),
        whole_directory(tmp_path / "train") as directory,
    ):
        (directory / "text").write_text("new" * ROOM)
    assert (tmp_path / "train" / "text").read_text() == "old"
    assert names(tmp_path) == ["train"]


def test_a_directory_is_not_lost_between_its_two_renames(tmp_path):
    (tmp_path / ".train.old").mkdir()
    (tmp_path / ".train.old" / "text").write_text("old")
    (tmp_path / ".train.tmp").mkdir()
    with pytest.raises(FileNotFoundError), whole_directory(tmp_path / "train") as directory:
        (directory / "absent").unlink()
    assert (tmp_path / "train" / "text").read_text() == "old"
    assert names(tmp_path) == ["train"]


def test_below_a_file_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    for write in (lambda path: write_text(path, "a"), lambda path: whole_directory(path).__enter__()):
        with pytest.raises((FileExistsError, NotADirectoryError), match=re.escape(str(tmp_path / "file"))):
            write(tmp_path / "file" / "a")
