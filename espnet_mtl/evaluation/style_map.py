"""Where the reference encoder of a model places recordings among its styles, and what that tells of the speaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.checkpoint import best_model
from espnet_mtl.config import read_yaml
from espnet_mtl.data.kaldi import read_table
from espnet_mtl.evaluation.judge import MOST, Judge
from espnet_mtl.evaluation.speech_set import SpeechSet

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Styles:
    """What a reference encoder makes of recordings.

    Attributes:
        names: The K styles.
        vectors: Its embeddings (N, D).
        weights: Its attention over the styles (N, K), which is all that synthesis by a reference gets.
    """

    names: list[str]
    vectors: NDArray[np.float32]
    weights: NDArray[np.float32]


def has_reference(exp: Path) -> bool:
    """Tells whether an experiment's model has a reference encoder."""
    config = read_yaml(exp / "config.yaml")
    return bool(config.get("emotions")) and (config.get("style_conf") or {}).get("reference", True)


def styles_of(exp: Path, speech: Sequence[SpeechSet]) -> list[Styles]:
    """Gives natural recordings to the reference encoder of exp/<tag> (stage 5), which must have one.

    Args:
        exp: exp/<tag>.
        speech: Sets of recordings, with feats.scp in their directories (stage 3).
    """
    import kaldiio
    import torch

    from espnet_mtl.inference import Text2Speech

    tts = Text2Speech(exp / "config.yaml", best_model(exp, read_yaml(exp / "config.yaml")))
    found = []
    for one in speech:
        feats, vectors = read_table(one.directory / "feats.scp", "stage 3"), []
        with torch.inference_mode():
            for utt in one.utts:
                mel = torch.from_numpy(np.array(kaldiio.load_mat(feats[utt])))[None]
                lengths = torch.tensor([mel.shape[1]])
                vectors.append(tts.model.style.reference(tts.model.normalize(mel, lengths)[0], lengths)[0])
            embedded = torch.stack(vectors)
            weights = (embedded @ tts.model.style.table.T).softmax(-1)
        found.append(Styles(tts.tables["emotion"], embedded.numpy(), weights.numpy()))
    return found


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
    known, asked = styles_of(exp, [train, judge.test])
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
