"""A tiny model and a tiny batch, for tests that need one."""

import argparse
import errno
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir
from tiny_backbones import TINY

from espnet_mtl.config.load import load_train_config

# The same examples in every run, of any length in time, and nothing written beside the tests.
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hypothesis")
settings.register_profile("project", deadline=None, derandomize=True, database=None)
settings.load_profile("project")

pytest_plugins = ["browser", "recipe", "speaking_model", "speech_server", "tiny_corpus"]
CONF = Path(__file__).parents[1] / "egs2/mtl_tts/conf"
MEL = {"feats": 80, "pitch": 1, "energy": 1}


@pytest.fixture
def full_disk(monkeypatch):
    """Makes a context in which the disk is full."""

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextmanager
    def context():
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            yield

    return context


@pytest.fixture
def tiny() -> dict[str, object]:
    """`tts_conf` of a tiny FastSpeech2."""
    return dict(TINY["fastspeech2"])


@pytest.fixture(scope="session")
def stats_dir(tmp_path_factory) -> Path:
    """Statistics of standard-normal features."""
    directory = tmp_path_factory.mktemp("stats")
    for name, dim in MEL.items():
        np.savez(
            directory / f"{name}_stats.npz",
            count=10,
            sum=np.zeros(dim, "f"),
            sum_square=np.full(dim, 10, "f"),
        )
    return directory


@pytest.fixture(scope="session")
def make_args(stats_dir):
    """Builds the arguments of a tiny multi-task training; keywords override them."""

    def make(**overrides) -> argparse.Namespace:
        config = load_train_config(CONF / "train_fastspeech2.yaml")
        for task in ("pitch_range", "mel_range"):  # of FastSpeech2 alone
            del config["tasks"][task]
        config.update(
            tts_conf=dict(TINY["fastspeech2"]),
            style_conf={"channels": 8},
            token_list=["<blank>", "<unk>", "a", "b", "c", "<sos/eos>"],
            token_type="phn",
            odim=None,
            speakers=["f1", "m1"],
            emotions=["happy", "neutral", "sad"],
            languages=["en-us"],
            visual_extract="embedding",
            visual_shape=[6],
            normalize_conf={"stats_file": str(stats_dir / "feats_stats.npz")},
            pitch_normalize_conf={"stats_file": str(stats_dir / "pitch_stats.npz")},
            energy_normalize_conf={"stats_file": str(stats_dir / "energy_stats.npz")},
        )
        config.update({"use_preprocessor": True, "bpemodel": None, "cleaner": None, "g2p": None})
        config.update({"non_linguistic_symbols": None, **overrides})
        return argparse.Namespace(**config)

    return make


@pytest.fixture
def make_model(make_args):
    """Builds a tiny model with fixed random weights; keywords override its arguments."""

    def make(**overrides):
        from espnet_mtl.tasks.tts import MTLTTSTask

        torch.manual_seed(0)
        return MTLTTSTask.build_model(make_args(**overrides))

    return make


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    """Four utterances of different length with every label, as the loader gives them; the third has no face."""
    generator = torch.Generator().manual_seed(1)
    tokens = torch.tensor([6, 5, 3, 6])
    durations = torch.randint(1, 5, (4, 7), generator=generator)
    for row, length in enumerate(tokens + 1):
        durations[row, length:] = 0
    frames = durations.sum(1)
    data = {
        "text": torch.randint(2, 5, (4, 6), generator=generator),
        "speech": torch.randn(4, int(frames.max()), 80, generator=generator),
        "durations": durations,
        "pitch": torch.randn(4, 7, 1, generator=generator),
        "energy": torch.randn(4, 7, 1, generator=generator),
    }
    lengths = {
        "text": tokens,
        "speech": frames,
        **dict.fromkeys(("durations", "pitch", "energy"), tokens + 1),
    }
    faces = torch.randn(4, 3, 6, generator=generator)
    faces[2] = torch.nan
    data |= {"visual": faces, "visual_lengths": torch.tensor([3, 2, 1, 1])}
    labels = {"sids": torch.tensor([[0], [1], [0], [1]]), "emotion": torch.eye(3)[[0, 1, 2, 0]]}
    return {**data, **{f"{name}_lengths": value for name, value in lengths.items()}, **labels}
