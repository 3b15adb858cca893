import numpy as np
import pytest

from espnet_mtl.evaluation.cepstrum import (
    align,
    all_pass_constant,
    frequency_transform,
    log_f0_rmse,
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


def test_shifted_f0_gives_its_exact_rmse():
    f0 = np.array([0.0, 100, 120, 0, 90])
    assert log_f0_rmse(f0, 1.1 * f0) == pytest.approx(np.log(1.1))


def test_f0_counts_where_both_are_voiced():
    assert log_f0_rmse(np.array([100.0, 0, 100]), np.array([200.0, 100, 0])) == pytest.approx(np.log(2))
    assert np.isnan(log_f0_rmse(np.zeros(3), np.ones(3)))
