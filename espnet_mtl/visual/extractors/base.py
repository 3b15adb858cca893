"""What an extractor is to the rest of the code."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.visual.arrays import Given
from espnet_mtl.visual.extractors.options import FaceOptions
from espnet_mtl.visual.faces import BRIGHTEST, resized, speakers_faces
from espnet_mtl.visual.sources import Source, read_frames
from espnet_mtl.visual.unusable import UnusableVisual
from espnet_mtl.visual.videos import Limits


@dataclass(frozen=True)
class Weights:
    """Weights of a network, which come with this package.

    Attributes:
        network: What they are of.
        source: Where they are from.
        licence: What they may be used under.
        file: Their name in this folder.
    """

    network: str
    source: str
    licence: str
    file: str

    @cached_property
    def content(self) -> bytes:
        """What is in the file."""
        return (files(__package__) / self.file).read_bytes()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of that: other weights make other vectors of the same face."""
        return hashlib.sha256(self.content).hexdigest()


class VisualExtractor(ABC):
    """Makes a sequence of vectors of what is seen in one utterance.

    Attributes:
        finds_faces: Whether it looks for faces in pictures and videos, which takes OpenCV.
        weights: Those of its network; None where it has none.
        rate: Vectors a second of what it makes; None where that is not known.
        shape: Shape of one of them before it is flattened: (H, W) or (D,); None where only the data say.
        limits: How much it looks at.
    """

    finds_faces: ClassVar[bool] = False
    weights: ClassVar[Weights | None] = None
    rate: float | None
    shape: tuple[int, ...] | None
    limits: Limits = Limits.of(math.inf)

    @abstractmethod
    def __call__(self, source: Source) -> NDArray[np.float32]:
        """Returns vectors (T_v, D), flattened where their shape is (H, W).

        Raises:
            UnusableVisual: Why there are none.
            UserError: OpenCV, Pillow or PyAV is missing.
        """

    def within(self, seconds: float) -> Self:
        """Returns one for a request: it also refuses what is longer than this, and videos that are long to decode."""
        # What it has besides, such as a network, is shared
        limited = copy(self)
        limited.limits = self.limits.within(seconds)
        return limited

    def check_length(self, given: Given, what: str) -> None:
        """Raises UnusableVisual where an array is longer than the limits; not where its rate is not known."""
        rate = given.rate or self.rate
        seconds = len(given.values) / rate if rate else 0.0
        if seconds > self.limits.seconds:
            most = f"{self.limits.seconds:.0f} s (max_seconds)"
            raise UnusableVisual(f"too long: {seconds:.0f} s of {what}, at most {most}")


class FaceExtractor(VisualExtractor):
    """Makes vectors of grey face crops, which it finds in pictures and videos, or is given."""

    finds_faces = True
    size: int
    """Side in pixels of the crops that it works on."""

    def __init__(self, options: FaceOptions):
        self.rate: float = options.rate
        self.limits = Limits.of(options.max_seconds)

    def __call__(self, source: Source) -> NDArray[np.float32]:
        if isinstance(source, Given):
            return self.of_crops(self._given_crops(source))
        frames = read_frames(source, self.rate, self.limits)
        return self.of_crops(speakers_faces(frames, source, self.size))

    @abstractmethod
    def of_crops(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        """Makes vectors (T_v, D) of crops (T_v, size, size) from 0 to 1."""

    def _given_crops(self, given: Given) -> NDArray[np.float32]:
        self.check_length(given, "crops")
        crops = scaled_crops(Given(squares(given.values), given.rate).at_rate(self.rate))
        return np.stack([resized(crop, self.size) for crop in crops])


def squares(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Returns crops (T, H, W); of a matrix (T, H * H), as Kaldi archives have it, each row is a square crop.

    Raises:
        UnusableVisual: They are none.
    """
    side = round(values.shape[-1] ** 0.5)
    if values.ndim == 2 and side**2 == values.shape[1] and side > 1:
        return values.reshape(len(values), side, side)
    if values.ndim != 3:
        raise UnusableVisual(f"wrong shape: {values.shape}, expected face crops (frames, height, width)")
    return values


def scaled_crops(crops: NDArray[np.generic]) -> NDArray[np.float32]:
    """Brings greys to 0 to 1: whole numbers go from 0 to 255, others from 0 to 1.

    Raises:
        UnusableVisual: Some are beyond.
    """
    highest = 1 if crops.dtype.kind == "f" else BRIGHTEST
    numbers = crops.astype(np.float32)
    if numbers.min() < 0 or numbers.max() > highest:
        raise UnusableVisual(f"wrong greys: {numbers.min():g} to {numbers.max():g}, expected 0 to {highest}")
    return numbers / np.float32(highest)
