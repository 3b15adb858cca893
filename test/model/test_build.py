import sys

import pytest
import torch

from espnet_mtl.errors import UserError
from espnet_mtl.model.build import build_head, preferences, tap_dims

DIMS = {"style": 4, "shared": 8, "mel": 80}
CLASSES = {"emotion": ["happy", "sad"], "speaker": ["f1", "m1", "m2"]}


def config(backbone, tasks, **conf):
    return {"tts": backbone, "tts_conf": conf, "tasks": tasks}


def test_preferences_start_with_the_tts_loss():
    section = config("fastspeech2", {"a": {}, "tts": {}})
    assert list(preferences(section, {"a": 0.3}).items()) == [("tts", 1.0), ("a", 0.3)]


@pytest.mark.parametrize(
    ("tts", "split", "expected"),
    [
        ("fastspeech2", True, {"tts_mel": 2.0, "tts_duration": 2.0, "tts_pitch": 2.0, "tts_energy": 2.0}),
        ("fastspeech2", {"pitch": 0.5}, {"tts_mel": 2.0, "tts_duration": 2.0, "tts_pitch": 1.0, "tts_energy": 2.0}),
        ("tacotron2", True, {"tts_mel": 2.0, "tts_stop": 2.0, "tts_attention": 2.0}),
        ("fastspeech2", False, {"tts": 2.0}),
    ],
)
def test_a_split_loss_has_a_preference_for_each_part(tts, split, expected):
    tasks = {"emotion": {}, "tts": {"weight": 2.0, "split": split}}
    assert preferences(config(tts, tasks), {"emotion": 0.1}) == {**expected, "emotion": 0.1}


def test_without_guided_attention_there_is_no_such_part():
    section = config("tacotron2", {"tts": {"split": True}}, use_guided_attn_loss=False)
    assert list(preferences(section, {})) == ["tts_mel", "tts_stop"]


@pytest.mark.parametrize(
    ("label", "tap", "reversed", "attends"),
    [
        ("emotion", "style", False, True),
        ("emotion", "style", True, False),
        ("speaker", "style", False, False),
        ("emotion", "shared", False, False),
    ],
)
def test_the_attention_is_the_classifier_of_the_style(label, tap, reversed, attends):
    task = {"head": "classifier", "label": label, "tap": tap, "reversed": reversed}
    assert build_head("a", task, DIMS, CLASSES).attention == attends


def test_a_head_has_an_output_for_each_class_or_number():
    classifier = build_head("a", {"head": "classifier", "label": "speaker", "tap": "shared"}, DIMS, CLASSES)
    assert classifier.classes == 3
    assert build_head("a", {"head": "regressor", "label": "vad", "tap": "mel"}, DIMS, CLASSES).classes == 3
    assert build_head("a", {"head": "regressor", "label": "intonation", "tap": "mel"}, DIMS, CLASSES).classes == 8


def test_a_tap_that_this_model_lacks_is_named():
    task = {"head": "classifier", "label": "emotion", "tap": "speaker"}
    with pytest.raises(UserError, match=r"tasks.a: the tap 'speaker' needs several speakers"):
        build_head("a", task, DIMS, CLASSES)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{}['size']", r"^tasks.a: built:Mine: .*built\.py:8: KeyError: 'size'"),
        ("self.absent.x", r"^tasks.a: built:Mine: .*AttributeError: 'Mine' object has no attribute 'absent'"),
        ("raise ValueError('too wide')", r"^tasks.a: built:Mine: too wide"),
        (
            "super().__init__(dim, classes, **{**options, 'weight': -1})",
            r"^tasks.a.weight: a number, not negative, got -1$",
        ),
        (
            "super().__init__(dim, classes, chanels=3, **options)",
            r"^unknown key of tasks.a 'chanels': did you mean channels",
        ),
        ("Size(rows='many')", r"^tasks.a: rows: .*integer.*, got 'many'$"),
    ],
)
def test_what_a_constructor_of_ones_own_raises_is_said(tmp_path, monkeypatch, line, message):
    text = [
        "from pydantic import BaseModel",
        "from espnet_mtl.model.heads.classifier import Classifier",
        "class Size(BaseModel):",
        "    rows: int",
        "class Mine(Classifier):",
        "    def __init__(self, dim, classes, **options):",
        "        super().__init__(dim, classes, **options)",
        f"        {line}",
    ]
    (tmp_path / "built.py").write_text("\n".join(text), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "built", raising=False)
    with pytest.raises(UserError, match=message):
        build_head("a", {"head": "built:Mine", "label": "emotion", "tap": "shared"}, DIMS, CLASSES)


def test_taps_of_the_model_are_the_backbones_and_the_style(make_model):
    model = make_model()
    assert tap_dims(model.tts, model.style) == {**model.tts.tap_dims(), "style": 8}
    assert tap_dims(model.tts, None) == model.tts.tap_dims()
    assert not isinstance(model.multitask, torch.nn.Module)
