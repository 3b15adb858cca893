import numpy as np
import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.labels import LabelEncoder, parse_weights

NAMES = ["angry", "happy", "sad"]


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("happy", [0, 1, 0]),
        ("-", [-1, -1, -1]),
        ("happy:0.8,sad:0.2", [0, 0.8, 0.2]),
        ("angry:1,sad:3", [0.25, 0, 0.75]),
    ],
)
def test_labels_are_weights(text, weights):
    np.testing.assert_allclose(parse_weights(text, NAMES), weights, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "word"), [("glad", "angry, happy, sad"), ("sad:x", "name:weight"), ("sad:-1", "negative")]
)
def test_mistakes_name_what_is_valid(text, word):
    with pytest.raises(UserError, match=word):
        parse_weights(text, NAMES)


def encoder():
    return LabelEncoder({"emotion": NAMES, "speaker": ["f1", "m1"], "language": []}, lambda utt, data: data)


def test_names_become_numbers_and_numbers_stay():
    data = encoder()("u1", {"sids": "m1", "emotion": "sad", "lids": np.array([0])})
    assert data["sids"].tolist() == [1]
    assert data["emotion"].tolist() == [0, 0, 1]
    assert data["lids"].tolist() == [0]


def test_unknown_speaker_names_the_utterance():
    with pytest.raises(UserError, match=r"utterance u7.*'m9'.*f1, m1"):
        encoder()("u7", {"sids": "m9"})
