"""The choice between PyTorch and onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from espnet_mtl.errors import UserError
from espnet_mtl.inference.base import BaseText2Speech
from espnet_mtl.system.devices import available_cores
from espnet_mtl.system.imports.extras import check_installed, is_installed

PACKAGES = {"torch": "torch", "onnx": "onnxruntime"}
"""What runs a network."""


def load_model(
    files: Mapping[str, str], engine: str | None = None, device: str = "cpu", workers: int = 1, **options: Any
) -> BaseText2Speech:
    """Loads a model.

    Args:
        files: Its files, as `espnet_mtl.zoo.archive.resolve` finds them.
        engine: "torch" or "onnx"; None: PyTorch where it is installed, else onnxruntime.
        device: Where PyTorch computes; graphs run on the CPU.
        workers: Threads that will speak at a time: each computes with its share of the cores.
        options: Arguments that the constructors of both have, such as `max_tokens`.

    Raises:
        UserError: The engine is not installed or has no such device, or the model cannot be loaded.
    """
    engine = engine or ("torch" if is_installed("torch") else "onnx")
    check_installed(PACKAGES[engine])
    if engine == "onnx" and device != "cpu":
        raise UserError(f"device {device!r}: graphs of ONNX run on the CPU")
    if engine == "onnx":
        from espnet_mtl.onnx.text2speech import Text2Speech as OnnxText2Speech

        threads = max(1, available_cores() // workers)
        return OnnxText2Speech(files["train_config"], threads=threads, **options)
    import torch

    from espnet_mtl.inference.text2speech import Text2Speech

    torch.set_num_threads(max(1, torch.get_num_threads() // workers))

    arguments: dict[str, Any] = {**files, "device": device, **options}
    return Text2Speech(**arguments)
