"""The door for training YAMLs: read, merged with what they are based on, completed and checked (imports no torch)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from espnet_mtl.config.schema import check_given, check_scheduler, complete, refuse_recipe_keys
from espnet_mtl.config.signal import check_signal
from espnet_mtl.errors import UserError, shown

BASE = "base"
"""Key of a training YAML that names another one, which it changes."""


LARGEST_YAML = 2**22
"""Bytes of a YAML file: those of a model with 90,000 speakers, and reading them takes 10 s."""
MOST_VALUES = 400_000
"""Values of a YAML file, those that it repeats by aliases counted as often as they come."""
LONGEST_NUMBER = 1000
"""Characters of a number."""
MOST_MERGED = 10**4
"""Keys that may be merged into one mapping (`<<`)."""
THOUSANDS = r"[-+]?[0-9]{1,3}(_[0-9]{3})+(\.[0-9]*)?"
SURPRISES = (
    (re.compile(r"[-+]?[0-9_]+(:[0-5]?[0-9])+(\.[0-9_]*)?"), "a number to the base of 60"),
    (re.compile(r"[-+]?0[0-9_]+"), "an octal number"),
    (re.compile(rf"(?!{THOUSANDS}$)[-+]?[0-9_]*_[0-9_]*(\.[0-9_]*)?"), "the number without its underscores"),
)
"""Forms of numbers that nobody means, and what YAML takes them for."""


class SurpriseError(yaml.MarkedYAMLError):
    """YAML that would be read as something else than it seems to say."""

    def __str__(self) -> str:
        line = self.problem_mark.line + 1 if self.problem_mark else 1
        return f"line {line}: {self.problem}"


class PlainLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which also refuses numbers of another base, dates, and a key that comes twice.

    Nor may mappings be merged into one another (`<<`) without end.
    """

    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> Any:
        """Reads the next value, before anything is built of it."""
        self.nodes += 1
        if self.nodes > MOST_VALUES:
            raise SurpriseError(problem=f"more than {MOST_VALUES} values", problem_mark=self.peek_event().start_mark)
        return super().compose_node(parent, index)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Puts the keys of other mappings in the place of `<<`; PyYAML calls it for each mapping."""
        count = 0
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                for merged in _merged_mappings(value):
                    self.flatten_mapping(merged)
                    count += len(merged.value)
        if count > MOST_MERGED:
            raise _error(f"more than {MOST_MERGED} keys are merged into one mapping", node)
        super().flatten_mapping(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Builds a mapping; of two values for one key, PyYAML would take the last."""
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag.endswith(":merge"):
                continue
            if key_node.value in seen:
                raise _error(f"the key {shown(key_node.value)} comes twice", key_node)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> Any:
        """Builds a number that is written as it is meant."""
        for form, meaning in SURPRISES:
            if form.fullmatch(node.value):
                raise _error(f"YAML takes {_plain(node)} for {meaning}: quote it, or write it otherwise", node)
        # Python refuses to read thousands of digits, unless another package has lifted its limit
        if len(node.value) > LONGEST_NUMBER:
            raise _error(f"a number of {len(node.value)} characters", node)
        is_float = node.tag.endswith(":float")
        return self.construct_yaml_float(node) if is_float else self.construct_yaml_int(node)

    def refuse_date(self, node: yaml.ScalarNode) -> Any:
        """Refuses what would become a date."""
        raise _error(f"YAML takes {_plain(node)} for a date: quote it", node)


def _plain(node: yaml.ScalarNode) -> str:
    return shown(node.value)[1:-1]


def _merged_mappings(value: yaml.Node) -> list[yaml.MappingNode]:
    nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
    return [node for node in nodes if isinstance(node, yaml.MappingNode)]


def _error(problem: str, node: yaml.Node) -> SurpriseError:
    return SurpriseError(problem=problem, problem_mark=node.start_mark)


for _kind in ("int", "float"):
    PlainLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", PlainLoader.construct_number)
