"""The faces themselves: a network of one's own learns what to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.visual.extractors.base import FaceExtractor
from espnet_mtl.visual.extractors.options import CropsOptions


class Crops(FaceExtractor):
    """Grey face crops from 0 to 1, the rows of each one after the other."""

    def __init__(self, options: CropsOptions):
        super().__init__(options)
        self.size = options.size
        self.shape = (options.size, options.size)

    def of_crops(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        return crops.reshape(len(crops), -1)
