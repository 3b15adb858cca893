"""Arrays of the user's own: face crops or embeddings in .npy and .npz files."""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.system.files import DAMAGE
from espnet_mtl.visual.files import check_file
from espnet_mtl.visual.unusable import UnusableVisual

MOST_BYTES = 2**26
"""Size of an array beyond which it is refused, before anything is allocated for it."""
LONGEST_HEADER = 10_000
"""Bytes, as many as NumPy takes: it reads longer ones before it refuses them."""
NAMES = ("crops", "embedding")
"""What the array of an .npz file may be called; beside it, `rate` is its number of frames a second."""
FEWEST_FRAMES_A_SECOND, MOST_FRAMES_A_SECOND = 0.01, 1000.0
MOST_FRAMES = 60 * 3600
"""That an array is brought to at another rate: an hour of 60 frames a second."""
NUMBERS = "iuf"
"""Kinds of NumPy's types that are numbers."""


@dataclass(frozen=True)
class Given:
    """An array that a file holds.

    Attributes:
        values: Grey face crops (T, H, W), crops of equal sides as rows of a matrix (T, H * H), an embedding (D,), or
            a sequence of embeddings (T, D).
        rate: Frames a second; None where the file does not say.
    """

    values: NDArray[np.generic]
    rate: float | None = None

    def at_rate(self, rate: float) -> NDArray[np.generic]:
        """Returns the frames that are seen at so many times a second; all of them where their own rate is unknown.

        Raises:
            UnusableVisual: They would be more than `MOST_FRAMES`, or larger than `MOST_BYTES`.
        """
        if self.rate is None or self.rate == rate:
            return self.values
        count = max(1, round(len(self.values) / self.rate * rate))
        if count > MOST_FRAMES:
            raise UnusableVisual(f"too long: {count} frames at {rate:g} a second, at most {MOST_FRAMES}")
        size = count * self.values[0].nbytes
        if size > MOST_BYTES:
            raise UnusableVisual(f"too large: {count} frames at {rate:g} a second, {size} bytes, at most {MOST_BYTES}")
        nearest = (np.arange(count) * self.rate / rate).astype(int)
        return self.values[np.minimum(nearest, len(self.values) - 1)]


def read_given(path: Path) -> Given:
    """Reads an .npy file, or an .npz file with one of the arrays `NAMES`. Pickled objects are refused.

    Raises:
        UnusableVisual: It is missing or damaged, an array is no array of numbers, larger than `MOST_BYTES`, empty or
            not finite, or the rate is not between `FEWEST_FRAMES_A_SECOND` and `MOST_FRAMES_A_SECOND`.
    """
    check_file(path)
    try:
        if path.suffix.lower() == ".npy":
            with path.open("rb") as file:
                return Given(_frames(file, path))
        with zipfile.ZipFile(path) as members:
            return _members(members, path)
    except DAMAGE as error:
        reason = " ".join(str(error).split())  # NumPy gives advice over several lines
        raise UnusableVisual(f"unreadable: {path}: {reason}") from error


def _members(members: zipfile.ZipFile, path: Path) -> Given:
    names = {Path(name).stem for name in members.namelist()}
    found = names & set(NAMES)
    if len(found) != 1:
        raise UnusableVisual(f"unreadable: {path}: expected one array called {' or '.join(NAMES)}")
    with members.open(f"{found.pop()}.npy") as file:
        values = _frames(file, path)
    if "rate" not in names:
        return Given(values)
    with members.open("rate.npy") as file:
        rate = _array(file, path)
    if rate.size != 1 or not FEWEST_FRAMES_A_SECOND <= float(rate.flat[0]) <= MOST_FRAMES_A_SECOND:
        bounds = f"{FEWEST_FRAMES_A_SECOND:g} to {MOST_FRAMES_A_SECOND:g}"
        raise UnusableVisual(f"unreadable: {path}: rate must be one number of frames a second, {bounds}")
    return Given(values, float(rate.flat[0]))


def _frames(file: IO[bytes], path: Path) -> NDArray[np.generic]:
    values = _array(file, path)
    check_frames(values, str(path))
    return values


def _array(file: IO[bytes], path: Path) -> NDArray[np.generic]:
    """Reads an array once its header is known to be right: NumPy itself allocates whatever a header claims."""
    version = np.lib.format.read_magic(file)
    _check_header(file, 2 if version == (1, 0) else 4, path)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if dtype.kind not in NUMBERS:
        raise UnusableVisual(f"unreadable: {path}: an array of {dtype}, not of numbers")
    size = math.prod(shape) * dtype.itemsize
    if size > MOST_BYTES:
        raise UnusableVisual(f"too large: {path}: an array {shape} of {size} bytes, at most {MOST_BYTES}")
    file.seek(0)
    values = np.lib.format.read_array(file, allow_pickle=False)
    check_numbers(values, str(path))
    return values


def _check_header(file: IO[bytes], digits: int, path: Path) -> None:
    """Raises UnusableVisual where the number of so many bytes that comes next says that the header is too long."""
    start = file.tell()
    length = int.from_bytes(file.read(digits), "little")
    file.seek(start)
    if length > LONGEST_HEADER:
        raise UnusableVisual(f"unreadable: {path}: a header of {length} bytes, at most {LONGEST_HEADER}")


def check_numbers(values: NDArray[np.generic], where: str) -> None:
    """Raises UnusableVisual for an array that is empty or not of finite numbers."""
    if values.dtype.kind not in NUMBERS:
        raise UnusableVisual(f"unreadable: {where}: an array of {values.dtype}, not of numbers")
    if not values.size:
        raise UnusableVisual(f"unreadable: {where}: an empty array {values.shape}")
    if not np.isfinite(values).all():
        raise UnusableVisual(f"not finite: {where}: NaN or infinity among the numbers")


def check_frames(values: NDArray[np.generic], where: str) -> None:
    """Raises UnusableVisual for what `check_numbers` refuses, and for a number alone."""
    check_numbers(values, where)
    if not values.ndim:
        raise UnusableVisual(
            f"wrong shape: {where}: one number, expected crops (T, H, W) or an embedding (D,) or (T, D)"
        )
