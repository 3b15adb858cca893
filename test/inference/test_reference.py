"""The emotion of a recording, in another voice."""

import numpy as np
import pytest
import soundfile
import torch

from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.controls import Controls
from espnet_mtl.inference.request.sources import EmotionSources

TEXT = "good morning"


def recording(path, seconds=1.0, fs=16000, pitch=200.0, channels=1):
    time = np.arange(int(seconds * fs)) / fs
    wave = 0.1 * np.sin(2 * np.pi * pitch * time) * (1 + np.sin(2 * np.pi * 3 * time))
    soundfile.write(path, np.repeat(wave[:, None], channels, 1), fs)
    return path


@pytest.fixture
def heard(tts, tmp_path):
    """A recording, and the emotions that the model's reference encoder hears in it."""
    # So that the emotions are not all alike
    torch.nn.init.normal_(tts.model.style.reference.query.weight, std=3.0)
    path = recording(tmp_path / "a.wav")
    weights = EmotionSources(tts.reader.network, tts.train_args).weights(Controls(reference=path))
    return path, dict(zip(tts.emotions, weights.tolist(), strict=True))


def test_a_reference_is_the_mixture_that_is_heard_in_it(tts, heard):
    path, mixture = heard
    assert sum(mixture.values()) == pytest.approx(1, abs=1e-5)
    assert max(mixture.values()) - min(mixture.values()) > 0.05
    plain = tts(TEXT, reference=path, speaker="m1")["wav"]
    torch.testing.assert_close(tts(TEXT, emotion=mixture, speaker="m1")["wav"], plain)
    half = tts(TEXT, reference=str(path), intensity=0.5, speaker="m1")["wav"]
    torch.testing.assert_close(tts(TEXT, emotion=mixture, intensity=0.5, speaker="m1")["wav"], half)
    neutral = tts(TEXT, reference=path, intensity=0, speaker="m1")["wav"]
    assert torch.equal(tts(TEXT, emotion="neutral", speaker="m1")["wav"], neutral)


def test_it_is_what_training_makes_of_that_recording(tts, heard):
    path, mixture = heard
    wave, _ = soundfile.read(path, dtype="float32")
    speech = torch.from_numpy(wave)[None]
    feats, lengths = tts.model.feats_extract(speech, torch.tensor([speech.size(1)]))
    feats, lengths = tts.model.normalize(feats, lengths)
    posterior = tts.model.style.reference_tap(feats, lengths).attention().softmax(-1)[0]
    # Level and trimming change little of a tone
    np.testing.assert_allclose(list(mixture.values()), posterior.tolist(), atol=0.2)


def test_a_recording_of_another_kind(tts, heard, tmp_path):
    """Sampling rate and channels do not matter."""
    _, mixture = heard
    path = recording(tmp_path / "b.flac", fs=44100, channels=2)
    other = EmotionSources(tts.reader.network, tts.train_args).weights(Controls(reference=path))
    np.testing.assert_allclose(other.tolist(), list(mixture.values()), atol=0.02)


def test_recordings_that_cannot_be_used(tts, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "silent.wav", np.zeros(16000), 16000)
    for path, message in (
        (tmp_path / "none.wav", "reference .*none.wav: unreadable: no such file"),
        (tmp_path / "text.wav", "reference .*text.wav: unreadable"),
        (tmp_path / "silent.wav", "reference .*silent.wav: silent"),
        (recording(tmp_path / "short.wav", 0.1), r"short.wav: 0\.\d\d s of speech, allowed 0.3 to 20.0 s"),
        (recording(tmp_path / "long.wav", 21.0), r"long.wav: 2\d\.\d\d s of speech"),
        (3, "reference: expected the path of a recording, got 3"),
    ):
        with pytest.raises(UserError, match=message):
            tts(TEXT, reference=path)
    with pytest.raises(UserError, match="emotion 'sad' and reference: both say the emotion"):
        tts(TEXT, emotion="sad", reference=recording(tmp_path / "a.wav"))


def test_models_without_an_encoder(make_tts, tmp_path):
    path = recording(tmp_path / "a.wav")
    with pytest.raises(UserError, match=r"no reference encoder \(style_conf.reference"):
        make_tts(style_conf={"reference": False}, tasks={"tts": {}})(TEXT, reference=path)
