import warnings

import numpy as np
import pytest
import pyworld
import soundfile
from scipy.signal import lfilter

from espnet_mtl.evaluation.measures.cepstrum import (
    align,
    all_pass_constant,
    frequency_transform,
    mel_cepstral_distortion,
    mel_cepstrum,
)


@pytest.mark.parametrize(("fs", "alpha"), [(16000, 0.41), (22050, 0.455), (48000, 0.554)])
def test_all_pass_constant_is_that_of_sptk(fs, alpha):
    assert all_pass_constant(fs) == pytest.approx(alpha, abs=0.0015)


def test_no_warping_keeps_the_cepstrum():
    np.testing.assert_allclose(frequency_transform(9, 4, 0.0), np.eye(5, 9))


def test_warped_cepstrum_has_the_spectrum_at_warped_frequencies():
    alpha, omega = 0.41, np.linspace(0, np.pi, 50)
    cepstrum = np.random.default_rng(0).normal(size=6)
    warped = frequency_transform(6, 80, alpha) @ cepstrum
    mel = omega + 2 * np.arctan2(alpha * np.sin(omega), 1 - alpha * np.cos(omega))
    spectrum = np.cos(np.outer(omega, np.arange(6))) @ cepstrum
    np.testing.assert_allclose(np.cos(np.outer(mel, np.arange(81))) @ warped, spectrum, atol=1e-8)


def test_gain_is_in_c0_alone():
    power = np.exp(np.random.default_rng(0).normal(size=(4, 513)))
    quiet, loud = mel_cepstrum(power, 16000), mel_cepstrum(100 * power, 16000)
    np.testing.assert_allclose(quiet[:, 1:], loud[:, 1:], atol=1e-9)
    np.testing.assert_allclose(loud[:, 0] - quiet[:, 0], np.log(10))


def test_repeated_frames_cost_nothing():
    frames = np.random.default_rng(0).normal(size=(20, 3))
    reference, hypothesis, distances = align(frames, frames.repeat(2, axis=0))
    assert mel_cepstral_distortion(distances) == 0
    np.testing.assert_array_equal(hypothesis // 2, reference)


def test_distortion_is_in_decibel():
    assert mel_cepstral_distortion(np.array([1.0, 3.0])) == pytest.approx(2 * 6.1419, rel=1e-4)


def test_distortion_is_that_of_pymcd_at_its_settings(tmp_path):
    """pymcd 0.2.1: 22,050 Hz, order 13, alpha 0.65, FFT of 512, aligned on c1.., c0 in the distance."""
    fs, random = 22050, np.random.default_rng(0)
    paths = [tmp_path / f"{name}.wav" for name in "ab"]
    for number, path in enumerate(paths):
        seconds = np.arange((1.2 + 0.2 * number) * fs) / fs
        f0 = (120 + 40 * number) * (1 + 0.1 * np.sin(2 * np.pi * 2 * seconds))
        pulses = np.diff(np.floor(np.cumsum(f0) / fs), prepend=0)
        sound = lfilter([1], [1, -1.6 + 0.3 * number, 0.8], pulses + 0.01 * random.normal(size=len(pulses)))
        soundfile.write(path, 0.1 * sound / np.abs(sound).max(), fs, "FLOAT")
    cepstra = []
    for path in paths:
        samples = soundfile.read(path)[0].astype(np.float32).astype(float)
        envelope = pyworld.wav2world(samples, fs, fft_size=512, frame_period=5.0)[1]
        cepstra.append(mel_cepstrum(envelope + 1e-8, fs, 13, 0.65))
    frames, others, _ = align(cepstra[0][:, 1:], cepstra[1][:, 1:])
    ours = mel_cepstral_distortion(np.linalg.norm(cepstra[0][frames] - cepstra[1][others], axis=1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymcd.mcd import Calculate_MCD

        theirs = Calculate_MCD("dtw").calculate_mcd(*map(str, paths))
    assert ours == pytest.approx(theirs, rel=0.02)
