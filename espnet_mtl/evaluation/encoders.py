"""Which styles the encoders of a trained model see in recordings and in faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.config.decode import Encoder, has_encoder
from espnet_mtl.config.load import read_yaml
from espnet_mtl.data.arks import Matrices
from espnet_mtl.data.dump import FEATS_SCP, VISUAL_SCP
from espnet_mtl.data.utterances import read_visual
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.speech_set import SpeechSet
from espnet_mtl.model.checkpoint import best_model
from espnet_mtl.system.files import require

if TYPE_CHECKING:
    from torch import Tensor

    from espnet_mtl.model.taps import Tap


@dataclass(frozen=True)
class EncodedStyles:
    """What an encoder makes of N recordings or faces.

    Attributes:
        names: The K styles.
        vectors: Its embeddings (N, D); NaN where an utterance has no face.
        weights: Its attention over the styles (N, K), all that conditions the model; NaN as well.
    """

    names: list[str]
    vectors: NDArray[np.float32]
    weights: NDArray[np.float32]


def encodes(exp: Path, encoder: Encoder) -> bool:
    """Tells whether an experiment's model has an encoder of recordings, or of faces."""
    config = read_yaml(exp / "config.yaml")
    return bool(config.get("emotions")) and has_encoder(config, encoder)


class Encoders:
    """The encoders of a model.

    Args:
        model: It has a style table; it is not trained any more.
        emotions: The K styles.
        fs: Its sampling rate in Hz.
    """

    def __init__(self, model: Any, emotions: list[str], fs: int):
        self.model, self.style = model.eval(), model.style
        self.emotions, self.fs = emotions, fs

    def of_recording(self, feats: Tensor) -> Tap:
        """Returns the tap `style` of one recording, from its log-mel spectrogram as extracted (T, odim)."""
        import torch

        with torch.no_grad():
            feats, lengths = feats[None], torch.tensor([len(feats)])
            if self.model.normalize is not None:
                feats, lengths = self.model.normalize(feats, lengths)
            tap = self.style.reference_tap(feats, lengths)
        assert tap is not None
        return tap

    def of_face(self, frames: Tensor) -> Tap:
        """Returns the tap `visual` of one face, from what stage 3 made of it (T_v, D)."""
        import torch

        with torch.no_grad():
            return self.style.visual_tap(frames[None], torch.tensor([len(frames)]))


def read_encoders(exp: Path, needed: Encoder) -> Encoders:
    """Reads the encoders of a trained model.

    Args:
        exp: The model, e.g. `exp/train_fastspeech2`.
        needed: An encoder that it must have.

    Raises:
        UserError: There is no such model, or it lacks the encoder.
    """
    from espnet_mtl.tasks.tts import MTLTTSTask

    config = exp / "config.yaml"
    require([config], "stage 5")
    checkpoint = best_model(exp, read_yaml(config))
    model, args = MTLTTSTask.build_model_from_file(config, checkpoint)
    if model.style is None or getattr(model.style, needed) is None:
        how = "true" if needed == "reference" else "{}"
        raise UserError(f"{exp}: this model has no {needed} encoder; train with style_conf.{needed}: {how}")
    return Encoders(model, args.emotions, args.feats_extract_conf["fs"])


def styles_of_recordings(encoders: Encoders, speech: SpeechSet) -> EncodedStyles:
    """Encodes natural recordings, with feats.scp in their directory (stage 3)."""
    import torch

    feats = Matrices(speech.directory / FEATS_SCP, "stage 3")
    feats.places.check_has(speech.utts, speech.directory / "wav.scp")
    logmels = [feats[utt] for utt in speech.utts]
    return _encoded(encoders, [encoders.of_recording(torch.from_numpy(logmel)) for logmel in logmels])


def styles_of_faces(encoders: Encoders, speech: SpeechSet) -> EncodedStyles:
    """Encodes the faces of natural recordings, as far as visual.scp in their directory (stage 3) has them."""
    seen = has_face(speech)
    if not seen.any():
        return encode_faces(encoders, [None] * len(seen))
    faces = Matrices(speech.directory / VISUAL_SCP, "stage 3")
    learned = prod(encoders.style.visual.shape)
    for utt, (_, size) in faces.shapes():
        if size != learned:
            where = faces.places.where(utt)
            raise UserError(f"{where}: frames of {size} numbers, not {learned} as the model learned from: run stage 3")
    frames = [faces[utt] if has else None for utt, has in zip(speech.utts, seen, strict=True)]
    return encode_faces(encoders, frames)


def encode_faces(encoders: Encoders, frames: Sequence[NDArray[np.float32] | None]) -> EncodedStyles:
    """Encodes what stage 3 makes of faces, (T_v, D) each; None where there is none."""
    import torch

    seen = np.array([one is not None for one in frames])
    if not seen.any():
        nothing = np.full((len(seen), len(encoders.emotions)), np.nan, np.float32)
        return EncodedStyles(encoders.emotions, nothing, nothing)
    taps = [encoders.of_face(torch.from_numpy(one)) for one in frames if one is not None]
    found = _encoded(encoders, taps)
    return EncodedStyles(found.names, _spread(found.vectors, seen), _spread(found.weights, seen))


def has_face(speech: SpeechSet) -> NDArray[np.bool_]:
    """Tells which utterances have a face that stage 3 could use (N,)."""
    seen = read_visual(speech.directory / VISUAL_SCP)
    return np.array([utt in seen for utt in speech.utts])


def _encoded(encoders: Encoders, taps: list[Tap]) -> EncodedStyles:
    import torch

    vectors = torch.cat([tap.values for tap in taps])
    logits = torch.cat([tap.attention() for tap in taps])
    weights = encoders.style.conditioning_weights(logits)
    return EncodedStyles(encoders.emotions, vectors.numpy(), weights.numpy())


def _spread(rows: NDArray[np.float32], places: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Puts rows at the places that are true (N,); the others are NaN."""
    spread = np.full((len(places), rows.shape[1]), np.nan, np.float32)
    spread[places] = rows
    return spread


def plane(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """The two directions in which vectors (N, D) differ most: (N, 2); zeros where there are fewer."""
    from sklearn.decomposition import PCA

    points = np.zeros((len(vectors), 2))
    if len(vectors) == 1:
        return points
    directions = min(2, *vectors.shape)
    points[:, :directions] = PCA(directions, svd_solver="full").fit_transform(vectors)
    return points
