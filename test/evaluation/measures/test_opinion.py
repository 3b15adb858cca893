"""Predicted mean opinion scores: they fall with what people would dislike, and are left out without their packages."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from espnet_mtl.evaluation.measures import opinion
from espnet_mtl.evaluation.measures.opinion import PREDICTED, predict
from espnet_mtl.system.audio_files import read_mono

DATA = Path(os.environ.get("REAL_SPEECH", Path(__file__).parents[4] / "shared/data"))
LOADERS = (opinion._distillmos, opinion._dnsmos)


@pytest.fixture(scope="module")
def recording() -> tuple[np.ndarray, int]:
    """A recording of a human voice."""
    recordings = sorted((DATA / "ljspeech_mini/wavs").glob("*"))
    if not recordings:
        pytest.skip(f"{DATA / 'ljspeech_mini'} is absent (REAL_SPEECH names its directory)")
    samples, fs = read_mono(str(recordings[0]))
    return samples[: 4 * fs], fs


@pytest.fixture
def fresh():
    """Has the networks loaded again, before and after."""
    for loader in LOADERS:
        loader.cache_clear()
    yield
    for loader in LOADERS:
        loader.cache_clear()


@pytest.fixture(scope="module")
def clean(recording) -> np.ndarray:
    return predict(*recording)


def test_a_clean_recording_scores_higher_than_in_noise(recording, clean):
    samples, fs = recording
    noise = np.random.default_rng(0).normal(scale=samples.std(), size=len(samples))
    noisy = predict(samples + noise, fs)
    assert dict(zip(PREDICTED, clean > noisy + 0.5, strict=True)) == dict.fromkeys(PREDICTED, True)
    assert (np.concatenate([clean, noisy]) >= 0.9).all()
    assert (np.concatenate([clean, noisy]) <= 5).all()


def test_gain_does_not_matter(recording, clean):
    samples, fs = recording
    np.testing.assert_allclose(predict(0.01 * samples, fs), clean, atol=0.02)


def test_long_recordings_are_judged_in_windows(recording, clean):
    samples, fs = recording
    np.testing.assert_allclose(predict(np.tile(samples, 3), fs), clean, atol=0.5)


@pytest.mark.parametrize("samples", [0, 1, 320, 15999, 16000, 118000, 119680, 122880, 130000])
def test_silence_that_is_left_out_changes_nothing(samples):
    network, convolutions = opinion._distillmos(), opinion._distillmos().cnn
    wave = torch.zeros(2, max(samples, 122880))
    wave[:, :samples] = torch.randn(2, samples, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(convolutions(wave), type(convolutions).forward(convolutions, wave))
        assert network(wave).shape == (2, 1)


@pytest.mark.parametrize(
    ("package", "lacking"),
    [
        ("distillmos", {"distillmos"}),
        ("speechmos", {"dnsmos_overall", "dnsmos_signal", "dnsmos_background"}),
        ("onnxruntime", {"dnsmos_overall", "dnsmos_signal", "dnsmos_background"}),
    ],
)
def test_what_is_not_installed_has_no_score(voice, monkeypatch, fresh, package, lacking):
    monkeypatch.setitem(sys.modules, package, None)
    scores = dict(zip(PREDICTED, predict(voice("a", "calm", 0), 16000), strict=True))
    assert {name for name, score in scores.items() if np.isnan(score)} == lacking
