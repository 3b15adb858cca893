"""Where the reference encoder of a model places recordings among its styles, and what that tells of the speaker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.config.load import read_yaml
from espnet_mtl.data.kaldi import read_table
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.judge import MOST, Judge
from espnet_mtl.evaluation.speech_set import SpeechSet
from espnet_mtl.model.checkpoint import best_model
from espnet_mtl.system.files import require

if TYPE_CHECKING:
    from torch import Tensor

    from espnet_mtl.model.taps import Tap

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Styles:
    """What a reference encoder makes of recordings.

    Attributes:
        names: The K styles.
        vectors: Its embeddings (N, D).
        weights: Of the styles (N, K), by its attention: all that goes on of a recording.
    """

    names: list[str]
    vectors: NDArray[np.float32]
    weights: NDArray[np.float32]


def has_reference(exp: Path) -> bool:
    """Tells whether an experiment's model has a reference encoder."""
    config = read_yaml(exp / "config.yaml")
    return bool(config.get("emotions")) and (config.get("style_conf") or {}).get("reference", True)


class ReferenceListener:
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
        model, args = MTLTTSTask.build_model_from_file(config, best_model(exp, read_yaml(config)))
        if model.style is None or model.style.reference is None:
            raise UserError(f"{exp}: this model has no reference encoder; train with style_conf.reference: true")
        self.model, self.style = model.eval(), model.style
        self.emotions: list[str] = args.emotions
        self.fs: int = args.feats_extract_conf["fs"]

    def listen(self, feats: Tensor) -> Tap:
        """Returns the tap `style` of one recording, from its log-mel spectrogram as extracted (T, odim)."""
        import torch

        with torch.no_grad():
            feats, lengths = feats[None], torch.tensor([len(feats)])
            if self.model.normalize is not None:
                feats, lengths = self.model.normalize(feats, lengths)
            _, tap = self.style(feats, lengths, torch.full((1, 1), -1))
        return tap


def styles_of(listener: ReferenceListener, speech: SpeechSet) -> Styles:
    """Gives natural recordings, with feats.scp in their directory (stage 3), to a reference encoder."""
    import kaldiio
    import torch

    feats = read_table(speech.directory / "feats.scp", "stage 3")
    taps = [listener.listen(torch.from_numpy(np.array(kaldiio.load_mat(feats[utt])))) for utt in speech.utts]
    vectors, logits = torch.cat([tap.values for tap in taps]), torch.cat([tap.attention() for tap in taps])
    weights = listener.style.conditioning_weights(logits)
    return Styles(listener.emotions, vectors.numpy(), weights.numpy())


def reference_metrics(exp: Path, speech: SpeechSet, judge: Judge) -> dict[str, Array]:
    """Measures what the attention of a model's reference encoder tells: of the emotion, and of the speaker.

    A linear probe learns speakers from natural training speech. What it can tell of them travels with a style.

    Returns:
        Metrics per utterance of `speech` (N,), NaN where there is no natural recording of it; none without a reference
        encoder or training speech.
    """
    if not (judge.train and has_reference(exp)):
        return {}
    from sklearn.linear_model import LogisticRegression

    train = judge.train.some(MOST)
    listener = ReferenceListener(exp)
    known, asked = styles_of(listener, train), styles_of(listener, judge.test)
    emotions, speakers = np.array(judge.test.emotions), np.array(judge.test.speakers)
    named = np.array(asked.names)[asked.weights.argmax(1)]
    values = {"reference_emotion_accuracy": np.where(emotions != "", named == emotions, np.nan)}
    if len(set(train.speakers)) > 1:
        probe = LogisticRegression(C=100.0, max_iter=1000).fit(known.weights, train.speakers)
        values["reference_speaker_accuracy"] = np.asarray(probe.predict(asked.weights) == speakers, float)
    places = {utt: i for i, utt in enumerate(judge.test.utts)}
    rows = [places.get(utt, -1) for utt in speech.utts]
    return {name: np.append(column, np.nan)[rows] for name, column in values.items()}


def plane(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """The two directions in which vectors (N, D) differ most: (N, 2)."""
    from sklearn.decomposition import PCA

    return np.asarray(PCA(2, svd_solver="full").fit_transform(vectors))
