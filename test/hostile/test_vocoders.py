"""Vocoders of a stranger, in a packed model: code in them never runs, and what is wrong is told in one line."""

import io

import pytest
import torch
from hostile_models import RunsCode, changed_config, changed_yaml, folder, saved, with_file, write

from espnet_mtl.config.trained import read_trained_config
from espnet_mtl.errors import UserError
from espnet_mtl.inference import Text2Speech
from espnet_mtl.vocoder.source_filter import vocoder as source_filter
from espnet_mtl.vocoder.source_filter.network import SourceFilterNetwork
from espnet_mtl.vocoder.source_filter.options import NetworkOptions
from espnet_mtl.vocoder.source_filter.vocoder import signal_of, write_network

SHIPPED = {"fs": 16000, "n_fft": 1024, "hop_length": 256, "n_mels": 80, "fmin": 80, "fmax": 7600}
TINY = NetworkOptions(channels=8, hidden=8, blocks=1, source_channels=8)
WIDE = {"channels": 8192, "hidden": 8192, "blocks": 128, "source_channels": 8192}


def content():
    """What a file of a sound vocoder holds."""
    file = io.BytesIO()
    write_network(SourceFilterNetwork(signal_of(SHIPPED), TINY), file)
    return torch.load(io.BytesIO(file.getvalue()), weights_only=True)


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads a model with this file, or this value, for a vocoder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def load(file, weights=None):
        members = with_file("vocoder.pth", file)
        name = f"{folder(members)}config.yaml"
        value = weights or f"{folder(members)}vocoder.pth"
        members[name] = changed_yaml(members[name], lambda config: config.update(vocoder_weights=value))
        return Text2Speech.from_pretrained(write(tmp_path / "model.zip", members))

    return load


@pytest.fixture
def refused(load):
    def refused(file, message, weights=None):
        with pytest.raises(UserError, match=message) as error:
            load(file, weights)
        assert "\n" not in str(error.value)

    return refused


def test_a_vocoder_of_a_stranger_speaks(load):
    tts = load(saved(content()))
    assert isinstance(tts.vocoder, source_filter.SourceFilter)
    assert tts.vocoder.network.options == TINY
    assert tts("good morning")["wav"].isfinite().all()


@pytest.mark.parametrize("place", ["whole", "weights", "discriminators"])
def test_code_in_a_vocoder_does_not_run(refused, tmp_path, place):
    mark = tmp_path / "ran"
    file = RunsCode(mark) if place == "whole" else {**content(), place: {"mean": RunsCode(mark)}}
    refused(saved(file), "is refused: unpickling it would call")
    assert not mark.exists()


@pytest.mark.parametrize(
    "value",
    [
        "text",
        None,
        3,
        [1.0],
        torch.zeros(3, 3),
        torch.zeros(1, dtype=torch.half).expand(2**40),
        torch.zeros(80, dtype=torch.complex64),
        torch.zeros(80, device="meta"),
    ],
    ids=str,
)
def test_weights_that_are_none(refused, value):
    damaged = content()
    damaged["weights"]["mean"] = value
    refused(saved(damaged), r"vocoder\.pth.*(expected parameter name -> tensor|does not fit the network)")


def test_names_of_weights_that_are_none(refused):
    damaged = content()
    damaged["weights"][3] = damaged["weights"].pop("mean")
    refused(saved(damaged), "expected parameter name -> tensor")
    refused(saved({**content(), "weights": {}}), r"does not fit the network .*missing: mean, std")


def test_nothing_is_built_that_is_larger_than_its_weights(refused, monkeypatch):
    devices = []

    def built(*args):
        devices.append(torch.get_default_device().type)
        return SourceFilterNetwork(*args)

    monkeypatch.setattr(source_filter, "SourceFilterNetwork", built)
    larger = content()
    larger["source_filter"]["network"] = WIDE
    refused(saved(larger), "does not fit the network")
    assert devices == ["meta"]


def test_another_signal_is_told_before_anything_is_built(refused, monkeypatch):
    monkeypatch.setattr(source_filter, "SourceFilterNetwork", None)
    other = content()
    other["source_filter"]["signal"].update(hop_length=2**15, n_fft=2**15, n_mels=1024)
    refused(saved(other), "for other features: n_fft is 1024, not 32768")


@pytest.mark.parametrize("value", [3, [1], {"a": 1}, True, "/nowhere/vocoder.pth", "../../../etc/passwd"], ids=str)
def test_only_a_member_of_the_archive_is_a_vocoder(refused, value):
    refused(saved(content()), "vocoder_weights is .*, which is not a member", value)


@pytest.mark.parametrize("value", [3, [1], {"a": 1}, True, ""], ids=str)
def test_a_path_that_is_none(tmp_path, value):
    members = changed_config(lambda config: config.update(vocoder_weights=value))
    path = tmp_path / "config.yaml"
    path.write_bytes(members[f"{folder(members)}config.yaml"])
    with pytest.raises(UserError, match="vocoder_weights: the path of a file"):
        read_trained_config(path)


def test_a_vocoder_of_no_numbers_is_told_when_it_speaks(load):
    nan = content()
    nan["weights"]["mean"] = nan["weights"]["mean"] * float("nan")
    with pytest.raises(UserError, match="waveform holds NaN or infinity"):
        load(saved(nan))("good morning")


def test_log_mels_of_another_kind_are_not_vocoded(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for values in ({"htk": True}, {"log_base": None}, {"normalized": True}):
        members = changed_config(lambda config, values=values: config["feats_extract_conf"].update(values))
        with pytest.raises(UserError, match=f"Griffin-Lim needs features with {next(iter(values))}"):
            Text2Speech.from_pretrained(write(tmp_path / "model.zip", members))
