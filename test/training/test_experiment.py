from contextlib import suppress

import pytest

from espnet_mtl.data.provenance.notes import Note, write_note
from espnet_mtl.training.experiment import cut_off, experiment_notices, noted_training


def epochs(exp, *numbers):
    for number in numbers:
        (exp / f"{number}epoch.pth").touch()
    (exp / "valid.l1_loss.ave_1best.pth").touch()


@pytest.mark.parametrize(
    ("finished", "last", "config", "progress"),
    [
        (True, 7, {"max_epoch": 7}, None),
        (True, 3, {"max_epoch": 7}, None),  # it stopped early by itself
        (False, 3, {"max_epoch": 7}, "epoch 3 of 7"),
        (False, 7, {"max_epoch": 7}, "epoch 7 of 7"),  # before the epochs were averaged
        # An earlier version noted nothing.
        (None, 7, {"max_epoch": 7}, None),
        (None, 3, {"max_epoch": 7}, "epoch 3 of 7"),
        (None, 3, {"max_epoch": 7, "patience": 2}, None),
        (None, 3, {}, None),
    ],
)
def test_a_training_that_was_cut_off_says_how_far_it_came(tmp_path, finished, last, config, progress):
    epochs(tmp_path, 1, last)
    if finished is not None:
        with suppress(KeyboardInterrupt), noted_training(tmp_path, tmp_path / "dump"):
            assert cut_off(tmp_path, config) == f"epoch {last} of 7"
            if not finished:
                raise KeyboardInterrupt
    assert cut_off(tmp_path, config) == progress
    assert len(experiment_notices(tmp_path, config)) == (progress is not None)


def test_features_that_were_made_again_are_told(tmp_path):
    exp, dump = tmp_path / "exp/model", tmp_path / "dump/raw"
    write_note(dump, Note(3, content="as then"))
    with noted_training(exp, dump):
        pass
    assert experiment_notices(exp, {}) == []
    write_note(dump, Note(3, content="as then", versions={"librosa": "1"}))
    assert experiment_notices(exp, {}) == []
    write_note(dump, Note(3, content="other"))
    (notice,) = experiment_notices(exp, {})
    assert "exp/model: it was trained before stage 3 made other features in" in notice


def test_features_that_were_made_again_under_a_training_are_told(tmp_path):
    exp, dump = tmp_path / "exp/model", tmp_path / "dump/raw"
    write_note(dump, Note(3, content="as then"))
    with noted_training(exp, dump):
        write_note(dump, Note(3, content="other"))
    (notice,) = experiment_notices(exp, {})
    assert "it was trained before stage 3 made other features in" in notice
