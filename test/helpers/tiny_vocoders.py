"""What builds a vocoder of every kind, by name: arguments of `build_vocoder`."""

import sys
import types
from pathlib import Path

import torch

from espnet_mtl.vocoder.source_filter.network import SourceFilterNetwork
from espnet_mtl.vocoder.source_filter.options import NetworkOptions
from espnet_mtl.vocoder.source_filter.vocoder import signal_of, write_network

FEATURES = {"fs": 16000, "n_fft": 256, "hop_length": 64, "win_length": None, "n_mels": 20, "fmin": 80, "fmax": 7600}


class Doubler(torch.nn.Module):
    """Stands in for a network that parallel_wavegan loads: twice each value, one after the other."""

    def inference(self, feats, normalize_before):
        return 2 * feats


def install_parallel_wavegan(monkeypatch) -> None:
    """Puts a package in the place of parallel_wavegan, which is not installed here, whose network is a `Doubler`."""
    package, utils = types.ModuleType("parallel_wavegan"), types.ModuleType("parallel_wavegan.utils")
    utils.load_model = lambda file, config: Doubler()
    utils.download_pretrained_model = lambda name: f"{name}.pkl"
    monkeypatch.setitem(sys.modules, "parallel_wavegan", package)
    monkeypatch.setitem(sys.modules, "parallel_wavegan.utils", utils)


def _griffin_lim(directory: Path, monkeypatch) -> dict:
    return {"features": FEATURES, "vocoder_config": {"griffin_lim_iters": 2}}


def _parallel_wavegan(directory: Path, monkeypatch) -> dict:
    install_parallel_wavegan(monkeypatch)
    torch.save({}, directory / "vocoder.pkl")
    (directory / "config.yml").write_text("sampling_rate: 16000\n", encoding="utf-8")
    return {"features": FEATURES, "vocoder_file": directory / "vocoder.pkl"}


def tiny_network() -> SourceFilterNetwork:
    """An untrained source-filter vocoder for `FEATURES`: it speaks by the envelope of the mel alone."""
    torch.manual_seed(0)
    return SourceFilterNetwork(signal_of(FEATURES), NetworkOptions(channels=8, hidden=16, blocks=1, source_channels=8))


def _source_filter(directory: Path, monkeypatch) -> dict:
    with (directory / "vocoder.pth").open("wb") as file:
        write_network(tiny_network(), file)
    return {"features": FEATURES, "vocoder_file": directory / "vocoder.pth"}


TINY = {"griffin_lim": _griffin_lim, "parallel_wavegan": _parallel_wavegan, "source_filter": _source_filter}
"""A new vocoder needs a line here: a function of a directory and pytest's monkeypatch."""
