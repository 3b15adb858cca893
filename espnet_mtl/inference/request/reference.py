"""The emotion of a recording, as a model's reference encoder hears it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from espnet_mtl.config.fields import build
from espnet_mtl.data.audio import prepared
from espnet_mtl.data.options import AudioConf
from espnet_mtl.errors import UserError
from espnet_mtl.system.audio_files import UnusableAudio


def reference_weights(model: Any, args: Namespace, path: str | Path) -> Tensor:
    """Measures how much of each emotion a recording has.

    The recording is prepared as stage 2 prepares those of the training set.

    Args:
        model: The model.
        args: Its config.yaml.
        path: The recording, of any sampling rate.

    Returns:
        Style weights (K,): what the reference encoder's attention gives each row of the style table.

    Raises:
        UserError: The model has no reference encoder, or the recording cannot be used.
    """
    if model.style is None or model.style.reference is None:
        raise UserError("reference: this model has no reference encoder (style_conf.reference of its training YAML)")
    if not isinstance(path, (str, Path)):
        raise UserError(f"reference: expected the path of a recording, got {path!r}")
    audio = build(AudioConf, getattr(args, "audio_conf", None) or {}, "audio_conf").model_copy(
        update={"channels": None}
    )
    fs = args.feats_extract_conf["fs"]
    try:
        samples = prepared(str(path), fs, audio)
        if not audio.min_seconds <= len(samples) / fs <= audio.max_seconds:
            bounds = f"allowed {audio.min_seconds} to {audio.max_seconds} s"
            raise UnusableAudio(f"{len(samples) / fs:.2f} s of speech, {bounds}")
    except UnusableAudio as error:
        raise UserError(f"reference {path}: {error}") from error
    return _attention(model, samples)


@torch.no_grad()
def _attention(model: Any, samples: np.ndarray) -> Tensor:
    parameter = next(model.parameters())
    speech = torch.from_numpy(samples[None]).to(parameter.device, torch.float32)
    feats, lengths = model.feats_extract(speech, speech.new_tensor([speech.size(1)], dtype=torch.long))
    if model.normalize is not None:
        feats, lengths = model.normalize(feats, lengths)
    tap = model.style.reference_tap(feats.to(parameter.dtype), lengths)
    return tap.attention()[0].float().softmax(-1)
