"""An exported model, as requests are read for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from espnet_mtl.inference.request.network import Floats, Ids, Network
from espnet_mtl.onnx.files import REFERENCE, TEXT_EMOTION, VISUAL
from espnet_mtl.onnx.sessions import Graph
from espnet_mtl.onnx.signal import Features

WEIGHTS = ("weights",)
FACE_OUTPUTS = ("weights", "trust")


class OnnxNetwork(Network):
    """What an exported model can do.

    Args:
        folder: Where its graphs are.
        encoder: The one that reads text.
        features: Makes spectrograms of recordings.
        end: Id of the token that ends a text.
        threads: Threads of one run.
    """

    def __init__(self, folder: Path, encoder: Graph, features: Features, end: int, threads: int | None):
        sizes = encoder.sizes
        self.has_styles = "weights" in sizes
        self.has_speakers, self.has_languages = "speakers" in sizes, "languages" in sizes
        self.spk_embed_dim = int(sizes["spembs"][1]) if "spembs" in sizes else None
        self.features, self.end = features, end
        text, recording, face = folder / TEXT_EMOTION, folder / REFERENCE, folder / VISUAL
        self._text = Graph(text, WEIGHTS, threads) if text.is_file() else None
        self._recording = Graph(recording, WEIGHTS, threads) if recording.is_file() else None
        self._face = Graph(face, FACE_OUTPUTS, threads) if face.is_file() else None
        self.tells_emotion, self.has_reference = self._text is not None, self._recording is not None
        self.has_visual = self._face is not None

    def ended(self, ids: Ids) -> Ids:
        """Returns token ids (T_text,) as graphs take them, with the end: (1, T_text + 1)."""
        return np.append(ids, self.end)[None]

    def emotion_of_text(self, ids: Ids) -> Floats:
        """Returns style weights (K,) as token ids (T_text,) suggest them."""
        assert self._text is not None
        weights: Floats = self._text(tokens=self.ended(ids))["weights"][0]
        return weights

    def emotion_of_recording(self, samples: Floats) -> Floats:
        """Returns style weights (K,) of a recording (T_wav,)."""
        assert self._recording is not None
        weights: Floats = self._recording(logmel=self.features(samples)[None])["weights"][0]
        return weights

    def emotion_of_face(self, frames: Floats) -> Floats:
        """Returns style weights (K,) of frames of a face (T_v, D)."""
        assert self._face is not None
        weights: Floats = self._face(frames=frames[None])["weights"][0]
        return weights

    def trust(self) -> tuple[float, float]:
        """Returns how far recording and face are trusted, which the graph of faces says: the same of every face."""
        assert self._face is not None
        size = int(self._face.sizes["frames"][2])
        recording, face = self._face(frames=np.zeros((1, 1, size), dtype=np.float32))["trust"].tolist()
        return recording, face
