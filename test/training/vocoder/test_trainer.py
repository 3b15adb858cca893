import numpy as np
import pytest
import torch
from tiny_vocoders import FEATURES, tiny_network

from espnet_mtl.errors import UserError
from espnet_mtl.training.vocoder import trainer as trainer_module
from espnet_mtl.training.vocoder.data import VocoderData
from espnet_mtl.training.vocoder.trainer import VocoderTrainer
from espnet_mtl.vocoder.options import VocoderOptions

HOP = FEATURES["hop_length"]
OPTIONS = {"steps": 6, "batch_size": 2, "segment": 40, "learning_rate": 1e-3}


@pytest.fixture
def data() -> VocoderData:
    rng = np.random.default_rng(0)
    frames = 300
    return VocoderData(
        samples=rng.integers(-3000, 3000, frames * HOP).astype(np.int16),
        mel=rng.normal(-0.5, 0.1, (frames, FEATURES["n_mels"])).astype(np.float16),
        log_f0=np.full(frames, 5.0, np.float32),
        voiced=np.arange(frames) % 60 < 30,
        borders=np.array([0, 100, 130, 300]),
        hop=HOP,
    )


def weights(trainer: VocoderTrainer) -> list[torch.Tensor]:
    return [value.clone() for value in trainer.average.state_dict().values()]


def test_it_learns(data):
    trainer = VocoderTrainer(tiny_network(), VocoderOptions(**{**OPTIONS, "discriminators": False, "steps": 60}))
    first = float(trainer.train_step(trainer._draw(data))["error"])
    trainer.run(data)
    trainer.step = 0
    assert float(trainer.train_step(trainer._draw(data))["error"]) < 0.9 * first


def test_a_training_that_comes_apart_is_told(data):
    options = VocoderOptions(**{**OPTIONS, "learning_rate": 1e12}, discriminators=False)
    with pytest.raises(UserError, match=r"training came apart before step 6: lower vocoder\.learning_rate"):
        VocoderTrainer(tiny_network(), options).run(data)


@pytest.mark.parametrize("discriminators", [False, True])
def test_a_training_that_was_cut_off_goes_on_to_the_same_weights(data, tmp_path, monkeypatch, discriminators):
    monkeypatch.setattr(trainer_module, "SAVE_EVERY", 2)
    options = VocoderOptions(**OPTIONS, discriminators=discriminators)
    whole = VocoderTrainer(tiny_network(), options)
    whole.run(data)

    class Killed(Exception):
        pass

    def killed_at_step_5(self, batch, take=VocoderTrainer.train_step):
        if self.step == 5:
            raise Killed
        return take(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(VocoderTrainer, "train_step", killed_at_step_5)
        with pytest.raises(Killed):
            VocoderTrainer(tiny_network(), options).run(data, tmp_path / "checkpoint.pth")
    torch.rand(7)
    resumed = VocoderTrainer(tiny_network(), options)
    resumed.run(data, tmp_path / "checkpoint.pth")
    assert resumed.step == whole.step == 6
    for one, other in zip(weights(resumed), weights(whole), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_the_discriminators_learn_to_tell_them_apart(data):
    trainer = VocoderTrainer(tiny_network(), VocoderOptions(**{**OPTIONS, "steps": 40, "learning_rate": 3e-3}))
    batch = trainer._draw(data)
    losses = [float(trainer.train_step(batch)["discriminators"]) for _ in range(15)]
    assert losses[-1] < 0.7 * losses[0]


def test_there_are_no_discriminators_before_their_start(data):
    trainer = VocoderTrainer(tiny_network(), VocoderOptions(**{**OPTIONS, "steps": 4}, start=0.5))
    figures = [trainer.train_step(trainer._draw(data)) for _ in range(4)]
    assert ["adversarial" in step for step in figures] == [False, False, True, True]


def test_segments_lie_inside_recordings_where_they_fit(data):
    rng = np.random.default_rng(0)
    starts = list(data._starts(500, 40, rng))
    for start in starts:
        inside = 0 <= start <= 60 or 130 <= start <= 260
        too_short = start == 100
        assert inside or too_short
    assert any(start == 100 for start in starts)


def test_the_level_of_wave_and_mel_changes_alike(data):
    start = 170
    wave, mel, _, _ = data._row(start, 40, 0.0, np.random.default_rng(1))
    natural = data.samples[start * HOP : (start + 39) * HOP].astype(np.float32) / 32767
    gain = np.abs(wave).max() / np.abs(natural).max()
    assert abs(np.log10(gain)) > 0.01
    np.testing.assert_allclose(mel - data.mel[start : start + 40], np.log10(gain), atol=1e-3)


def test_predictions_are_taken_as_often_as_asked(data):
    data.take_predictions([np.full((300, FEATURES["n_mels"]), 9.0)])
    batch = data.draw(400, 16, 0.75, np.random.default_rng(0))
    share = float((batch.mel[:, 0, 0] > 5).float().mean())
    assert share == pytest.approx(0.75, abs=0.07)


def test_predictions_of_other_lengths_are_refused(data):
    with pytest.raises(ValueError, match="predictions of"):
        data.take_predictions([np.zeros((299, FEATURES["n_mels"]))])


def test_moments_are_those_of_all_frames(data):
    mean, deviation = data.moments()
    mel = torch.from_numpy(data.mel.astype(np.float32))
    torch.testing.assert_close(mean, mel.mean(0), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(deviation, mel.std(0, unbiased=False), rtol=1e-3, atol=1e-3)
