"""Which styles the reference encoder of a model sees in recordings, and what that tells of emotion and speaker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.config.load import read_yaml
from espnet_mtl.data.arks import Matrices
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.judge import MAX_TRAINING_RECORDINGS, Judge
from espnet_mtl.evaluation.speech_set import SpeechSet
from espnet_mtl.model.checkpoint import best_model
from espnet_mtl.system.files import require

if TYPE_CHECKING:
    from torch import Tensor

    from espnet_mtl.model.taps import Tap


@dataclass(frozen=True)
class ReferenceStyles:
    """What a reference encoder makes of recordings.

    Attributes:
        names: The K styles.
        vectors: Its embeddings (N, D).
        weights: Its attention over the styles (N, K): all of a recording that conditions the model.
    """

    names: list[str]
    vectors: NDArray[np.float32]
    weights: NDArray[np.float32]


def has_reference(exp: Path) -> bool:
    """Tells whether an experiment's model has a reference encoder."""
    config = read_yaml(exp / "config.yaml")
    return bool(config.get("emotions")) and (config.get("style_conf") or {}).get("reference", True)


class TrainedReferenceEncoder:
    """The reference encoder of a trained model.

    Args:
        exp: The model, e.g. `exp/train_fastspeech2`.

    Raises:
        UserError: There is no such model, or it has no reference encoder.
    """

    def __init__(self, exp: Path):
        from espnet_mtl.tasks.tts import MTLTTSTask

        config = exp / "config.yaml"
        require([config], "stage 5")
        checkpoint = best_model(exp, read_yaml(config))
        model, args = MTLTTSTask.build_model_from_file(config, checkpoint)
        if model.style is None or model.style.reference is None:
            raise UserError(f"{exp}: this model has no reference encoder; train with style_conf.reference: true")
        self.model, self.style = model.eval(), model.style
        self.emotions: list[str] = args.emotions
        self.fs: int = args.feats_extract_conf["fs"]

    def encode(self, feats: Tensor) -> Tap:
        """Returns the tap `style` of one recording, from its log-mel spectrogram as extracted (T, odim)."""
        import torch

        with torch.no_grad():
            feats, lengths = feats[None], torch.tensor([len(feats)])
            if self.model.normalize is not None:
                feats, lengths = self.model.normalize(feats, lengths)
            tap = self.style.reference_tap(feats, lengths)
        assert tap is not None
        return tap


def styles_of(encoder: TrainedReferenceEncoder, speech: SpeechSet) -> ReferenceStyles:
    """Encodes natural recordings, with feats.scp in their directory (stage 3), by a reference encoder."""
    import torch

    feats = Matrices(speech.directory / "feats.scp", "stage 3")
    feats.places.check_has(speech.utts, speech.directory / "wav.scp")
    logmels = [feats[utt] for utt in speech.utts]
    taps = [encoder.encode(torch.from_numpy(logmel)) for logmel in logmels]
    vectors = torch.cat([tap.values for tap in taps])
    logits = torch.cat([tap.attention() for tap in taps])
    weights = encoder.style.conditioning_weights(logits)
    return ReferenceStyles(encoder.emotions, vectors.numpy(), weights.numpy())


def reference_metrics(exp: Path, speech: SpeechSet, judge: Judge) -> dict[str, NDArray[np.float64]]:
    """Measures what the attention of a model's reference encoder tells of the emotion and of the speaker.

    A linear probe is trained to name the speaker by the attention, on natural training speech. What it can tell of a
    speaker is timbre that a style carries over.

    Returns:
        Metrics per utterance of `speech` (N,), NaN where there is no natural recording of it; none at all without a
        reference encoder or training speech.
    """
    if not (judge.train and has_reference(exp)):
        return {}
    from sklearn.linear_model import LogisticRegression

    train = judge.train.some(MAX_TRAINING_RECORDINGS)
    encoder = TrainedReferenceEncoder(exp)
    train_styles, test_styles = styles_of(encoder, train), styles_of(encoder, judge.test)
    emotions, speakers = np.array(judge.test.emotions), np.array(judge.test.speakers)
    named = np.array(test_styles.names)[test_styles.weights.argmax(1)]
    values = {"reference_emotion_accuracy": np.where(emotions != "", named == emotions, np.nan)}
    if len(set(train.speakers)) > 1:
        probe = LogisticRegression(C=100.0, max_iter=1000).fit(train_styles.weights, train.speakers)
        named_speakers = probe.predict(test_styles.weights)
        values["reference_speaker_accuracy"] = np.asarray(named_speakers == speakers, float)
    rows = {utt: row for row, utt in enumerate(judge.test.utts)}
    # What has no natural recording takes the row behind the last one, which is NaN.
    chosen = [rows.get(utt, len(rows)) for utt in speech.utts]
    return {name: np.append(column, np.nan)[chosen] for name, column in values.items()}


def plane(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """The two directions in which vectors (N, D) differ most: (N, 2); zeros where there are fewer."""
    from sklearn.decomposition import PCA

    points = np.zeros((len(vectors), 2))
    if len(vectors) == 1:
        return points
    directions = min(2, *vectors.shape)
    points[:, :directions] = PCA(directions, svd_solver="full").fit_transform(vectors)
    return points
