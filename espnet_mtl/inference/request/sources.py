"""The emotion of a recording or a face, as a model's encoders of the style tell it."""

from __future__ import annotations

from argparse import Namespace
from math import prod
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from espnet_mtl.config.fields import build
from espnet_mtl.config.schema import VISUAL_WEIGHTS
from espnet_mtl.data.audio import prepared
from espnet_mtl.data.options import AudioConf
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.controls import Controls
from espnet_mtl.inference.request.network import Floats, Network
from espnet_mtl.system.audio_files import UnusableAudio

if TYPE_CHECKING:
    from espnet_mtl.visual.extractors.base import VisualExtractor


REMEDY = "take the version of espnet_mtl that trained it, which README.md of a packed model names"


class EmotionSources:
    """Tells how much of each emotion is in recordings and faces. Several threads may share one.

    Args:
        network: The model's.
        args: Its config.yaml.
    """

    def __init__(self, network: Network, args: Namespace):
        self._network, self._args = network, args
        self._extractor: VisualExtractor | None = None
        self._building = Lock()

    def __reduce__(self) -> tuple[type[EmotionSources], tuple[Network, Namespace]]:
        # Neither a lock nor a graph of onnxruntime can be copied: a copy builds its own
        return EmotionSources, (self._network, self._args)

    def weights(self, controls: Controls, most_seconds: float | None = None) -> Floats:
        """Measures how much of each emotion what controls take it from has.

        Args:
            controls: They name a recording, a face or both.
            most_seconds: Longer videos are refused; None: those that are longer than in training.

        Returns:
            Style weights (K,): what the encoder's attention gives each row of the style table; of recording and face,
            the mean, weighted as the model has learned.

        Raises:
            UserError: The model lacks the encoder, or the recording or the face cannot be used.
        """
        found = []
        if controls.reference is not None:
            found.append(self._recording_weights(controls.reference))
        if controls.visual is not None:
            found.append(self._face_weights(controls.visual, most_seconds))
        if len(found) == 1:
            return found[0]
        recording, face = found
        heard, seen = self._network.trust()
        return np.asarray(heard * recording + seen * face, dtype=np.float32)

    def _recording_weights(self, path: str | Path) -> Floats:
        """Measures the emotion of a recording, prepared as stage 2 prepares those of the training set."""
        if not self._network.has_reference:
            raise UserError(
                "reference: this model has no reference encoder (style_conf.reference of its training YAML)"
            )
        if not isinstance(path, (str, Path)):
            raise UserError(f"reference: expected the path of a recording, got {path!r}")
        audio = build(AudioConf, getattr(self._args, "audio_conf", None) or {}, "audio_conf").model_copy(
            update={"channels": None}
        )
        fs = self._args.feats_extract_conf["fs"]
        try:
            samples = prepared(str(path), fs, audio)
            if not audio.min_seconds <= len(samples) / fs <= audio.max_seconds:
                bounds = f"allowed {audio.min_seconds} to {audio.max_seconds} s"
                raise UnusableAudio(f"{len(samples) / fs:.2f} s of speech, {bounds}")
        except UnusableAudio as error:
            raise UserError(f"reference {path}: {error}") from error
        return self._network.emotion_of_recording(samples.astype(np.float32))

    def _face_weights(self, visual: Any, most_seconds: float | None) -> Floats:
        """Measures the emotion of a face, extracted as stage 3 extracts those of the training set."""
        if not self._network.has_visual:
            raise UserError("visual: this model has no visual encoder (style_conf.visual of its training YAML)")
        # Here: it reads pictures and videos with libraries that others do without
        from espnet_mtl.visual.sources import source_of
        from espnet_mtl.visual.unusable import UnusableVisual

        if not isinstance(visual, (str, Path, np.ndarray)):
            raise UserError(f"visual: expected the path of a picture, a video or an array, or an array, got {visual!r}")
        where = "" if isinstance(visual, np.ndarray) else f" {visual}"
        extractor = self._built_extractor()
        if most_seconds is not None:
            extractor = extractor.within(most_seconds)
        try:
            frames = extractor(source_of(visual))
        except UnusableVisual as error:
            raise UserError(f"visual{where}: {error}") from error
        size = prod(self._args.visual_shape)
        if frames.shape[1] != size:
            raise UserError(f"visual{where}: frames of {frames.shape[1]} numbers, expected {size}, as in training")
        return self._network.emotion_of_face(frames)

    def _built_extractor(self) -> VisualExtractor:
        """Returns the extractor, which is built for the first face."""
        from espnet_mtl.visual.extractors.build import build_extractor, check_weights

        with self._building:
            if self._extractor is None:
                digest = getattr(self._args, VISUAL_WEIGHTS, None)
                check_weights(self._args.visual_extract, digest, "visual: this model learned from faces", REMEDY)
                self._extractor = build_extractor(self._args.visual_extract, self._args.visual_extract_conf)
        return self._extractor
