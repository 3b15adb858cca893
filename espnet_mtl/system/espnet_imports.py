"""Importing ESPnet's training code without what it needs only in other recipes."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from types import ModuleType


class _Deferred(ModuleType):
    """Stands in for a module until one of its names is used.

    `importlib.util.LazyLoader` does not do: it loads on any attribute, and `inspect` asks every module for its file.
    """

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        for deferred in DEFERRED:
            if isinstance(sys.modules.get(deferred), _Deferred):
                del sys.modules[deferred]
        return getattr(importlib.import_module(self.__name__), name)


DEFERRED = ("g2p_en", "tacotron_cleaner", "tacotron_cleaner.cleaners")
"""Text front ends that ESPnet imports at once; together they cost about 10 s (inflect) and ask the network for nltk's
data. They are loaded when a configuration makes use of them."""


def import_quietly(name: str) -> ModuleType:
    """Imports a module of ESPnet, without `DEFERRED` and without what it prints, and returns it."""
    for deferred in DEFERRED:
        sys.modules.setdefault(deferred, _Deferred(deferred))
    with contextlib.redirect_stdout(io.StringIO()):
        return importlib.import_module(name)


def import_tts_task() -> ModuleType:
    """Imports `espnet2.tasks.tts` (which has a note on flash attention) and returns it."""
    return import_quietly("espnet2.tasks.tts")
