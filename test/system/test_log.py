"""What logs a training leaves nothing behind in its process, and what cannot be written does not end it."""

import logging
import shutil

import pytest

from espnet_mtl.system.log import logged


def test_the_block_is_logged_and_leaves_nothing(tmp_path, capsys):
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    with logged(tmp_path / "train.log"):
        logging.info("a step")
        logging.warning("look here")
    logging.warning("after it")
    assert (list(root.handlers), root.level) == before
    text = (tmp_path / "train.log").read_text()
    assert "INFO: a step" in text
    assert "WARNING: look here" in text
    assert "after it" not in text
    shown = capsys.readouterr().out
    assert "look here" in shown
    assert "a step" not in shown


def test_a_log_that_is_closed_by_others_and_cannot_be_opened_again_is_told_once(tmp_path, capsys):
    directory = tmp_path / "exp"
    directory.mkdir()
    with logged(directory / "train.log"):
        logging.info("a step")
        for handler in logging.getLogger().handlers:
            handler.close()  # as a server does that sets up its own logging
        logging.info("another step")
        assert "another step" in (directory / "train.log").read_text()
        for handler in logging.getLogger().handlers:
            handler.close()
        shutil.rmtree(directory)
        logging.info("lost")
        logging.info("lost as well")
    assert capsys.readouterr().err.count(f"{directory / 'train.log'} is not whole") == 1


def test_a_full_disk_for_the_log_alone_ends_nothing(tmp_path, capsys):
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    (tmp_path / "train.log").symlink_to("/dev/full")
    with logged(tmp_path / "train.log"):
        logging.info("a step")
        logging.info("another step")
    assert (list(root.handlers), root.level) == before
    assert capsys.readouterr().err.count("train.log is not whole: [Errno 28]") == 1


def test_a_log_that_cannot_be_begun_leaves_nothing(tmp_path):
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    with pytest.raises(IsADirectoryError), logged(tmp_path):
        pass
    assert (list(root.handlers), root.level) == before
