"""Importing ESPnet's training code without what it needs only in other recipes.

On 2 idle cores, `from espnet_mtl.inference import Text2Speech` takes 6.6 s without this module's help and 2.2 s with
it, of which PyTorch takes 1.7.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import inspect
import sys
import threading
from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import FunctionType, ModuleType
from typing import Any

import torch
import typeguard

from espnet_mtl.system.caches import prepare_numba
from espnet_mtl.system.imports.pyworld import IMPORTING, without_remark

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

TALKATIVE = "espnet2.legacy.nets.pytorch_backend.transformer.attention"
REMARK = "Failed to import Flash Attention"
"""The module of ESPnet that prints something when it is imported, and what it says on standard error where the package
flash_attn is missing, which this project does not use."""


def import_quietly(name: str) -> ModuleType:
    """Imports a module of ESPnet, without `DEFERRED_MODULES` and without `REMARK`, and returns it.

    Two decorators that ESPnet puts on many functions do their work when such a function is called: typeguard parses the
    whole module for each function (2 s), and `torch.compiler.disable` imports the compiler (1.3 s). Another thread that
    imports something meanwhile gets them like this, too, which changes nothing but when their work is done.
    """
    if _is_loaded(name):
        return importlib.import_module(name)
    prepare_numba()
    checked = _later(typeguard.typechecked)
    not_compiled = _later(torch.compiler.disable, lambda: "torch._dynamo" in sys.modules)
    with (
        IMPORTING,
        _stand_ins({name: {} for name in DEFERRED_MODULES}),
        replaced(typeguard, "typechecked", checked),
        replaced(torch.compiler, "disable", not_compiled),
        without_remark(),  # ESPnet imports pyworld
    ):
        return importlib.import_module(name)


def import_tts_task() -> ModuleType:
    """Imports `espnet2.tasks.tts`, without `DEFERRED_CLASSES`, and returns it."""
    name = "espnet2.tasks.tts"
    if _is_loaded(name):
        return importlib.import_module(name)
    with IMPORTING:
        base = import_quietly("espnet2.tts.abs_tts").AbsTTS
        classes = {}
        for module, class_name in DEFERRED_CLASSES.items():
            classes[module] = {class_name: _DeferredClass(class_name, (base,), {"__module__": module})}
        with _stand_ins(classes):
            return import_quietly(name)


def _is_loaded(name: str) -> bool:
    return name in sys.modules and not isinstance(sys.modules[name], _Deferred)


class _Deferred(ModuleType):
    """Stands in for a module until one of its names is used.

    `importlib.util.LazyLoader` does not do: it loads on any attribute, and `inspect` asks every module for its file.

    Args:
        spec: Where the module is.
        classes: Stand-ins for its classes by name. Only the thread that is importing ESPnet gets them; any other one
            that imports the module meanwhile gets the real ones.
    """

    def __init__(self, spec: ModuleSpec, classes: Mapping[str, _DeferredClass]):
        super().__init__(spec.name)
        self.__spec__ = spec
        self._path = spec.submodule_search_locations
        self._classes = classes
        self._thread = threading.get_ident()

    def __getattr__(self, name: str):
        mine = threading.get_ident() == self._thread
        if mine and name in self._classes:
            return self._classes[name]
        if mine and name == "__path__" and self._path is not None:
            return self._path
        if name.startswith("__") and (name != "__path__" or self._path is None):
            raise AttributeError(name)
        self.step_aside()
        return getattr(importlib.import_module(self.__name__), name)

    def step_aside(self) -> None:
        """Leaves its place to the real module."""
        package, _, child = self.__name__.rpartition(".")
        with _PLACES:
            names_of_package = vars(sys.modules.get(package, self))
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
            if names_of_package.get(child) is self:
                del names_of_package[child]


_PLACES = threading.Lock()
"""Held for a look at `sys.modules` and the change that follows, never for an import."""


class _DeferredClass(ABCMeta):
    """A class that stands in for the one of its name in its module, until it is built."""

    @functools.cache  # noqa: B019 (there are as many as `DEFERRED_CLASSES`)
    def real(cls) -> Any:
        """Imports the real class, once."""
        stand_in = sys.modules.get(cls.__module__)
        if isinstance(stand_in, _Deferred):
            stand_in.step_aside()
        return getattr(import_quietly(cls.__module__), cls.__name__)

    def __call__(cls, *args, **kwargs):
        return cls.real()(*args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        return _is_loaded(cls.__module__) and isinstance(instance, cls.real())

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
def _stand_ins(modules: Mapping[str, Mapping[str, _DeferredClass]]) -> Iterator[None]:
    """Has those of some modules that are not loaded yet stood in for; a package comes before what is in it."""
    added = []
    try:
        for name, classes in modules.items():
            if name not in sys.modules and _is_installed(name):
                added.append(_stand_in(name, classes))
        yield
    finally:
        for module in added:
            module.step_aside()


def _stand_in(name: str, classes: Mapping[str, _DeferredClass]) -> _Deferred:
    """Puts a stand-in in a module's place, unless another thread has just put the module there."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    module = _Deferred(spec, classes)
    package, _, child = name.rpartition(".")
    with _PLACES:
        if sys.modules.setdefault(name, module) is module and package in sys.modules:
            setattr(sys.modules[package], child, module)
    return module


@contextlib.contextmanager
def replaced(module: ModuleType, name: str, value: object) -> Iterator[None]:
    """Gives a name of a module another value, as long as the block runs."""
    original = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, original)


class _Quiet(MetaPathFinder):
    """Finds `TALKATIVE` in a form that does not say `REMARK`: standard error belongs to the whole process."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != TALKATIVE:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _QuietLoader(spec.loader.name, spec.loader.path)
        return spec


class _QuietLoader(SourceFileLoader):
    """Loads a module whose `print` drops `REMARK`."""

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["print"] = _print_all_but_remark
        super().exec_module(module)
        del vars(module)["print"]


def _print_all_but_remark(*words: object, **options: Any) -> None:
    if not str(words[0] if words else "").startswith(REMARK):
        print(*words, **options)


if not any(type(finder).__name__ == _Quiet.__name__ for finder in sys.meta_path):
    sys.meta_path.insert(0, _Quiet())
