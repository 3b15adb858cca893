"""F0 of each frame, from what a model says of each token."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def frame_log_f0(output: Mapping[str, Tensor]) -> Tensor | None:
    """Interpolates log F0 linearly between the centres of tokens.

    Args:
        output: Of a model: `duration` in frames and `pitch_denorm`, log F0 in Hz, both of N + 1 tokens.

    Returns:
        Log F0 in Hz of each frame (T,); None where the model says nothing of pitch.
    """
    if "pitch_denorm" not in output:
        return None
    durations = output["duration"].flatten().cpu().numpy()
    values = output["pitch_denorm"].flatten().float().cpu().numpy()
    spoken = durations > 0
    if not spoken.any():
        return None
    ends = durations.cumsum()
    centres = ends - durations / 2
    frames = np.arange(ends[-1]) + 0.5
    log_f0 = np.interp(frames, centres[spoken], values[spoken])
    return torch.from_numpy(log_f0).float()
