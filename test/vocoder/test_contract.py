"""What every vocoder must do."""

import pytest
import torch
from tiny_vocoders import FEATURES, TINY

from espnet_mtl.registry import VOCODERS
from espnet_mtl.vocoder.base import Vocoder
from espnet_mtl.vocoder.build import build_vocoder

FRAMES = 12


@pytest.fixture(params=VOCODERS)
def vocoder(request, tmp_path, monkeypatch):
    vocoder = build_vocoder(**TINY[request.param](tmp_path, monkeypatch))
    assert type(vocoder) is VOCODERS.load(request.param)
    return vocoder


@pytest.fixture
def inputs(vocoder):
    """A log-mel spectrogram and, where they are needed, log F0 and voicing."""
    generator = torch.Generator().manual_seed(0)
    logmel = torch.randn(FRAMES, FEATURES["n_mels"], generator=generator) - 2
    prosody = {"log_f0": torch.full((FRAMES,), 5.0), "voicing": torch.ones(FRAMES)}
    return {"logmel": logmel, **(prosody if vocoder.needs_f0 else {})}


def test_it_makes_a_wave_without_a_gradient(vocoder, inputs):
    inputs["logmel"].requires_grad_()
    wav = vocoder(**inputs)
    assert wav.dim() == 1
    assert len(wav) > 0
    assert wav.isfinite().all()
    assert not wav.requires_grad


def test_the_same_features_give_the_same_wave(vocoder, inputs):
    first = vocoder(**inputs)
    torch.rand(3)
    torch.testing.assert_close(vocoder(**inputs), first, rtol=0, atol=0)


def test_more_frames_are_more_sound(vocoder, inputs):
    twice = {key: torch.cat([value, value]) for key, value in inputs.items()}
    assert len(vocoder(**twice)) > 1.5 * len(vocoder(**inputs))


def test_it_takes_f0_whether_it_needs_it_or_not(vocoder, inputs):
    wav = vocoder(inputs["logmel"], log_f0=torch.full((FRAMES,), 5.0), voicing=torch.ones(FRAMES))
    assert wav.isfinite().all()


def test_it_says_what_it_is(vocoder):
    assert isinstance(vocoder, Vocoder)
    assert vocoder.fs == FEATURES["fs"]
    assert isinstance(vocoder.fs, int)
    assert isinstance(vocoder.needs_f0, bool)
    assert isinstance(vocoder.streams, bool)
    assert not vocoder.training
