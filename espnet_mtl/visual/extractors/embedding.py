"""Embeddings of the user's own, made by whatever other software."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.visual.arrays import Given
from espnet_mtl.visual.extractors.base import VisualExtractor
from espnet_mtl.visual.extractors.options import EmbeddingOptions
from espnet_mtl.visual.sources import Source
from espnet_mtl.visual.unusable import UnusableVisual

LARGEST = np.finfo(np.float32).max


class Embedding(VisualExtractor):
    """Takes vectors (D,) and sequences (T, D) as they are; a vector becomes (1, D)."""

    shape = None

    def __init__(self, options: EmbeddingOptions):
        self.rate = options.rate

    def __call__(self, source: Source) -> NDArray[np.float32]:
        if not isinstance(source, Given):
            raise UnusableVisual(f"no embedding: {source}: expected an array; visual_extract: expression makes some")
        values = np.atleast_2d(source.values)
        if values.ndim != 2:
            raise UnusableVisual(f"wrong shape: {values.shape}, expected an embedding (D,) or a sequence (T, D)")
        if np.abs(values).max() > LARGEST:
            raise UnusableVisual(f"not finite: {np.abs(values).max():g} is beyond single precision")
        timed = Given(values, source.rate)
        self.check_length(timed, "embeddings")
        return (timed.at_rate(self.rate) if self.rate else timed.values).astype(np.float32)
