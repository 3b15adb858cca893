"""Errors about a packed model name it as the user does, and not where it was unpacked."""

import pytest
from packed_model import members

from espnet_mtl.bin import synthesize
from espnet_mtl.errors import UserError
from espnet_mtl.inference import Text2Speech
from espnet_mtl.system import caches
from espnet_mtl.training.fine_tuning import open_pretrained
from espnet_mtl.zoo.archive import naming, resolve
from test.zoo.test_archive import write


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A packed model of which no network can be built."""
    monkeypatch.setenv(caches.CACHE, str(tmp_path / "cache"))
    return str(write(tmp_path / "model.zip", members()))


def test_every_command_says_which_model_it_was(model, tmp_path):
    speak = ["--model", model, "--text", "Hi.", "--output", str(tmp_path / "a.wav")]
    for load in (lambda: Text2Speech.from_pretrained(model), lambda: synthesize.main(speak)):
        with pytest.raises(UserError) as error:
            load()
        assert str(error.value).startswith(f"{model}/exp/train/config.yaml: ")
        assert "cache" not in str(error.value)


def test_a_pretrained_model_that_was_changed_where_it_lies(model):
    with open(resolve(model)["train_config"], "w", encoding="utf-8") as config:
        config.write("- a")
    with pytest.raises(UserError, match=rf"^{model}/exp/train/config.yaml: expected 'key: value' lines"):
        open_pretrained(model)


def test_other_errors_stay(model):
    with pytest.raises(UserError, match=r"^--text: nothing$"), naming(model, resolve(model)):
        raise UserError("--text: nothing")
    with pytest.raises(UserError, match=r"^/a/config.yaml: b$"), naming("/a", {"train_config": "/a/config.yaml"}):
        raise UserError("/a/config.yaml: b")
