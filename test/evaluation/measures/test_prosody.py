import numpy as np
import pytest

from espnet_mtl.evaluation.measures import prosody


def test_shifted_f0_gives_its_exact_rmse():
    f0 = np.array([0.0, 100, 120, 0, 90])
    assert prosody.log_f0_rmse(f0, 1.1 * f0) == pytest.approx(np.log(1.1))


def test_f0_counts_where_both_are_voiced():
    assert prosody.log_f0_rmse(np.array([100.0, 0, 100]), np.array([200.0, 100, 0])) == pytest.approx(np.log(2))
    assert np.isnan(prosody.log_f0_rmse(np.zeros(3), np.ones(3)))


def test_correlation_knows_shape_and_not_level():
    f0 = np.array([100.0, 120, 0, 150, 110])
    assert prosody.log_f0_correlation(f0, 2 * f0) == pytest.approx(1)
    assert prosody.log_f0_correlation(f0, 1e4 / np.maximum(f0, 1) * (f0 > 0)) == pytest.approx(-1)
    assert np.isnan(prosody.log_f0_correlation(f0, 100.0 * (f0 > 0)))


def test_voicing_error_counts_frames_voiced_in_one():
    assert prosody.voicing_error(np.array([0.0, 100, 100, 0]), np.array([0.0, 90, 0, 80])) == 0.5


def test_deviation_is_of_ln_f0():
    assert prosody.log_f0_deviation(np.array([100.0, 0, 100 * np.e**2])) == pytest.approx(1)
    assert np.isnan(prosody.log_f0_deviation(np.zeros(3)))
    assert np.isnan(prosody.log_f0_deviation(np.full(3, 100.0)))


def test_energy_error_ignores_level():
    contour = np.array([-10.0, -20, -30])
    assert prosody.energy_rmse(contour, contour - 7) == pytest.approx(0)
    assert prosody.energy_rmse(np.array([0.0, 0]), np.array([3.0, -3])) == pytest.approx(3)
    assert prosody.energy(np.full((2, 4), -10.0)) == pytest.approx([-10, -10])


def test_pauses_count_for_the_duration_and_not_for_the_speech():
    levels = np.array([-60.0, -60] + [0] * 20 + [-60] * 10 + [-5] * 20 + [-60])
    assert prosody.duration(levels) == pytest.approx(0.5)
    assert prosody.speech_time(levels) == pytest.approx(0.4)


def test_smoothed_cepstra_have_less_variance():
    cepstra = np.random.default_rng(0).normal(size=(200, 24))
    assert prosody.global_variance_ratio(cepstra, 0.5 * cepstra) == pytest.approx(0.25)
    assert prosody.global_variance_ratio(cepstra, cepstra[::-1]) == pytest.approx(1)
