import subprocess
import sys

import numpy as np
import pytest

from espnet_mtl.config.trained import TrainedValues
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CLASS_LABELS, CONTINUOUS_LABELS, LABELS, TABLES, format_mixture, parse_mixture
from espnet_mtl.tasks.preprocess import LabelEncoder

NAMES = ["angry", "happy", "sad"]
EMOTION = CLASS_LABELS["emotion"]


@pytest.mark.parametrize(
    ("line", "weights"),
    [
        ("happy", [0, 1, 0]),
        ("-", [-1, -1, -1]),
        ("happy:0.8,sad:0.2", [0, 0.8, 0.2]),
        (" happy: 0.8 , sad:.2 ", [0, 0.8, 0.2]),
        ("angry:1,sad:3", [0.25, 0, 0.75]),
        ("angry,sad", [0.5, 0, 0.5]),
        ("happy:0.5", [0, 1, 0]),
        ("happy:1,glad:0", [0, 1, 0]),
    ],
)
def test_a_soft_label_is_weights(line, weights):
    np.testing.assert_allclose(EMOTION.read(line, NAMES), weights, rtol=1e-6)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("glad", ["emotion 'glad'", "angry, happy, sad"]),
        ("happy:high", ["'high' is not a number", "name:weight"]),
        ("sad:", ["'' is not a number"]),
        ("sad:0.3,happy", ["'happy' has no weight"]),
        ("sad:0.3,sad:0.7", ["'sad' comes twice"]),
        ("sad,sad", ["'sad' comes twice"]),
        ("sad:-1,happy:2", ["weight of 'sad' is -1"]),
        ("sad:nan", ["weight of 'sad' is nan"]),
        ("sad:inf", ["weight of 'sad' is inf"]),
        ("sad:0,happy:0", ["not all 0"]),
        ("sad:1,", ["has no weight"]),
        ("", ["name:weight"]),
        (":1", ["name:weight"]),
        ("-,happy", ["'-' means no label", "name:weight"]),
        ("-:1", ["'-' means no label"]),
        ("happy:0.5:0.5", ["the name 'happy:0.5' holds ':'"]),
        ("happy:1e308,sad:1e308", ["too large"]),
        ("sad:1_0,happy:1", ["'1_0' is not a number"]),
        ("–:1", ["'-' means no label"]),
        ("—", ["'-' means no label"]),
        ("1:" * 4000, ["name:weight"]),
        ("a" * 4000 + ":x", ["is not a number"]),
        ("a:" + "x" * 4000, ["is not a number"]),
        ("a" * 4000 + ":nan", ["is nan"]),
        ("a" * 4000 + ",a:1", ["has no weight"]),
    ],
)
def test_a_line_that_is_no_mixture_says_what_would_be_right(line, words):
    with pytest.raises(UserError) as error:
        EMOTION.read(line, NAMES)
    for word in words:
        assert word in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("text", ["happy", "happy:0.8,sad:0.2", "angry:0.25,happy:0.5,sad:0.25"])
def test_a_mixture_is_written_as_it_is_read(text):
    assert format_mixture(parse_mixture(text)) == text


def test_a_class_of_no_weight_is_none_of_the_classes():
    assert EMOTION.classes_in("happy:1,sad:0") == ["happy"]
    assert parse_mixture("happy:1e300,sad:1e-300") == {"happy": 1.0}


@pytest.mark.parametrize("name", ["-", "", "a:b", "a,b", " a"])
def test_a_name_that_would_be_read_as_something_else_is_not_written(name):
    with pytest.raises(UserError, match="name:weight"):
        format_mixture({name: 0.5, "happy": 0.5})
    with pytest.raises(UserError, match="name:weight"):
        format_mixture({name: 1.0})


def test_every_utterance_has_a_speaker():
    speaker = CLASS_LABELS["speaker"]
    for read in (speaker.classes_in, lambda line: speaker.read(line, ["f1"])):
        with pytest.raises(UserError, match="speaker '-': this means no speaker, but every utterance has one"):
            read("-")
    assert CLASS_LABELS["gender"].classes_in("-") == []
    assert CLASS_LABELS["gender"].read("-", ["f"]).tolist() == [-1]


@pytest.mark.parametrize("label", CONTINUOUS_LABELS.values(), ids=lambda label: label.name)
def test_numbers_are_written_as_they_are_read(label):
    values = np.linspace(-1.5, 2.25, label.size, dtype=np.float32)
    np.testing.assert_allclose(label.read(label.write(values)), values, atol=1e-5)
    assert np.isnan(label.read("-")).all()
    assert label.read("-").shape == (label.size,)


@pytest.mark.parametrize(
    "line", ["1 2", "1 2 x", "1 2 nan", "1 2 inf", "1 2 3 4", "1 2 1e39", "1 2 -1e39", "1_0 2 3", "1" * 4000]
)
def test_a_line_that_is_not_the_numbers_of_its_label(line):
    with pytest.raises(UserError, match=r"expected 3 numbers \(valence, arousal, dominance\)") as error:
        CONTINUOUS_LABELS["vad"].read(line)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("line", ["--", "–", "—", "‒", "\u2212", "-\u200b", "‐-"])
def test_dashes_of_any_kind_are_no_name(line):
    for name in ("speaker", "language", "gender"):
        for read in (CLASS_LABELS[name].classes_in, CLASS_LABELS[name].normal_line):
            with pytest.raises(UserError, match=f"{name} .*: expected a name; no label is written '-'"):
                read(line)


def test_no_two_labels_share_a_batch_entry_or_a_file():
    keys = [label.batch_key for label in LABELS.values()]
    files = [label.file for label in LABELS.values() if label.file]
    assert len(set(keys)) == len(LABELS)
    assert len(set(files)) == len(files)


def test_every_table_of_classes_is_a_key_of_a_trained_model():
    assert set(TABLES) <= set(TrainedValues.model_fields)


def encoder():
    return LabelEncoder({"emotion": NAMES, "speaker": ["f1", "m1"], "language": []}, lambda utt, data: data)


def test_names_become_numbers_and_numbers_stay():
    data = encoder()("u1", {"sids": "m1", "emotion": "sad", "lids": np.array([0]), "vad": "1 2.5 3"})
    assert data["sids"].tolist() == [1]
    assert data["emotion"].tolist() == [0, 0, 1]
    assert data["lids"].tolist() == [0]
    assert data["vad"].tolist() == [1, 2.5, 3]


@pytest.mark.parametrize(
    ("data", "words"), [({"sids": "m9"}, r"'m9'.*f1, m1"), ({"emotion": "happy:high"}, "'high' is not a number")]
)
def test_a_mistake_names_the_utterance(data, words):
    with pytest.raises(UserError, match=rf"utterance u7: .*{words}"):
        encoder()("u7", data)


LIGHT = ("labels", "registry", "config.load", "config.overrides", "config.decode", "model", "model.heads", "corpora")


@pytest.mark.parametrize("module", LIGHT)
def test_names_and_configurations_are_checked_without_pytorch(module):
    code = f"import sys, espnet_mtl.{module}; print(*{{'torch', 'espnet2'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
