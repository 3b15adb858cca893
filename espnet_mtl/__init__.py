"""Multi-task text-to-speech for ESPnet."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from espnet_mtl.system.imports.moved import install

if TYPE_CHECKING:
    from espnet_mtl.inference.conversation import Conversation as Conversation
    from espnet_mtl.inference.request.controls import Controls as Controls
    from espnet_mtl.inference.text2speech import Text2Speech as Text2Speech
    from espnet_mtl.model.heads.base import Head as Head

__version__ = "0.1.0"

_LAZY = {
    "Controls": "espnet_mtl.inference.request.controls",
    "Conversation": "espnet_mtl.inference.conversation",
    "Head": "espnet_mtl.model.heads.base",
    "Text2Speech": "espnet_mtl.inference.text2speech",
}
"""What users import from here, and where it lives: PyTorch is loaded only when one of them is asked for."""


def __getattr__(name: str):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


install()
