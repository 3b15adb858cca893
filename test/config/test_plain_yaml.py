"""What YAML would silently make another value of is told, with its line."""

import pytest

from espnet_mtl.config.load import load_train_config, read_yaml
from espnet_mtl.errors import UserError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nspeakers: [0011, 0012]", "line 2: YAML takes 0011 for an octal number: quote it"),
        ("seed: 010", "line 1: YAML takes 010 for an octal number"),
        ("vad: 1_0", "line 1: YAML takes 1_0 for the number without its underscores: quote it"),
        ("seed: -1_2.5_", "YAML takes -1_2.5_ for the number without its underscores"),
        ("seed: 1_" + "1_" * 3000, "_1_ for the number without its underscores"),
        ("fmax: 12:30", "YAML takes 12:30 for a number to the base of 60"),
        ("fmax: 1:30.5", "YAML takes 1:30.5 for a number to the base of 60"),
        ("license: 2024-01-01", "YAML takes 2024-01-01 for a date: quote it"),
        ("a: {b: 1, c: 2, b: 3}", "line 1: the key 'b' comes twice"),
        ("tasks: 1\nlanguage: de\ntasks: 2", "line 3: the key 'tasks' comes twice"),
    ],
)
def test_a_surprise_is_an_error(tmp_path, text, message):
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_yaml(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert len(str(error.value)) < 400


def test_what_is_plain_is_read_as_ever(tmp_path):
    path = tmp_path / "a.yaml"
    numbers = "0, -1, 16000, 1.5e-3, .inf, 0.5, 1_000, -16_000_000.0, 0x1F"
    path.write_text(f"a: [{numbers}, '010', yes]\nb: &x {{c: 1}}\nd: {{<<: *x, e: 2}}\n")
    assert read_yaml(path) == {
        "a": [0, -1, 16000, 0.0015, float("inf"), 0.5, 1000, -16e6, 31, "010", True],
        "b": {"c": 1},
        "d": {"c": 1, "e": 2},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("language: no", r"language: a name, got False \(YAML takes no.*quote it, or take nb for Norwegian Bokmål\)"),
        ("language: on", r"language: a name, got True \(YAML takes yes, on and true for a truth value: quote it\)"),
        ("max_epoch: yes", r"max_epoch: a whole number of at least 1, got True \(YAML takes yes"),
        ("max_epoch: '3'", r"max_epoch: .*got '3' \(it is quoted, and so a text: leave the quotes out\)"),
        ("max_epoch: 3.0", r"max_epoch: .*got 3\.0 \(a whole number has no decimal point: write 3\)"),
        ("feats_extract_conf: {fs: 16000.0}", r"feats_extract_conf\.fs: .*: write 16000\)"),
        ("language: 12", r"language: a name, got 12 \(YAML takes it for a number: quote it\)"),
    ],
)
def test_what_yaml_made_of_it_is_said(tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_train_config(tmp_path / "a.yaml")
