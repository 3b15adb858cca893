import numpy as np
import pytest

from espnet_mtl.evaluation.measures.statistics import (
    equal_error_rate,
    expected_calibration_error,
    ratio_of_sums,
    unweighted_average_recall,
)

NAN = np.nan


def test_ratio_weighs_utterances_by_length():
    assert ratio_of_sums(np.array([[1.0, 2], [0, 8]])) == 0.1


def test_recall_counts_rare_classes_as_much_as_frequent_ones():
    rows = np.array([[1, NAN, NAN], [1, NAN, NAN], [0, NAN, NAN], [1, NAN, NAN], [NAN, 0, NAN]])
    assert unweighted_average_recall(rows) == (0.75 + 0) / 2


def test_calibration_error_is_the_gap_of_confidence_and_accuracy():
    sure = np.array([[0.95, 1.0]] * 3 + [[0.95, 0.0]])
    assert expected_calibration_error(sure) == pytest.approx(0.2)
    assert expected_calibration_error(np.array([[0.95, 0.0], [0.55, 1]])) == pytest.approx((0.95 + 0.45) / 2)
    assert expected_calibration_error(np.array([[1.0, 1.0], [0.55, 1], [0.55, 0]])) == pytest.approx(2 / 3 * 0.05)


def test_equal_error_rate_of_known_distributions():
    apart = np.array([[0.9, 0.1, 0.2], [0.8, 0.3, NAN]])
    assert equal_error_rate(apart) == 0
    assert equal_error_rate(1 - apart) == 1
    random = np.random.default_rng(0)
    rows = np.stack([random.normal(1, 1, 20000), random.normal(-1, 1, 20000)], 1)
    assert equal_error_rate(rows) == pytest.approx(0.1587, abs=0.005)


def test_equal_error_rate_needs_an_impostor():
    assert np.isnan(equal_error_rate(np.array([[0.9], [0.8]])))
