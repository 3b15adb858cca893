"""The emotion of a recording, as a model's reference encoder hears it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np

from espnet_mtl.config.fields import build
from espnet_mtl.data.audio import prepared
from espnet_mtl.data.options import AudioConf
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.network import Floats, Network
from espnet_mtl.system.audio_files import UnusableAudio


def reference_weights(network: Network, args: Namespace, path: str | Path) -> Floats:
    """Measures how much of each emotion a recording has.

    The recording is prepared as stage 2 prepares those of the training set.

    Args:
        network: The model's.
        args: Its config.yaml.
        path: The recording, of any sampling rate.

    Returns:
        Style weights (K,): what the reference encoder's attention gives each row of the style table.

    Raises:
        UserError: The model has no reference encoder, or the recording cannot be used.
    """
    if not network.has_reference:
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
    return network.emotion_of_recording(samples.astype(np.float32))
