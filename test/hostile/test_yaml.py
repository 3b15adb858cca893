"""YAML of a stranger: it takes bounded time and memory, and builds plain values only."""

import sys

import pytest
import yaml

from espnet_mtl.config import load
from espnet_mtl.config.load import LARGEST_YAML, parse_yaml, read_yaml
from espnet_mtl.errors import UserError


def grown(first: str, following: str) -> str:
    """Twelve lines, each of which repeats the one before ten times."""
    lines = [f"a0: &a0 {first}"]
    for number in range(1, 12):
        repeated = ",".join([f"*a{number - 1}"] * 10)
        lines.append(f"a{number}: &a{number} {following.format(repeated)}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (grown("[x,x,x,x,x,x,x,x,x,x]", "[{}]"), "repeats values by aliases"),
        (grown("{a: 1, b: 2}", "{{<<: [{}], c: 3}}"), "keys are merged into one mapping"),
        (grown(f"{{{','.join(f'k{n}: 1' for n in range(20))}}}", "{{<<: [{}]}}"), "keys are merged into one mapping"),
        ("a: &a [*a]", "nested too deeply"),
        ("a: &a {<<: *a}", "nested too deeply"),
        ("a: " + "[" * 5000, "nested too deeply"),
        ("- " * 5000, "nested too deeply"),
        ("a: " + "x" * LARGEST_YAML, "KiB is no configuration"),
        ("a: " + "9" * 9000, "line 1: a number of 9000 characters"),
        ("a: !!python/object/apply:os.mkdir [ran]", "not a YAML file"),
        ("a: !!python/name:os.system x", "not a YAML file"),
        ("a: !!timestamp x", "YAML takes x for a date"),
        ("a: !!int ''", "not a YAML file"),
        ("a: !!bool x", "not a YAML file"),
        ("? [a]\n: b", "not a YAML file"),
        ("<<: [1]", "not a YAML file"),
        ("\0", "not a YAML file"),
        ("--- a\n--- b", "not a YAML file"),
        ("- a", "expected 'key: value' lines, got a list"),
    ],
)
def test_it_is_refused_in_one_line(text, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message) as error:
        parse_yaml(text.encode(), "some.yaml")
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("some.yaml")
    assert list(tmp_path.iterdir()) == []


def test_long_numbers_are_refused_whatever_python_allows():
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        with pytest.raises(UserError, match="a number of 9000 characters"):
            parse_yaml(b"a: " + b"9" * 9000, "some.yaml")
    finally:
        sys.set_int_max_str_digits(before)


def test_a_model_of_many_speakers_is_read(tmp_path):
    names = [f"{number:060d}_speaker" for number in range(5000)]
    path = tmp_path / "config.yaml"
    config = {"speakers": names, "speaker_languages": {name: ["en-us"] for name in names}}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert path.stat().st_size > 2**19
    assert read_yaml(path) == config


def test_values_are_counted_while_they_are_read(monkeypatch):
    monkeypatch.setattr(load, "MOST_VALUES", 10)
    assert parse_yaml(b"a: [1, 2, 3, 4, 5, 6, 7]", "some.yaml")
    with pytest.raises(UserError, match=r"some\.yaml: line 2: more than 10 values"):
        parse_yaml(b"a: [1, 2, 3, 4, 5, 6,\n7, 8]", "some.yaml")


def test_a_file_passes_the_same_door(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"a\.yaml is not a YAML file"):
        read_yaml(path)
    path.write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]", encoding="utf-8")
    assert read_yaml(path) == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": [{"x": 1}, {"x": 1}]}
