"""The emotion of a recording or a face, as a model's encoders of the style tell it."""

from __future__ import annotations

from argparse import Namespace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from espnet_mtl.config.fields import build
from espnet_mtl.config.schema import VISUAL_WEIGHTS
from espnet_mtl.data.audio import prepared
from espnet_mtl.data.options import AudioConf
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.controls import Controls
from espnet_mtl.inference.request.network import Floats, Network
from espnet_mtl.system.audio_files import UnusableAudio


def source_weights(network: Network, args: Namespace, controls: Controls) -> Floats:
    """Measures how much of each emotion what controls take it from has.

    Args:
        network: The model's.
        args: Its config.yaml.
        controls: They name a recording, a face or both.

    Returns:
        Style weights (K,): what the encoder's attention gives each row of the style table; of recording and face, the
        mean, weighted as the model has learned.

    Raises:
        UserError: The model lacks the encoder, or the recording or the face cannot be used.
    """
    found = []
    if controls.reference is not None:
        found.append(_recording_weights(network, args, controls.reference))
    if controls.visual is not None:
        found.append(_face_weights(network, args, controls.visual))
    if len(found) == 1:
        return found[0]
    recording, face = found
    heard, seen = network.trust()
    return np.asarray(heard * recording + seen * face, dtype=np.float32)


def _recording_weights(network: Network, args: Namespace, path: str | Path) -> Floats:
    """Measures the emotion of a recording, prepared as stage 2 prepares those of the training set."""
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


def _face_weights(network: Network, args: Namespace, visual: Any) -> Floats:
    """Measures the emotion of a face, extracted as stage 3 extracts those of the training set."""
    if not network.has_visual:
        raise UserError("visual: this model has no visual encoder (style_conf.visual of its training YAML)")
    # Here: it reads pictures and videos with libraries that others do without
    from espnet_mtl.visual.extractors.build import build_extractor, check_weights
    from espnet_mtl.visual.sources import source_of
    from espnet_mtl.visual.unusable import UnusableVisual

    if not isinstance(visual, (str, Path, np.ndarray)):
        raise UserError(f"visual: expected the path of a picture, a video or an array, or an array, got {visual!r}")
    where = "" if isinstance(visual, np.ndarray) else f" {visual}"
    remedy = "take the version of espnet_mtl that trained it, which README.md of a packed model names"
    digest = getattr(args, VISUAL_WEIGHTS, None)
    check_weights(args.visual_extract, digest, "visual: this model learned from faces", remedy)
    try:
        frames = build_extractor(args.visual_extract, args.visual_extract_conf)(source_of(visual))
    except UnusableVisual as error:
        raise UserError(f"visual{where}: {error}") from error
    size = prod(args.visual_shape)
    if frames.shape[1] != size:
        raise UserError(f"visual{where}: frames of {frames.shape[1]} numbers, expected {size}, as in training")
    return network.emotion_of_face(frames)
