"""What the source-filter vocoder is in PyTorch and in NumPy alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOWEST_F0 = 30.0
"""In Hz; below, a phase would hardly move."""
SHARPNESS = 2.0
"""Of the bursts of breath: 0 is even noise."""
MOST_CORRECTION = 1.0
"""Of a mel, to the base of 10: 20 dB."""
LEAST_MEL = 1e-10
"""Below this, ESPnet's mels are cut off."""


def white_noise(samples: int) -> NDArray[np.float32]:
    """Draws white noise of unit power (samples,) from one seed: with PyTorch and without, the same speech is said."""
    return np.random.default_rng(0).standard_normal(samples, dtype=np.float32)
