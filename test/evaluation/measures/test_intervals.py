import numpy as np
import pytest

from espnet_mtl.evaluation.measures.intervals import interval
from espnet_mtl.evaluation.measures.statistics import equal_error_rate

SENTENCES = [f"s{i // 4}" for i in range(48)]


def draw(random: np.random.Generator) -> np.ndarray:
    """48 values of 12 sentences with a share common to each sentence."""
    return random.normal(size=12).repeat(4) + 0.5 * random.normal(size=48)


def test_interval_covers_the_mean_in_95_percent_of_trials():
    random, trials = np.random.default_rng(1), 200
    figures = [interval(draw(random), SENTENCES) for _ in range(trials)]
    covered = np.mean([figure.low <= 0 <= figure.high for figure in figures])
    assert 0.90 <= covered <= 0.985


def test_utterances_of_a_sentence_are_not_independent():
    values = draw(np.random.default_rng(0))
    by_sentence, by_utterance = interval(values, SENTENCES), interval(values, [str(i) for i in range(48)])
    assert by_sentence.value == by_utterance.value == pytest.approx(values.mean())
    assert by_sentence.high - by_sentence.low > 1.3 * (by_utterance.high - by_utterance.low)


def test_pairing_removes_what_both_share():
    random = np.random.default_rng(0)
    baseline = draw(random)
    values = baseline + 0.3 + 0.05 * random.normal(size=48)
    difference = interval(values, SENTENCES, baseline=baseline)
    assert difference.value == pytest.approx(0.3, abs=0.03)
    assert 0.25 < difference.low < difference.high < 0.35


def test_median_ignores_an_outlier():
    values = np.append(np.zeros(47), 1e6)
    assert interval(values, SENTENCES, np.median).value == 0


def test_utterances_without_the_metric_are_left_out():
    values = np.where(np.arange(48) % 2, np.nan, 2.0)
    assert interval(values, SENTENCES).json() == {"value": 2, "low": 2, "high": 2}
    assert interval(np.full(48, np.nan), SENTENCES) is None
    assert interval(np.zeros(0), []) is None


def test_one_sentence_has_its_value():
    figure = interval(np.array([0.0, 1.0]), ["s", "s"])
    assert (figure.value, figure.low, figure.high) == (0.5, 0.5, 0.5)


def test_same_input_gives_the_same_interval():
    values = draw(np.random.default_rng(0))
    assert interval(values, SENTENCES) == interval(values, SENTENCES)


def test_a_statistic_that_applies_to_nothing_has_no_interval():
    lone = np.array([[0.9, np.nan], [0.8, np.nan]])  # a speaker without impostors
    assert interval(lone, ["a", "b"], equal_error_rate) is None
