"""The choice between PyTorch and onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from espnet_mtl.errors import UserError
from espnet_mtl.inference.base import BaseText2Speech

ENGINES = {"torch": "train", "onnx": "onnx"}
"""What runs a network, and the extra that installs it."""
PACKAGES = {"torch": "torch", "onnx": "onnxruntime"}


def load_model(files: Mapping[str, str], engine: str | None = None, **options: Any) -> BaseText2Speech:
    """Loads a model.

    Args:
        files: Its files, as `espnet_mtl.zoo.archive.resolve` finds them.
        engine: "torch" or "onnx"; None: PyTorch where it is installed, else onnxruntime.
        options: Arguments that the constructors of both have, such as `max_tokens`.

    Raises:
        UserError: The engine is not installed, or the model cannot be loaded.
    """
    engine = engine or ("torch" if _is_installed("torch") else "onnx")
    if not _is_installed(engine):
        package, extra = PACKAGES[engine], ENGINES[engine]
        raise UserError(f"{package} is not installed: pip install 'espnet_mtl[{extra}]'")
    if engine == "onnx":
        from espnet_mtl.onnx.text2speech import Text2Speech as OnnxText2Speech

        return OnnxText2Speech(files["train_config"], **options)
    from espnet_mtl.inference.text2speech import Text2Speech

    arguments: dict[str, Any] = {**files, **options}
    return Text2Speech(**arguments)


def _is_installed(engine: str) -> bool:
    return find_spec(PACKAGES[engine]) is not None
