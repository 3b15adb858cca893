"""YAML of a stranger: it takes bounded time and memory, and builds plain values only."""

import pytest

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
        ("a: " + "9" * 9000, "not a YAML file"),
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


def test_a_file_passes_the_same_door(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"a\.yaml is not a YAML file"):
        read_yaml(path)
    path.write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]", encoding="utf-8")
    assert read_yaml(path) == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": [{"x": 1}, {"x": 1}]}
