"""What can be plugged in: registries of classes by name, which are read without importing what they name.

A new head, weighting, backbone, vocoder, corpus or visual extractor is one new file and one line here.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any, NamedTuple

from espnet_mtl.errors import UserError, one_of, users_code


class Entry(NamedTuple):
    """What a name stands for.

    Attributes:
        target: `module:Class`.
        options: `module:Class` of its options, where they can be read without importing `target` (and PyTorch);
            "": the class itself says (`options_class`).
        spec: `module:NAME` of what is known of it without importing `target`; "": nothing.
    """

    target: str
    options: str = ""
    spec: str = ""


class Registry(Mapping[str, Entry]):
    """Entries by name. A class is imported when it is first built: listing and checking names costs nothing.

    Args:
        kind: What the entries are, for errors.
        entries: The entries by name.
        custom: Base class, as `module:Class`, of the user's own classes: a `module:Class` from the current directory
            or Python's path is an entry, too. "": there are none.
    """

    def __init__(self, kind: str, entries: Mapping[str, Entry], custom: str = ""):
        self.kind, self.custom = kind, custom
        self.entries = dict(entries)

    def __getitem__(self, name: str) -> Entry:
        if self.is_custom(name):
            return Entry(name)
        if name not in self:
            raise one_of(self.kind, name, [*self.entries, *(["module:Class"] if self.custom else [])])
        return self.entries[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self.entries or self.is_custom(name))

    def is_custom(self, name: object) -> bool:
        """Tells whether this is a `module:Class` of the user's own."""
        return bool(self.custom) and isinstance(name, str) and re.fullmatch(r"\w+(\.\w+)*:\w+", name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def load(self, name: str) -> Any:
        """Imports and returns the class called `name`.

        Raises:
            UserError: A class of the user's own is not where its name says, or is something else.
        """
        target = self[name].target
        if not self.is_custom(name):
            return _load(target)
        found = _load_custom(target)
        if not (isinstance(found, type) and issubclass(found, _load(self.custom))):
            raise UserError(f"{target} is no {self.kind}: it must be a subclass of {self.custom.replace(':', '.')}")
        missing = getattr(found, "__abstractmethods__", ())
        if missing:
            raise UserError(f"{target} is no whole {self.kind}: it must define {' and '.join(sorted(missing))}")
        return found

    def options(self, name: str) -> Any:
        """Returns the options class of an entry, which names its options, their types and defaults."""
        options = self[name].options
        if options:
            return _load(options)
        cls = self.load(name)
        with self.running(name, name):
            return cls.options_class()

    def running(self, name: str, where: str) -> AbstractContextManager[None]:
        """Makes whatever a class of the user's own raises a `UserError`; an error in one of ours stays what it is.

        Args:
            name: The entry whose code runs.
            where: What runs it, such as `tasks.loud`.
        """
        return users_code(where) if self.is_custom(name) else nullcontext()

    def spec(self, name: str) -> Any:
        """Returns what is known of an entry without importing its class."""
        return _load(self[name].spec)


def _load(target: str) -> Any:
    module, attribute = target.split(":")
    return getattr(importlib.import_module(module), attribute)


def _load_custom(target: str) -> Any:
    """Imports a class of the user's own, from a module or a package, in the current directory or on Python's path."""
    module, attribute = target.split(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    with users_code(target):
        found = _import_custom(target, module)
    if not hasattr(found, attribute):
        raise UserError(f"{target}: {getattr(found, '__file__', None) or module} defines no {attribute}")
    return getattr(found, attribute)


def _import_custom(target: str, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except SyntaxError as error:
        if error.filename is None:  # a null byte
            raise UserError(f"{_file_of(module)}: {error.msg}") from error
        raise UserError(f"{error.filename}:{error.lineno}: {error.msg}") from error
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise UserError(f"{target}: it imports {error.name!r}, which is not installed") from error
        raise UserError(
            f"{target}: module {error.name!r} is neither in {os.getcwd()} nor on Python's path (PYTHONPATH), "
            "nor installed"
        ) from error


def _file_of(module: str) -> str:
    spec = importlib.util.find_spec(module)
    return (spec and spec.origin) or module


def _head(name: str, target: str) -> Entry:
    return Entry(f"espnet_mtl.model.heads.{name}:{target}", f"espnet_mtl.model.heads.options:{target}Options")


HEADS = Registry(
    "head",
    {
        "classifier": _head("classifier", "Classifier"),
        "discriminator": _head("discriminator", "Discriminator"),
        "independence": _head("independence", "Independence"),
        "matching": _head("matching", "Matching"),
        "regressor": _head("regressor", "Regressor"),
    },
    custom="espnet_mtl.model.heads.base:Head",
)
"""Heads by the name that `tasks.<task>.head` takes; `module:Class` is one of the user's own."""


def _weighting(module: str, target: str, options: str = "") -> Entry:
    package = "espnet_mtl.model.weighting"
    return Entry(f"{package}.{module}:{target}", f"{package}.options:{options or 'NoOptions'}")


WEIGHTINGS = Registry(
    "weighting",
    {
        "fixed": _weighting("fixed", "Fixed"),
        "uw": _weighting("loss_based", "UW"),
        "dwa": _weighting("loss_based", "DWA", "DWAOptions"),
        "rlw": _weighting("loss_based", "RLW"),
        "famo": _weighting("loss_based", "FAMO", "FAMOOptions"),
        "imtl_l": _weighting("loss_based", "IMTLL"),
        "stch": _weighting("loss_based", "STCH", "STCHOptions"),
        "gradnorm": _weighting("gradnorm", "GradNorm", "GradNormOptions"),
        "pcgrad": _weighting("gradient_based", "PCGrad"),
        "upgrad": _weighting("gradient_based", "UPGrad"),
        "aligned_mtl": _weighting("gradient_based", "AlignedMTL", "AlignedMTLOptions"),
        "cagrad": _weighting("gradient_based", "CAGrad", "CAGradOptions"),
        "imtl_g": _weighting("gradient_based", "IMTLG"),
        "mgda": _weighting("gradient_based", "MGDA"),
    },
)
"""Weightings by the name that `weighting:` takes."""


def _backbone(name: str, target: str) -> Entry:
    return Entry(f"espnet_mtl.model.backbones.{name}:{target}", spec=f"espnet_mtl.model.backbones.specs:{name.upper()}")


BACKBONES = Registry(
    "tts",
    {
        "fastspeech2": _backbone("fastspeech2", "MTLFastSpeech2"),
        "jets": _backbone("jets", "MTLJETS"),
        "tacotron2": _backbone("tacotron2", "MTLTacotron2"),
    },
)
"""Backbones by the name that `tts:` takes."""


def _corpus(name: str, target: str) -> Entry:
    return Entry(f"espnet_mtl.corpora.{name}:{target}")


CORPORA = Registry(
    "corpus",
    {
        "crema_d": _corpus("audiovisual.crema_d", "CremaD"),
        "csv": _corpus("csv", "Csv"),
        "demo": _corpus("demo", "Demo"),
        "emodb": _corpus("emodb", "EmoDB"),
        "esd": _corpus("esd", "ESD"),
        "iemocap": _corpus("audiovisual.iemocap", "Iemocap"),
        "jl": _corpus("jl", "JL"),
        "ljspeech": _corpus("ljspeech", "LJSpeech"),
        "meld": _corpus("audiovisual.meld", "Meld"),
        "nemo": _corpus("nemo", "Nemo"),
        "ravdess": _corpus("audiovisual.ravdess", "Ravdess"),
    },
)
"""Corpora by the name that `--corpus` takes."""

VOCODERS = Registry(
    "vocoder",
    {
        "griffin_lim": Entry("espnet_mtl.vocoder.griffin_lim:GriffinLim"),
        "parallel_wavegan": Entry("espnet_mtl.vocoder.parallel_wavegan:ParallelWaveGAN"),
        "source_filter": Entry("espnet_mtl.vocoder.source_filter.vocoder:SourceFilter"),
    },
)
"""Vocoders by name (`espnet_mtl.vocoder.build`)."""


def _visual(module: str, target: str, options: str) -> Entry:
    package = "espnet_mtl.visual.extractors"
    return Entry(f"{package}.{module}:{target}", f"{package}.options:{options}")


VISUAL_EXTRACTORS = Registry(
    "visual_extract",
    {
        "crops": _visual("crops", "Crops", "CropsOptions"),
        "embedding": _visual("embedding", "Embedding", "EmbeddingOptions"),
        "expression": _visual("expression", "ExpressionFeatures", "ExpressionOptions"),
    },
)
"""What is made of faces, by the name that `visual_extract:` takes."""

SECTIONS = Registry(
    "section",
    {
        "audio_conf": Entry("espnet_mtl.data.options:AudioConf"),
        "aligner_conf": Entry("espnet_mtl.data.options:AlignerConf"),
        "style_conf": Entry("espnet_mtl.model.style.options:StyleOptions"),
        "vocoder": Entry("espnet_mtl.vocoder.options:VocoderOptions"),
    },
)
"""Sections of a training configuration that this project adds, and the options class of each."""
