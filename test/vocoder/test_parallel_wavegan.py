import sys

import numpy as np
import pytest
import torch
from tiny_vocoders import FEATURES, install_parallel_wavegan

from espnet_mtl.errors import UserError
from espnet_mtl.vocoder.build import build_vocoder


def test_pretrained_vocoder_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "parallel_wavegan", None)
    torch.save({}, tmp_path / "vocoder.pkl")
    (tmp_path / "config.yml").write_text("sampling_rate: 24000\n")
    with pytest.raises(UserError, match="pip install parallel_wavegan"):
        build_vocoder(FEATURES, vocoder_file=tmp_path / "vocoder.pkl")
    with pytest.raises(UserError, match="pip install parallel_wavegan"):
        build_vocoder(FEATURES, vocoder_tag="parallel_wavegan/some_voice")


@pytest.mark.parametrize("name", ["missing.pkl", "vocoder.pth"])
def test_pretrained_vocoder_must_be_an_existing_pkl(tmp_path, name):
    (tmp_path / "vocoder.pth").touch()
    with pytest.raises(UserError, match=name):
        build_vocoder(FEATURES, vocoder_file=tmp_path / name)


def test_a_checkpoint_with_numbers_of_numpy_says_what_it_may_hold(tmp_path):
    torch.save({"steps": np.float64(3)}, tmp_path / "vocoder.pkl")
    (tmp_path / "config.yml").write_text("sampling_rate: 24000\n")
    with pytest.raises(UserError, match=r"vocoder.pkl is refused: .*scalar, .*A vocoder's checkpoint must"):
        build_vocoder(FEATURES, vocoder_file=tmp_path / "vocoder.pkl")


@pytest.mark.parametrize("griffin_lim_config", [None, {"griffin_lim_iters": 32}])
def test_pretrained_vocoder_is_used(tmp_path, monkeypatch, griffin_lim_config):
    install_parallel_wavegan(monkeypatch)
    torch.save({}, tmp_path / "vocoder.pkl")
    (tmp_path / "config.yml").write_text("sampling_rate: 24000\n")
    vocoder = build_vocoder(FEATURES, griffin_lim_config, tmp_path / "vocoder.pkl")
    assert vocoder.fs == 24000
    assert torch.equal(vocoder(torch.ones(2, 3)), torch.full((6,), 2.0))


def test_pretrained_vocoder_is_downloaded_by_its_tag(tmp_path, monkeypatch):
    install_parallel_wavegan(monkeypatch)
    monkeypatch.chdir(tmp_path)
    torch.save({}, tmp_path / "some_voice.pkl")
    (tmp_path / "config.yml").write_text("sampling_rate: 22050\n")
    assert build_vocoder(FEATURES, vocoder_tag="parallel_wavegan/some_voice").fs == 22050
