import datetime
import os

import pytest
import torch

from espnet_mtl.errors import UserError
from espnet_mtl.model.checkpoint import (
    best_model,
    check_statistics,
    is_whole,
    load_state,
    locate_files,
    lookup,
)


def make_model(width=4):
    return torch.nn.Sequential(torch.nn.Linear(3, width), torch.nn.BatchNorm1d(width))


class RunsCode:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_state_comes_back(tmp_path):
    model = make_model()
    torch.save(model.state_dict(), tmp_path / "model.pth")
    other = make_model()
    other.load_state_dict(load_state(tmp_path / "model.pth"))
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickle_that_would_run_code_is_refused_and_not_run(tmp_path, zipped):
    state = {**make_model().state_dict(), "evil": RunsCode(tmp_path / "ran")}
    torch.save(state, tmp_path / "model.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match=r"model\.pth is refused: .* (posix|nt)\.mkdir, which can run code"):
        load_state(tmp_path / "model.pth")
    assert not (tmp_path / "ran").exists()


def test_resume_checkpoint_is_no_model_file(tmp_path):
    torch.save({"model": {}, "reporter": datetime.timedelta(1)}, tmp_path / "checkpoint.pth")
    with pytest.raises(UserError, match=r"datetime\.timedelta.*checkpoint\.pth is not one"):
        load_state(tmp_path / "checkpoint.pth")


@pytest.mark.parametrize("value", [[torch.zeros(2)], {"epoch": 3}, torch.zeros(2)])
def test_what_is_no_state_dict_is_refused(tmp_path, value):
    torch.save(value, tmp_path / "model.pth")
    with pytest.raises(UserError, match="not a plain weights file"):
        load_state(tmp_path / "model.pth")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 not a zip", b"\x80\x02}q\x00."])
def test_damaged_file_is_named(tmp_path, content):
    (tmp_path / "model.pth").write_bytes(content)
    with pytest.raises(UserError, match=r"model\.pth"):
        load_state(tmp_path / "model.pth")["weight"]


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no such model file: .*model\.pth"):
        load_state(tmp_path / "model.pth")


def test_only_a_whole_checkpoint_is_whole(tmp_path):
    path = tmp_path / "checkpoint.pth"
    assert not is_whole(path)
    torch.save({"model": make_model().state_dict(), "reporter": datetime.timedelta(1)}, path)
    assert is_whole(path)
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert not is_whole(path), size
    weights = whole.index(make_model().state_dict()["1.weight"].numpy().tobytes())
    path.write_bytes(whole[:weights] + b"\xff" + whole[weights + 1 :])
    assert not is_whole(path)


CRITERIA = {"best_model_criterion": [["train", "loss", "min"], ["valid", "loss", "min"]]}


def test_best_model_prefers_validation_then_average(tmp_path):
    names = [
        "latest.pth",
        "train.loss.best.pth",
        "valid.loss.best.pth",
        "train.loss.ave.pth",
        "valid.loss.ave.pth",
    ]
    with pytest.raises(UserError, match="run stage 5 first"):
        best_model(tmp_path, CRITERIA)
    for name in names:
        (tmp_path / f"{name}.file").touch()
        (tmp_path / name).symlink_to(f"{name}.file")
        assert best_model(tmp_path, CRITERIA) == (tmp_path / f"{name}.file").resolve()
    assert best_model(tmp_path, {}).name == "latest.pth.file"


@pytest.mark.parametrize(
    "criteria",
    [5, "x", [[]], [1], [["valid"]], [["valid", 1, "min"]], {"a": 1}, [{"a": 1}], [["valid", "x" * 400, "min"]]],
)
def test_criteria_that_are_none_are_told(tmp_path, criteria):
    (tmp_path / "latest.pth").touch()
    with pytest.raises(UserError, match="best_model_criterion: expected a list of"):
        best_model(tmp_path, {"best_model_criterion": criteria})


def test_dangling_link_is_passed_over(tmp_path):
    (tmp_path / "valid.loss.ave.pth").symlink_to("gone.pth")
    (tmp_path / "valid.loss.best.pth").touch()
    assert best_model(tmp_path, CRITERIA).name == "valid.loss.best.pth"


def config_with(path):
    return {"normalize_conf": {"stats_file": path}, "pitch_normalize_conf": {}, "bpemodel": None}


@pytest.mark.parametrize("path", ["exp/stats/feats.npz", "/home/me/recipe/stats/feats.npz"])
def test_files_are_located_as_seen_from_the_model(tmp_path, path):
    root = tmp_path / "exp/train"
    root.mkdir(parents=True)
    stats = (tmp_path if path.startswith("exp") else root) / path.removeprefix("/home/me/recipe/")
    stats.parent.mkdir(parents=True)
    stats.touch()
    config = config_with(path)
    assert locate_files(config, root)
    assert config == config_with(str(stats))
    assert not locate_files(config, root)


def test_file_that_is_nowhere_stays(tmp_path):
    config = config_with("exp/stats/feats.npz")
    assert not locate_files(config, tmp_path)
    assert config == config_with("exp/stats/feats.npz")


@pytest.mark.parametrize("path", [5, True, ["a"], {"a": 1}, "a\0b", "x" * 5000])
def test_what_cannot_be_a_file_stays(tmp_path, path):
    config = config_with(path)
    assert not locate_files(config, tmp_path)
    assert config == config_with(path)
    with pytest.raises(UserError, match="there is no such file"):
        check_statistics(path, "normalize_conf.stats_file")


@pytest.mark.parametrize("config", [{}, {"a": None}, {"a": [1]}, {"a": "x"}, {"a": {}}])
def test_lookup_of_what_is_not_there(config):
    assert lookup(config, ("a", "b")) is None