PlainLoader.add_constructor("tag:yaml.org,2002:timestamp", PlainLoader.refuse_date)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Reads a YAML file that must hold a mapping.

    Raises:
        UserError: The file is missing, not YAML, or something else than a mapping.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such config file")
    with path.open("rb") as file:
        return parse_yaml(file.read(LARGEST_YAML + 1), path)


def parse_yaml(text: bytes, source: object) -> dict[str, Any]:
    """Parses YAML that must be a mapping; one that is empty has no keys.

    Whoever wrote it: no object is built but plain ones, and neither its size nor aliases of aliases take more than
    seconds or fill the memory.

    Args:
        text: The YAML, in UTF-8.
        source: What it is, for errors.

    Raises:
        UserError: It is not YAML, something else than a mapping, or too much.
    """
    if len(text) > LARGEST_YAML:
        raise UserError(f"{source}: more than {LARGEST_YAML >> 10} KiB is no configuration")
    try:
        config = yaml.load(text.decode("utf-8"), PlainLoader)
        count = _count_values(config, {})
    except SurpriseError as error:
        raise UserError(f"{source}: {error}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{source} is not a YAML file: {' '.join(str(error).split())}") from error
    # Python's own parser calls itself for each level; the one in C would end the process
    except RecursionError as error:
        raise UserError(f"{source}: its values are nested too deeply") from error
    except (TypeError, AttributeError, LookupError) as error:  # PyYAML's, of tags on what they do not fit
        raise UserError(f"{source} is not a YAML file: {error}") from error
    if count > MOST_VALUES:
        raise UserError(f"{source}: it repeats values by aliases until there are {count:.0e} of them")
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise UserError(f"{source}: expected 'key: value' lines, got a {type(config).__name__}")
    return config


def _count_values(value: Any, counts: dict[int, int]) -> int:
    """Counts the values in a value; `counts` holds those of the lists and mappings that were counted before.

    Raises:
        RecursionError: A value holds itself, or is nested too deeply.
    """
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in counts:
        inner = value.values() if isinstance(value, dict) else value
        counts[id(value)] = 1 + sum(_count_values(one, counts) for one in inner)
    return counts[id(value)]


def read_train_config(path: str | Path) -> dict[str, Any]:
    """Reads a training YAML, which may change another one, its `base` (relative to it); see `merge`.

    Raises:
        UserError: A file is missing, empty or no mapping, or is its own base.
    """
    return _read_merged(Path(path), ())


def _read_merged(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in above:
        raise UserError(f"{path}: is its own {BASE}")
    config = read_yaml(path)
    if not config:
        raise UserError(f"{path} is empty: write what it changes, and {BASE}: another configuration")
    base = config.pop(BASE, None)
    if base is None:
        return config
    if not isinstance(base, str):
        raise UserError(f"{path}: {BASE}: the file of another configuration, got {base!r}")
    base_path = path.parent / base
    if not base_path.is_file():
        raise UserError(f"{path}: {BASE}: {base_path} does not exist; {BASE} is relative to the file that names it")
    return merge(_read_merged(base_path, (*above, path.resolve())), config)


def merge(base: Any, change: Any) -> Any:
    """Returns `base` changed: mappings are merged key by key; a mapping that is changed to None is left out; all else
    is replaced."""
    if not (isinstance(base, Mapping) and isinstance(change, Mapping)):
        return change
    merged = dict(base)
    for key, value in change.items():
        if value is None and isinstance(base.get(key), Mapping):
            del merged[key]
        else:
            merged[key] = merge(base.get(key), value)
    return merged


def load_train_config(path: str | Path) -> dict[str, Any]:
    """Reads a training YAML (`read_train_config`), fills in defaults and checks every key and name.

    Raises:
        UserError: An unknown key, task, head, tap, label or weighting, or a value that cannot be; the message names
            the file, the key and what would be right.
    """
    config = read_train_config(path)
    try:
        return checked(config)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def checked(config: Mapping[str, Any]) -> dict[str, Any]:
    """Fills in defaults of what a training YAML says, and checks it; see `load_train_config`."""
    refuse_recipe_keys(config)
    full = complete(config)
    check_given(config)
    check_scheduler(config)
    check_signal(full)
    return full
