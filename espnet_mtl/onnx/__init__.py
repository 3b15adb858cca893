"""Synthesis without PyTorch: `from espnet_mtl.onnx import Text2Speech`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espnet_mtl.onnx.text2speech import Text2Speech as Text2Speech


def __getattr__(name: str):
    # To export a model, onnxruntime is not needed
    if name != "Text2Speech":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from espnet_mtl.onnx.text2speech import Text2Speech

    return Text2Speech
