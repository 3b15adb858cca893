"""What the encoders of a model tell of natural recordings and faces: emotion, speaker, and which belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.config.decode import Encoder
from espnet_mtl.evaluation.encoders import (
    EncodedStyles,
    encodes,
    has_face,
    read_encoders,
    styles_of_faces,
    styles_of_recordings,
)
from espnet_mtl.evaluation.judge import MAX_TRAINING_RECORDINGS, Judge
from espnet_mtl.evaluation.scores import MetricValues
from espnet_mtl.evaluation.speech_set import SpeechSet

ENCODE = {"reference": styles_of_recordings, "visual": styles_of_faces}
NEAREST = (1, 5)
"""k of recall@k."""


def encoder_metrics(exp: Path, speech: SpeechSet, judge: Judge) -> MetricValues:
    """Measures what the attention of a model's encoders tells of emotion and speaker, and whether faces find voices.

    A linear probe is trained to name the speaker by the attention, on natural training speech. What it can tell of a
    speaker is timbre that a style carries over, or whose face it was.

    Returns:
        Metrics per utterance of `speech` (N,), NaN where there is no natural recording of it, or no face; none at all
        of an encoder that the model lacks, nor without training speech.
    """
    values: MetricValues = {}
    tested: dict[Encoder, EncodedStyles] = {}
    encoders: tuple[Encoder, ...] = ("reference", "visual")
    wanted = [encoder for encoder in encoders if encodes(exp, encoder)]
    if not has_face(judge.test).any():
        wanted = [encoder for encoder in wanted if encoder != "visual"]
    if not judge.train or not wanted:
        return {}
    trained, train = read_encoders(exp, wanted[0]), judge.train.some(MAX_TRAINING_RECORDINGS)
    for encoder in wanted:
        tested[encoder] = ENCODE[encoder](trained, judge.test)
        values |= _told(encoder, ENCODE[encoder](trained, train), train, tested[encoder], judge.test)
    if len(tested) == len(encoders):
        values |= matching(tested["visual"].vectors, tested["reference"].vectors)
    rows = {utt: row for row, utt in enumerate(judge.test.utts)}
    # What has no natural recording takes the row behind the last one, which is NaN.
    chosen = [rows.get(utt, len(rows)) for utt in speech.utts]
    return {name: np.append(column, np.nan)[chosen] for name, column in values.items()}


def _told(
    encoder: Encoder, train_styles: EncodedStyles, train: SpeechSet, test_styles: EncodedStyles, test: SpeechSet
) -> MetricValues:
    """What the attention of one encoder tells of the emotion and of the speaker of test utterances (N,)."""
    from sklearn.linear_model import LogisticRegression

    emotions, speakers = np.array(test.emotions), np.array(test.speakers)
    seen = np.isfinite(test_styles.weights).all(1)
    named = np.array(test_styles.names)[np.nan_to_num(test_styles.weights).argmax(1)]
    values = {f"{encoder}_emotion_accuracy": np.where(seen & (emotions != ""), named == emotions, np.nan)}
    kept = np.isfinite(train_styles.weights).all(1)
    train_speakers = np.array(train.speakers)[kept]
    if len(set(train_speakers)) > 1:
        probe = LogisticRegression(C=100.0, max_iter=1000).fit(train_styles.weights[kept], train_speakers)
        named_speakers = probe.predict(np.nan_to_num(test_styles.weights))
        values[f"{encoder}_speaker_accuracy"] = np.where(seen, named_speakers == speakers, np.nan)
    return values


def matching(faces: NDArray[np.floating], recordings: NDArray[np.floating]) -> MetricValues:
    """Measures whether a face finds its own recording among all, and a recording its own face, by the cosine.

    Args:
        faces: Embeddings (N, D), NaN where there is none.
        recordings: Embeddings of the recordings of the same utterances (N, D).

    Returns:
        Recall@1, recall@5 and rank, both ways: (N,), NaN where there is no face.
    """
    seen = np.isfinite(faces).all(1)
    cosines = _unit(faces[seen]) @ _unit(recordings[seen]).T
    values: MetricValues = {}
    for name, table in {"face_to_voice": cosines, "voice_to_face": cosines.T}.items():
        ranks = np.full(len(seen), np.nan)
        ranks[seen] = ranks_of_own(table)
        for k in NEAREST:
            values[f"{name}_recall_{k}"] = np.where(seen, ranks <= k, np.nan)
        values[f"{name}_rank"] = ranks
    return values


def ranks_of_own(similarities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Ranks of the diagonal in its rows, 1 the best: (M, M) -> (M,); of those that are equal it is the last."""
    own = np.diagonal(similarities)[:, None]
    return (similarities >= own).sum(1).astype(np.float64)


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """Scales vectors (M, D) to length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
