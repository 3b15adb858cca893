"""Importing ESPnet's training code without what it needs only in other recipes.

`import espnet_mtl.inference` takes 6.8 s without this module's help and 1.7 s with it, of which PyTorch takes 1.4.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import inspect
import io
import sys
from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

import torch
import typeguard

from espnet_mtl.system.pyworld_import import without_remark

DEFERRED_MODULES = {
    "g2p_en": "10 s (inflect), and it asks the network for nltk's data",
    "tacotron_cleaner": "imports g2p_en",
    "tacotron_cleaner.cleaners": "imports g2p_en",
    "scipy.signal": "0.8 s",
}
"""Modules that ESPnet imports at once where they are installed, and what that costs. They are loaded when one of their
names is used."""

DEFERRED_CLASSES = {
    "espnet2.gan_tts.jets": "JETS",
    "espnet2.gan_tts.jets.alignments": "AlignmentModule",
    "espnet2.gan_tts.joint": "JointText2Wav",
    "espnet2.gan_tts.vits": "VITS",
    "scipy.interpolate": "interp1d",
}
"""What ESPnet's TTS task names: networks of other recipes (1.1 s: scipy.stats, numba) and a part of the pitch tracker
(0.3 s). They are loaded when they are built or called."""

REMARK = "Failed to import Flash Attention"
"""What ESPnet says on standard error where the package flash_attn is missing, which this project does not use."""


def import_quietly(name: str) -> ModuleType:
    """Imports a module of ESPnet, without `DEFERRED_MODULES` and without what it prints, and returns it.

    Two decorators that ESPnet puts on many functions do their work when such a function is called: typeguard parses the
    whole module for each function (2 s), and `torch.compiler.disable` imports the compiler (1.3 s).
    """
    checked = _later(typeguard.typechecked)
    not_compiled = _later(torch.compiler.disable, lambda: "torch._dynamo" in sys.modules)
    with (
        _stand_ins({name: _Deferred(name) for name in DEFERRED_MODULES if _is_installed(name)}),
        _replaced(typeguard, "typechecked", checked),
        _replaced(torch.compiler, "disable", not_compiled),
        _silence(),
        without_remark(),  # ESPnet imports pyworld
    ):
        return importlib.import_module(name)


def import_tts_task() -> ModuleType:
    """Imports `espnet2.tasks.tts`, without `DEFERRED_CLASSES`, and returns it."""
    base = import_quietly("espnet2.tts.abs_tts").AbsTTS
    modules = {}
    for name, class_name in DEFERRED_CLASSES.items():
        modules[name] = ModuleType(name)
        setattr(modules[name], class_name, _DeferredClass(class_name, (base,), {"__module__": name}))
    with _stand_ins(modules):
        return import_quietly("espnet2.tasks.tts")


class _Deferred(ModuleType):
    """Stands in for a module until one of its names is used.

    `importlib.util.LazyLoader` does not do: it loads on any attribute, and `inspect` asks every module for its file.
    """

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


class _DeferredClass(ABCMeta):
    """A class that stands in for the one of its name in its module, until it is built."""

    def real(cls) -> Any:
        return getattr(import_quietly(cls.__module__), cls.__name__)

    def __call__(cls, *args, **kwargs):
        return cls.real()(*args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        return cls.__module__ in sys.modules and isinstance(instance, cls.real())

    @property
    def __signature__(cls) -> inspect.Signature:
        return inspect.signature(cls.real())


def _later(decorator: Callable[..., Any], due: Callable[[], bool] = lambda: True) -> Callable[..., Any]:
    """Makes a decorator of functions that applies `decorator` at the first call for which it is `due`."""

    def decorate(function: Any = None, **options) -> Any:
        if options or not isinstance(function, FunctionType):
            return decorator(function, **options)
        decorated = None

        @functools.wraps(function)
        def call(*args, **kwargs):
            nonlocal decorated
            if decorated is None:
                if not due():
                    return function(*args, **kwargs)
                decorated = decorator(function)
            return decorated(*args, **kwargs)

        return call

    return decorate


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module.partition(".")[0]) is not None


@contextlib.contextmanager
def _stand_ins(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """Has those of some modules that are not loaded yet stood in for by others."""
    added = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(added)
    for name in added:
        package, _, child = name.rpartition(".")
        if package in added:
            setattr(added[package], child, added[name])
    try:
        yield
    finally:
        for name, module in added.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


@contextlib.contextmanager
def _replaced(module: ModuleType, name: str, value: object) -> Iterator[None]:
    original = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, original)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Drops what is printed to standard output, and `REMARK`."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            yield
    finally:
        sys.stderr.writelines(line for line in said.getvalue().splitlines(True) if not line.startswith(REMARK))
