import numpy as np
import pytest
import torch

from espnet_mtl.errors import UserError
from espnet_mtl.vocoder.build import build_vocoder
from espnet_mtl.vocoder.griffin_lim import GriffinLim

FEATURES = {
    "fs": 16000,
    "n_fft": 1024,
    "hop_length": 256,
    "win_length": None,
    "n_mels": 80,
    "fmin": 80,
    "fmax": 7600,
}


@pytest.fixture(scope="module")
def log_mel_fbank():
    from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank

    return LogMelFbank


@pytest.fixture(scope="module")
def extract(log_mel_fbank):
    features = log_mel_fbank(**FEATURES)
    return lambda wav: features(wav[None], torch.tensor([len(wav)]))[0][0]


@pytest.fixture(scope="module")
def vocoder():
    return GriffinLim(**FEATURES)


def speech(seconds=1.5, fs=16000):
    """A vowel-like glide from 120 Hz to 200 Hz with two moving formants and a little noise."""
    t = torch.arange(int(seconds * fs), dtype=torch.float64) / fs
    f0 = 120 + 80 * t / seconds
    phase = 2 * torch.pi * torch.cumsum(f0, 0) / fs
    wav = 0.002 * torch.randn(len(t), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for k in range(1, 30):
        formants = sum(1 / (1 + ((k * f0 - centre) / 150) ** 2) for centre in (500 + 200 * t, 1500 - 300 * t))
        wav += 0.1 * (formants + 0.01) * torch.sin(k * phase)
    return wav.float(), f0


@pytest.mark.parametrize("options", [{}, {"fs": 22050, "fmin": None, "fmax": None, "n_mels": 40}])
def test_mel_basis_is_that_of_espnet(log_mel_fbank, options):
    expected = log_mel_fbank(**{**FEATURES, **options}).logmel.melmat.T
    torch.testing.assert_close(GriffinLim(**{**FEATURES, **options}).basis, expected, rtol=1e-4, atol=1e-7)


def convergence(mel, reference):
    return float((10**mel - 10**reference).norm() / (10**reference).norm())


def test_round_trip_is_as_close_as_espnets_vocoder(extract, vocoder, log_mel_fbank):
    from espnet2.utils.griffin_lim import Spectrogram2Waveform

    mel = extract(speech()[0])
    espnet = Spectrogram2Waveform(**log_mel_fbank(**FEATURES).get_parameters(), griffin_lim_iters=32)
    np.random.seed(0)
    own, theirs = (convergence(extract(wav.float()), mel) for wav in (vocoder(mel), espnet(mel)))
    assert own < 0.12
    assert own < theirs


def test_mel_inversion_is_nearly_exact_and_not_negative(extract, vocoder):
    mel = extract(speech()[0])
    linear = vocoder.linear(mel)
    assert linear.min() >= 0
    clipped = (vocoder.inverse @ (10**mel).T).clamp(min=1e-10)
    own, espnets = (convergence(torch.log10(vocoder.basis @ spectrogram).T, mel) for spectrogram in (linear, clipped))
    assert own < 0.05
    assert own < 0.8 * espnets


def test_fundamental_frequency_is_kept(extract, vocoder):
    import pyworld

    wav, f0 = speech()
    measured, times = pyworld.dio(vocoder(extract(wav)).double().numpy(), 16000)
    expected = np.interp(times, np.arange(len(f0)) / 16000, f0)
    voiced = measured > 0
    assert voiced.mean() > 0.8
    assert np.median(np.abs(np.log(measured[voiced] / expected[voiced]))) < 0.02


def test_same_mel_gives_same_samples_and_no_random_number_is_drawn(extract, vocoder):
    mel = extract(speech(0.3)[0])
    before = torch.get_rng_state()
    first = vocoder(mel)
    torch.rand(3)
    second = vocoder(mel)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    torch.set_rng_state(before)
    vocoder(mel)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 7])
def test_length_is_frames_minus_one_hops_however_short(vocoder, frames):
    wav = vocoder(torch.full((frames, 80), -2.0))
    assert wav.shape == ((frames - 1) * 256,)
    assert wav.isfinite().all()


def test_silence_and_digital_zero_stay_silent(vocoder):
    assert vocoder(torch.full((20, 80), -10.0)).abs().max() < 1e-6


def test_no_gradient_and_no_weights(vocoder):
    assert not vocoder(torch.zeros(9, 80, requires_grad=True)).requires_grad
    assert not vocoder.state_dict()


def test_build_from_config_with_espnets_option_names(tmp_path):
    (tmp_path / "vocoder.yaml").write_text("griffin_lim_iters: 3\n")
    vocoder = build_vocoder({**FEATURES, "fs": "16k", "log_base": 10.0}, tmp_path / "vocoder.yaml")
    assert (vocoder.fs, vocoder.n_iter, vocoder.hop_length) == (16000, 3, 256)


def test_build_from_model(log_mel_fbank):
    model = torch.nn.Module()
    model.feats_extract = log_mel_fbank(**{**FEATURES, "hop_length": 200})
    vocoder = build_vocoder(model, {"griffin_lim_iters": 5})
    assert (vocoder.fs, vocoder.n_iter, vocoder.hop_length) == (16000, 5, 200)


@pytest.mark.parametrize("options", [{"htk": True}, {"log_base": None}, {"center": False}])
def test_the_kind_of_a_models_mel_is_asked_for(log_mel_fbank, options):
    model = torch.nn.Module()
    model.feats_extract = log_mel_fbank(**FEATURES, **options)
    with pytest.raises(UserError, match=f"Griffin-Lim needs features with {next(iter(options))}"):
        build_vocoder(model)


@pytest.mark.parametrize(
    ("features", "config", "message"),
    [
        ({**FEATURES, "htk": True}, None, "htk"),
        ({**FEATURES, "log_base": None}, None, "log_base"),
        ({**FEATURES, "window": "triangular"}, None, "hann"),
        ({**FEATURES, "n_mels": None}, None, "n_mels"),
        (FEATURES, {"griffin_lim_iter": 3}, "griffin_lim_iters"),
        (FEATURES, "missing.yaml", "missing.yaml"),
        (None, None, "fs"),
    ],
)
def test_settings_that_cannot_be_used_are_named(features, config, message):
    with pytest.raises(UserError, match=message):
        build_vocoder(features, config)
