"""What a training that was cut off leaves, and what the next call makes of it."""

import argparse
import datetime
import shutil

import pytest
import torch

from espnet_mtl.errors import UserError
from espnet_mtl.model.checkpoint import load_state
from espnet_mtl.tasks.saving import CHECKPOINT, PREVIOUS
from espnet_mtl.training.resume import config_kept, finish_epoch, repair

CRITERION = ("valid", "loss", "min")
LOSSES = {1: 3.0, 2: 1.0, 3: 2.0}
ARGS = argparse.Namespace(best_model_criterion=[CRITERION], keep_nbest_models=2, nbest_averaging_interval=0)


def weights(epoch):
    return {"weight": torch.full((2,), float(epoch))}


def save_model(directory, epoch):
    torch.save(weights(epoch), directory / f"{epoch}epoch.pth")


def save_checkpoint(path, epoch):
    stats = {number: {"valid": {"loss": LOSSES[number]}} for number in range(1, epoch + 1)}
    stats[1]["valid"]["time"] = datetime.timedelta(seconds=1)  # as versions before ESPnet 202611 wrote it
    torch.save({"model": weights(epoch), "reporter": {"epoch": epoch, "stats": stats}}, path)


def cut_off(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_whole_models_outlive_a_checkpoint_that_was_cut_off(tmp_path, caplog):
    save_model(tmp_path, 2)
    (tmp_path / "valid.loss.best.pth").symlink_to("2epoch.pth")
    (tmp_path / "config.yaml").write_text("tts: fastspeech2\n")
    (tmp_path / "train.log").write_text("1epoch results\n")
    (tmp_path / "init.pth").touch()
    save_checkpoint(tmp_path / CHECKPOINT, 3)
    cut_off(tmp_path / CHECKPOINT)
    assert repair(tmp_path) is None
    assert names(tmp_path) == ["config.yaml", "init.pth", "remains-1"]
    remains = tmp_path / "remains-1"
    assert {"train.log", "config.yaml"} < set(names(remains))
    torch.testing.assert_close(load_state(remains / "valid.loss.best.pth"), weights(2))
    assert f"training begins again. What the earlier one left is in {remains}; --init_model {remains}" in caplog.text


@pytest.mark.parametrize("content", [None, b""])
def test_whole_models_outlive_a_checkpoint_that_is_missing(tmp_path, content):
    for number in (1, 2):  # each time, the remains go elsewhere
        save_model(tmp_path, number)
        if content is not None:
            (tmp_path / CHECKPOINT).write_bytes(content)
        assert repair(tmp_path) is None
        torch.testing.assert_close(load_state(tmp_path / f"remains-{number}/{number}epoch.pth"), weights(number))


@pytest.mark.parametrize("content", [[1], weights(2)])
def test_a_file_that_is_whole_but_no_checkpoint_is_told(tmp_path, content):
    torch.save(content, tmp_path / CHECKPOINT)
    with pytest.raises(UserError, match="is no checkpoint of a training"):
        repair(tmp_path)
    assert names(tmp_path) == [CHECKPOINT]


def test_a_training_that_begins_leaves_everything_as_it_is(tmp_path):
    (tmp_path / "init.pth").touch()
    assert repair(tmp_path) is None
    assert repair(tmp_path / "absent") is None
    assert names(tmp_path) == ["init.pth"]


@pytest.mark.parametrize("damage", [cut_off, lambda path: path.unlink()])
def test_training_goes_on_from_the_epoch_before_where_the_last_checkpoint_is_damaged(tmp_path, damage, caplog):
    for epoch in (1, 2, 3):
        save_model(tmp_path, epoch)
    save_checkpoint(tmp_path / PREVIOUS, 2)
    save_checkpoint(tmp_path / CHECKPOINT, 3)
    damage(tmp_path / CHECKPOINT)
    assert repair(tmp_path)["reporter"]["epoch"] == 2
    assert names(tmp_path) == ["1epoch.pth", "2epoch.pth", "3epoch.pth", CHECKPOINT]
    assert "training goes on from checkpoint.previous.pth" in caplog.text


@pytest.mark.parametrize("left", [None, b"half"])
def test_an_epoch_that_is_in_the_checkpoint_only_is_written_out(tmp_path, left):
    save_checkpoint(tmp_path / CHECKPOINT, 3)
    if left:
        (tmp_path / "3epoch.pth").write_bytes(left)
    repair(tmp_path)
    torch.testing.assert_close(load_state(tmp_path / "3epoch.pth"), weights(3))


def test_a_checkpoint_that_may_not_be_read_is_no_damaged_one(tmp_path, monkeypatch):
    save_checkpoint(tmp_path / CHECKPOINT, 3)
    before = names(tmp_path)

    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(PermissionError):
        repair(tmp_path)
    assert names(tmp_path) == before


@pytest.mark.parametrize("name", [CHECKPOINT, PREVIOUS])
def test_a_directory_in_the_place_of_a_checkpoint_is_named(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=f"{name} is a directory, where a file of weights belongs: move it"):
        repair(tmp_path)


def test_a_checkpoint_of_other_things_is_not_unpickled(tmp_path):
    torch.save({"model": weights(1), "reporter": argparse.Namespace()}, tmp_path / CHECKPOINT)
    with pytest.raises(UserError, match=r"checkpoint.pth holds more than this version of ESPnet writes"):
        repair(tmp_path)


def test_links_and_models_are_those_of_a_training_that_was_not_cut_off(tmp_path):
    for epoch in (1, 2, 3):
        save_model(tmp_path, epoch)
    (tmp_path / "latest.pth").symlink_to("2epoch.pth")
    save_checkpoint(tmp_path / CHECKPOINT, 3)
    state = repair(tmp_path)
    for _ in range(2):  # a second time changes nothing
        finish_epoch(tmp_path, state, ARGS)
        assert names(tmp_path) == ["2epoch.pth", "3epoch.pth", CHECKPOINT, "latest.pth", "valid.loss.best.pth"]
        assert (tmp_path / "latest.pth").readlink().name == "3epoch.pth"
        assert (tmp_path / "valid.loss.best.pth").readlink().name == "2epoch.pth"


def test_averages_between_are_made_up_for(tmp_path):
    for epoch in (2, 3):
        save_model(tmp_path, epoch)
    save_checkpoint(tmp_path / CHECKPOINT, 3)
    args = argparse.Namespace(**{**vars(ARGS), "nbest_averaging_interval": 3})
    finish_epoch(tmp_path, repair(tmp_path), args)
    torch.testing.assert_close(load_state(tmp_path / "valid.loss.ave_2best.till3epoch.pth"), weights(2.5))


@pytest.mark.parametrize("killed", [False, True])
def test_a_config_that_a_training_could_not_write_is_what_it_was(tmp_path, killed):
    (tmp_path / "config.yaml").write_text("tts: fastspeech2\n")

    def train():
        (tmp_path / "config.yaml").write_text("tts:")
        if killed:
            shutil.copytree(tmp_path, tmp_path / "killed")
        raise OSError("full")

    with pytest.raises(OSError, match="full"), config_kept(tmp_path):
        train()
    if killed:
        with config_kept(tmp_path / "killed"):
            pass
    for path in tmp_path.rglob("config.yaml"):
        assert path.read_text() == "tts: fastspeech2\n"
        assert set(names(path.parent)) <= {"config.yaml", "killed"}


def test_a_damaged_model_that_is_to_be_averaged_is_named_before_training(tmp_path):
    for epoch in (2, 3):
        save_model(tmp_path, epoch)
    save_checkpoint(tmp_path / CHECKPOINT, 3)
    cut_off(tmp_path / "2epoch.pth")
    with pytest.raises(UserError, match=r"2epoch.pth, one of the best models, which are averaged, is damaged"):
        finish_epoch(tmp_path, repair(tmp_path), ARGS)
