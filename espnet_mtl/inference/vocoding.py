"""From what a model predicts to a waveform."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from espnet_mtl.config.schema import VOCODER_WEIGHTS
from espnet_mtl.inference.options import refuse_vocoder
from espnet_mtl.inference.request.inputs import check_finite
from espnet_mtl.registry import BACKBONES
from espnet_mtl.vocoder.base import Vocoder
from espnet_mtl.vocoder.build import build_vocoder
from espnet_mtl.vocoder.choice import vocoder_arguments


def vocoder_of(model: torch.nn.Module, args: Namespace, options: Mapping[str, Any], device: str) -> Vocoder | None:
    """Builds the vocoder that a model speaks with; None where it makes waveforms itself.

    Args:
        model: The model, with ESPnet's `feats_extract`.
        args: Its config.yaml, which names the vocoder that was trained with it.
        options: What the user says of the vocoder (`espnet_mtl.vocoder.choice.vocoder_arguments`).
        device: Where it runs.

    Raises:
        UserError: A file or a setting cannot be used.
    """
    if BACKBONES.spec(args.tts).end_to_end:
        refuse_vocoder(args.tts, options)
        return None
    chosen = vocoder_arguments(options, getattr(args, VOCODER_WEIGHTS, None))
    return build_vocoder(model, **chosen, device=device)


def waveform(vocoder: Vocoder, output: Mapping[str, Tensor]) -> Tensor:
    """Makes a waveform (T_wav,) of what a model predicts.

    Raises:
        UserError: It is not finite.
    """
    wave = vocoder(output.get("feat_gen_denorm", output["feat_gen"]), frame_log_f0(output))
    check_finite("waveform", wave)
    return wave


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
