"""Reading YAML without its traps: what it would silently make another value of, or leave out, is an error."""

from __future__ import annotations

import re
from typing import Any

import yaml

SURPRISES = (
    (re.compile(r"[-+]?[0-9_]+(:[0-5]?[0-9])+(\.[0-9_]*)?"), "a number to the base of 60"),
    (re.compile(r"[-+]?0[0-9_]+"), "an octal number"),
)
"""Forms of numbers that nobody means, and what YAML takes them for."""


class SurpriseError(yaml.MarkedYAMLError):
    """YAML that would be read as something else than it seems to say."""

    def __str__(self) -> str:
        line = self.problem_mark.line + 1 if self.problem_mark else 1
        return f"line {line}: {self.problem}"


class PlainLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which also refuses numbers of another base, dates, and a key that comes twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Builds a mapping; of two values for one key, PyYAML would take the last."""
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag.endswith(":merge"):
                continue
            if key_node.value in seen:
                raise _error(f"the key {key_node.value!r} comes twice", key_node)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> Any:
        """Builds a number that is written as it is meant."""
        for form, meaning in SURPRISES:
            if form.fullmatch(node.value):
                raise _error(f"YAML takes {node.value} for {meaning}: quote it, or write it otherwise", node)
        is_float = node.tag.endswith(":float")
        return self.construct_yaml_float(node) if is_float else self.construct_yaml_int(node)

    def refuse_date(self, node: yaml.ScalarNode) -> Any:
        """Refuses what would become a date."""
        raise _error(f"YAML takes {node.value} for a date: quote it", node)


def _error(problem: str, node: yaml.Node) -> SurpriseError:
    return SurpriseError(problem=problem, problem_mark=node.start_mark)


for _kind in ("int", "float"):
    PlainLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", PlainLoader.construct_number)
PlainLoader.add_constructor("tag:yaml.org,2002:timestamp", PlainLoader.refuse_date)
