"""From what a model predicts to a waveform."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from espnet_mtl.config.schema import VOCODER_WEIGHTS
from espnet_mtl.inference.contours import frame_log_f0
from espnet_mtl.inference.pytorch.options import refuse_vocoder
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
    """Makes a waveform (T_wav,) of what a model predicts."""
    return vocoder(output.get("feat_gen_denorm", output["feat_gen"]), contour_of(output))


def contour_of(output: Mapping[str, Tensor]) -> Tensor | None:
    """Returns log F0 in Hz of each frame (T,) of what a model predicts; None where it says nothing of pitch.

    Args:
        output: `duration` in frames and `pitch_denorm`, log F0 in Hz, both of T_text + 1 tokens.
    """
    if "pitch_denorm" not in output:
        return None
    durations = output["duration"].flatten().cpu().numpy()
    log_f0 = frame_log_f0(durations, output["pitch_denorm"].flatten().float().cpu().numpy())
    return None if log_f0 is None else torch.from_numpy(log_f0)
