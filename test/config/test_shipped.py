"""The shipped configurations say everything once."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from espnet_mtl.config.load import read_train_config, read_yaml
from espnet_mtl.config.schema import DATA_KEYS

CONF = Path(__file__).parents[2] / "egs2/mtl_tts/conf"
CHANGES = sorted(path for path in CONF.glob("**/*.yaml") if "base" in read_yaml(path))


def repeated(base: Mapping[str, Any], change: Mapping[str, Any]) -> Iterator[str]:
    """Yields the keys whose value the base says already."""
    for key, value in change.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping):
            yield from (f"{key}.{inner}" for inner in repeated(base[key], value))
        elif key in base and base[key] == value:
            yield key


def test_what_is_repeated_is_found():
    base = {"a": 1, "b": {"c": 2, "d": None}}
    assert list(repeated(base, {"a": 1, "b": {"c": 3, "d": None}, "e": None})) == ["a", "b.d"]


@pytest.mark.parametrize("path", CHANGES, ids=lambda path: path.stem)
def test_a_configuration_repeats_nothing_of_its_base(path: Path):
    change = read_yaml(path)
    base = read_train_config(path.parent / change.pop("base"))
    assert list(repeated(base, change)) == []


def test_the_signal_is_described_in_one_file():
    """All models share the data of stages 1 to 4."""
    described = {path.name for path in CONF.glob("**/*.yaml") if set(DATA_KEYS) & set(read_yaml(path))}
    assert described == {"base.yaml"}
