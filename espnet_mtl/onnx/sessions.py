"""Graphs of ONNX in onnxruntime."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.capi import onnxruntime_pybind11_state as errors

from espnet_mtl.errors import UserError
from espnet_mtl.system.devices import available_cores
from espnet_mtl.system.forks import HomeProcess

DAMAGED = (
    errors.Fail,
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NotImplemented,
    errors.RuntimeException,
)
"""What onnxruntime raises for a file that is none, or a graph that cannot be run."""


AGAIN = "pack the model again (stage 8)"


class Graph:
    """A graph. Several threads may run it at a time.

    Args:
        path: Its file.
        outputs: What it must say.
        threads: Threads that one run uses; None: as many as there are cores.

    Attributes:
        sizes: Shape of each input by its name; a dimension that may have any length is a name.

    Raises:
        UserError: The file is missing, no graph, or another one.
    """

    def __init__(self, path: Path, outputs: Collection[str], threads: int | None = None):
        if not path.is_file():
            raise UserError(f"{path} is missing: {AGAIN}")
        options = SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.inter_op_num_threads = 1
        # Else the memory of the longest text is kept for good; without it, speaking takes as long
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4  # what goes wrong is raised, too
        self.path = path
        self.threads = threads or available_cores()
        self._process = HomeProcess()
        try:
            self._session = InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except DAMAGED as error:
            raise UserError(f"{path}: no graph that onnxruntime can run: {error}") from error
        self.sizes: dict[str, list[Any]] = {node.name: node.shape for node in self._session.get_inputs()}
        self._outputs = [node.name for node in self._session.get_outputs()]
        if lacking := set(outputs) - set(self._outputs):
            raise UserError(f"{path}: another graph, which says no {', '.join(sorted(lacking))}: {AGAIN}")

    def __reduce__(self) -> tuple[type[Graph], tuple[Path, list[str], int]]:
        # onnxruntime keeps a graph outside of Python: a copy, or another process, reads its file again
        return Graph, (self.path, self._outputs, self.threads)

    def __call__(self, **inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Runs it, on those of the inputs that it has, and returns its outputs by name.

        Raises:
            UserError: The process was forked off the one that loaded it, or the graph is not what it should be.
        """
        self._process.check_threads("onnxruntime", self.threads)
        given = {name: inputs[name] for name in self.sizes if name in inputs}
        try:
            return dict(zip(self._outputs, self._session.run(None, given), strict=True))
        except (*DAMAGED, ValueError) as error:  # ValueError: an input is missing
            raise UserError(f"{self.path}: the graph cannot be run: {error}") from error
