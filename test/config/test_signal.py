"""Values of the signal that cannot be together are told before stage 1."""

from contextlib import nullcontext as nothing

import pytest
import yaml
from librosa.filters import mel

from espnet_mtl.config.load import load_train_config
from espnet_mtl.config.overrides import override
from espnet_mtl.config.schema import complete
from espnet_mtl.config.signal import empty_mels
from espnet_mtl.errors import UserError


def load(tmp_path, **config):
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return load_train_config(path)


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        (
            "feats_extract_conf",
            {"fs": 8000},
            r"fmin \(80\) must be below fmax \(7600\), and fmax at most fs / 2 \(4000\)",
        ),
        ("feats_extract_conf", {"n_fft": 128, "hop_length": 64}, r"14 of 80 mel channels from 80 to 7600 Hz hold none"),
        ("feats_extract_conf", {"hop_length": 2048}, r"hop_length: from 16 \(1 ms\) to the window \(1024\).*got 2048"),
        ("feats_extract_conf", {"hop_length": 512, "win_length": 400}, r"to the window \(400\).*got 512"),
        ("feats_extract_conf", {"hop_length": 1}, r"hop_length: from 16 \(1 ms\).*got 1"),
        ("feats_extract_conf", {"n_mels": "80"}, r"n_mels: a whole number from 1 to 1024, got '80' \(it is quoted"),
        ("feats_extract_conf", {"fs": 8}, r"fs: a whole number from 4000 to 192000, got 8"),
        ("feats_extract_conf", {"log_base": 1.0}, r"log_base: a number above 1"),
        ("feats_extract_conf", {"window": "square"}, r"window 'square'.*hann"),
        ("feats_extract_conf", {"onesided": False}, r"onesided: only True is supported"),
        ("pitch_extract_conf", {"f0min": 450}, r"f0min \(450\) must be below f0max \(400\)"),
        ("pitch_extract_conf", {"f0min": 0}, r"f0min must be at least 20.*got 0 and 400"),
        ("pitch_extract_conf", {"f0max": 9000}, r"f0max at most fs / 2 \(8000\).*9000"),
        ("pitch_extract_conf", {"use_continuous_f0": False}, r"use_continuous_f0: only True is supported"),
        ("pitch_extract_conf", {"reduction_factor": 2}, r"reduction_factor: only 1 is supported"),
        (
            "energy_extract_conf",
            {"use_token_averaged_energy": False},
            r"only True is supported: features are per token",
        ),
    ],
)
def test_the_mistake_is_named(tmp_path, section, values, message):
    with pytest.raises(UserError, match=rf"train\.yaml: .*{section}.*{message}"):
        load(tmp_path, **{section: values})


@pytest.mark.parametrize(
    ("values", "vocoder", "message"),
    [
        ({"htk": True}, {}, r"feats_extract_conf\.htk: a vocoder can be trained for False only, got True"),
        ({"log_base": None}, {}, r"log_base: a vocoder can be trained for 10.0 only, got None"),
        ({"hop_length": 16}, {}, r"vocoder\.segment: expected 66 frames or more.*2048 samples; got 32"),
        ({"n_fft": 16384}, {}, r"vocoder\.segment: expected 34 frames or more, half of a window of 16384.*got 32"),
        ({"hop_length": 64}, {"segment": 16}, r"vocoder\.segment: expected 18 frames.*got 16"),
    ],
)
def test_a_vocoder_that_cannot_be_trained_is_told_first(tmp_path, values, vocoder, message):
    config = {"feats_extract_conf": values, "vocoder": {"steps": 1, **vocoder}}
    with pytest.raises(UserError, match=rf"train\.yaml: .*{message}"):
        load(tmp_path, **config)
    config["vocoder"]["steps"] = 0
    load(tmp_path, **config)


def test_a_vocoder_that_an_option_asks_for_is_checked_too(tmp_path):
    config = load(tmp_path, feats_extract_conf={"log_base": None})
    with pytest.raises(UserError, match=r"train\.yaml with --vocoder steps=5: .*log_base: a vocoder can be trained"):
        override(tmp_path / "train.yaml", config, ["--vocoder", "steps=5"])


def test_jets_needs_no_vocoder(tmp_path):
    load(tmp_path, feats_extract_conf={"log_base": None}, vocoder={"steps": 1}, tts="jets")


@pytest.mark.parametrize("htk", [False, True])
@pytest.mark.parametrize(
    ("fs", "n_fft", "n_mels", "fmin", "fmax"),
    [
        (16000, 1024, 80, 80, 7600),
        (16000, 256, 80, 80, 7600),
        (8000, 512, 80, 0, 4000),
        (22050, 512, 128, 0, 11025),
        (48000, 400, 100, 50, 20000),
    ],
)
def test_empty_channels_are_those_of_the_filterbank(fs, n_fft, n_mels, fmin, fmax, htk):
    with pytest.warns() if empty_mels(fs, n_fft, n_mels, fmin, fmax, htk) else nothing():
        filters = mel(sr=fs, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk)
    assert empty_mels(fs, n_fft, n_mels, fmin, fmax, htk) == (filters.max(axis=1) == 0).sum()


def test_what_a_trained_model_has_is_not_asked():
    trained = {"feats_extract_conf": {"n_fft": 256, "hop_length": 512}}
    assert complete(trained)["feats_extract_conf"]["n_fft"] == 256


def test_right_values_pass(tmp_path):
    features = {"fs": 8000, "fmax": 4000, "n_fft": 512, "hop_length": 100, "n_mels": 40, "window": "hamming"}
    assert load(tmp_path, feats_extract_conf=features)["pitch_extract_conf"]["hop_length"] == 100
