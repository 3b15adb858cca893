"""Natural speech through a vocoder that needs F0 and voicing, which come from the natural recording."""

import json

import kaldiio
import numpy as np
import pytest
import soundfile
import torch

from espnet_mtl.evaluation import analysis
from espnet_mtl.evaluation.analysis import Recording

FS, HOP = 16000, 256
PITCH = {"fs": FS, "n_fft": 1024, "hop_length": HOP, "f0min": 60, "f0max": 400}


class Vocoder:
    """Notes what it is called with."""

    fs = FS

    def __init__(self, needs_f0):
        self.needs_f0, self.calls = needs_f0, []

    def __call__(self, *inputs):
        self.calls.append(inputs)
        return torch.zeros(4)


@pytest.fixture
def recording(tmp_path) -> Recording:
    """Half a second of silence and one of a harmonic sound at 200 Hz, and a spectrogram of as many frames."""
    time = np.arange(FS) / FS
    wave = sum(np.sin(2 * np.pi * 200 * harmonic * time) / harmonic for harmonic in range(1, 8))
    wave[: FS // 2] = 0
    soundfile.write(tmp_path / "a.wav", 0.1 * wave, FS, "FLOAT")
    ark = tmp_path / "a.ark"
    kaldiio.save_ark(str(ark), {"a": np.zeros((FS // HOP + 1, 80), np.float32)})
    return Recording(f"{ark}:2", json.dumps({}), str(tmp_path / "a.wav"), json.dumps(PITCH))


def test_a_vocoder_that_needs_f0_gets_that_of_the_recording(recording, monkeypatch):
    vocoder = Vocoder(needs_f0=True)
    monkeypatch.setattr(analysis, "_vocoder", lambda settings: vocoder)
    samples, fs = recording.read()
    assert (len(samples), fs) == (4, FS)
    [(logmel, log_f0, voicing)] = vocoder.calls
    assert len(logmel) == len(log_f0) == len(voicing)
    middle = len(voicing) // 2
    assert voicing[: middle - 3].mean() < 0.1
    assert voicing[middle + 3 : -3].mean() > 0.9
    assert log_f0[voicing > 0].exp().median() == pytest.approx(200, rel=0.02)
    assert log_f0.isfinite().all()


def test_another_vocoder_gets_the_spectrogram_alone(recording, monkeypatch):
    vocoder = Vocoder(needs_f0=False)
    monkeypatch.setattr(analysis, "_vocoder", lambda settings: vocoder)
    recording.read()
    assert [len(call) for call in vocoder.calls] == [1]
