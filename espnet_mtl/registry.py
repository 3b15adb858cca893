"""Registries of classes by name, read without importing what they name."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from espnet_mtl.errors import UserError, one_of


class Registry(Mapping[str, str]):
    """Names and the `module:Class` that each one stands for.

    A class is imported when it is first built, so that listing and checking names and options costs
    nothing. Registries are fixed tables; a new entry is one line beside the others. An `open` one also takes the
    user's own `module:Class`, from the current directory or Python's path.
    """

    def __init__(self, kind: str, entries: Mapping[str, str], open: bool = False):
        self.kind, self.open = kind, open
        self.entries = dict(entries)

    def __getitem__(self, name: str) -> str:
        if self.is_own(name):
            return name
        if name not in self:
            raise one_of(self.kind, name, [*self.entries, *(["module:Class"] if self.open else [])])
        return self.entries[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self.entries or self.is_own(name))

    def is_own(self, name: object) -> bool:
        """Tells whether this is a `module:Class` of the user's own."""
        return self.open and isinstance(name, str) and re.fullmatch(r"\w+(\.\w+)*:\w+", name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def load(self, name: str) -> Any:
        """Imports and returns the class called `name`.

        Raises:
            UserError: A class of the user's own is not where its name says.
        """
        module, attribute = self[name].split(":")
        if self.is_own(name):
            _source(module)
        return getattr(importlib.import_module(module), attribute)

    def arguments(self, name: str) -> tuple[str, ...]:
        """Names the constructor arguments of the class called `name`, without importing it."""
        return constructor_arguments(self[name])


def constructor_arguments(target: str) -> tuple[str, ...]:
    """Reads the argument names of `module:Class.__init__` from the source, base classes left out.

    Raises:
        UserError: There is no such module or class, or it has no constructor.
    """
    return method_arguments(target, "__init__")


@cache
def method_arguments(target: str, method: str) -> tuple[str, ...]:
    """Reads the argument names of a method of `module:Class` from the source, base classes left out."""
    module, name = target.split(":")
    path = _source(module)
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}: {error.msg}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and member.name == method:
                    arguments = [*member.args.args, *member.args.kwonlyargs]
                    return tuple(argument.arg for argument in arguments if argument.arg != "self")
    raise UserError(f"{target} has no {method} of its own")


def _source(module: str) -> Path:
    """Finds a module's file without running its packages' `__init__`."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0]).joinpath(*rest).with_suffix(".py") if places else Path(str(spec and spec.origin))
    if not path.is_file():
        raise UserError(
            f"module {module!r} is neither in {os.getcwd()} nor on Python's path (PYTHONPATH), nor installed"
        )
    return path
