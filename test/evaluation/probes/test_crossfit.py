import numpy as np
import pytest

from espnet_mtl.evaluation.probes.crossfit import CrossFitted, folds, recall_rows

CLASSES = ["angry", "happy", "sad"]


class Fixed:
    """A probe that says what it is given."""

    def logits(self, features, speakers):
        return features


def overconfident(n: int, accuracy: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits that name the right one of three classes with that probability and are always sure."""
    random = np.random.default_rng(seed)
    targets = random.integers(3, size=n)
    named = np.where(random.random(n) < accuracy, targets, (targets + random.integers(1, 3, n)) % 3)
    return 12.0 * np.eye(3)[named], targets


def test_folds_keep_sentences_whole_and_hold_every_class():
    labels = np.array(CLASSES * 12)
    sentences = [f"s{i // 6}" for i in range(36)]
    parts = folds(labels, sentences)
    assert sorted(np.concatenate(parts)) == list(range(36))
    assert len(parts) == 3
    for held_out in parts:
        assert set(labels[held_out]) == set(CLASSES)
        rest = set(range(36)) - set(held_out)
        assert not {sentences[i] for i in held_out} & {sentences[i] for i in rest}


def test_temperature_makes_confidence_as_high_as_accuracy():
    logits, targets = overconfident(4000, 0.7, 0)
    probe = CrossFitted(CLASSES, [Fixed()], logits, np.array(CLASSES)[targets])
    assert probe.temperature > 3
    assert probe.held_out["uar"] == pytest.approx(0.7, abs=0.02)
    assert probe.held_out["ece"] < 0.02
    assert probe.posteriors(logits, []).max(1).mean() == pytest.approx(0.7, abs=0.02)


@pytest.mark.parametrize(
    ("labels", "sentences", "number"),
    [
        ([], [], 0),
        (["a"], ["x"], 0),
        (["a", "a", "a"], ["x", "y", "z"], 0),  # nothing to tell apart
        (["a", "b", "a"], ["x", "x", "x"], 0),  # no sentence to judge on
        (["a", "b", "c"], ["x", "y", "z"], 0),  # nothing to learn from beside what is judged
        (["a", "b", "a"], ["x", "x", "y"], 2),
        (["a", "b", "a", "b"], ["x", "x", "y", "z"], 2),
    ],
)
def test_the_smallest_sets_have_fewer_folds_or_none(labels, sentences, number):
    parts = folds(np.array(labels, dtype=str), sentences)
    assert len(parts) == number
    assert sorted(np.concatenate([*parts, []])) == (list(range(len(labels))) if number else [])
    assert all(len(part) for part in parts)


def test_probes_of_the_folds_are_averaged():
    class Opposite(Fixed):
        def logits(self, features, speakers):
            return features[:, ::-1]

    logits, targets = overconfident(300, 0.7, 0)
    probe = CrossFitted(CLASSES, [Fixed(), Opposite()], logits, np.array(CLASSES)[targets])
    posterior = probe.posteriors(np.array([[5.0, 0, 0]]), [])
    assert posterior[0, 0] == pytest.approx(posterior[0, 2])
    assert posterior.sum() == pytest.approx(1)


def test_recall_rows_stand_in_the_column_of_the_intended_class():
    rows = recall_rows(np.array([True, False, True]), np.array([0, 2, -1]), 3)
    np.testing.assert_array_equal(rows, [[1, np.nan, np.nan], [np.nan, np.nan, 0], [np.nan] * 3])
