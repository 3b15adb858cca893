"""Registries of classes by name, read without importing what they name."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from espnet_mtl.errors import UserError, one_of


class Registry(Mapping[str, str]):
    """Names and the `module:Class` that each one stands for.

    A class is imported when it is first built, so that listing and checking names and options costs
    nothing. Registries are fixed tables; a new entry is one line beside the others.
    """

    def __init__(self, kind: str, entries: Mapping[str, str]):
        self.kind = kind
        self.entries = dict(entries)

    def __getitem__(self, name: str) -> str:
        if name not in self.entries:
            raise one_of(self.kind, name, self.entries)
        return self.entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def load(self, name: str) -> Any:
        """Imports and returns the class called `name`."""
        module, attribute = self[name].split(":")
        return getattr(importlib.import_module(module), attribute)

    def arguments(self, name: str) -> tuple[str, ...]:
        """Names the constructor arguments of the class called `name`, without importing it."""
        return constructor_arguments(self[name])


def constructor_arguments(target: str) -> tuple[str, ...]:
    """Reads the argument names of `module:Class.__init__` from the source, base classes left out."""
    return method_arguments(target, "__init__")


@cache
def method_arguments(target: str, method: str) -> tuple[str, ...]:
    """Reads the argument names of a method of `module:Class` from the source, base classes left out."""
    module, name = target.split(":")
    tree = ast.parse(_source(module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and member.name == method:
                    arguments = [*member.args.args, *member.args.kwonlyargs]
                    return tuple(argument.arg for argument in arguments if argument.arg != "self")
    raise UserError(f"{target} has no {method} of its own")


def _source(module: str) -> Path:
    """Finds a module's file without running its packages' `__init__`."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"package {top!r} is not installed: run tools/setup.sh")
    return Path(spec.submodule_search_locations[0]).joinpath(*rest).with_suffix(".py")
