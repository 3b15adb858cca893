from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from espnet_mtl.evaluation import style_map
from espnet_mtl.evaluation.speech_set import SpeechSet
from espnet_mtl.evaluation.style_map import ReferenceStyles, plane, reference_metrics
from espnet_mtl.system.files import write_text

EMOTIONS, SPEAKERS = ["happy", "sad"], ["a", "b"]


def speech_set(sentences) -> SpeechSet:
    rows = list(product(SPEAKERS, EMOTIONS, sentences))
    utts = [f"{speaker}_{emotion}_{text}" for speaker, emotion, text in rows]
    speakers, emotions, texts = map(list, zip(*rows, strict=True))
    return SpeechSet(Path("nowhere"), utts, utts, texts, speakers, emotions, [""] * len(utts))


@pytest.fixture
def measure(tmp_path, monkeypatch):
    """Measures a model whose reference encoder attends as a function of speaker and emotion says."""
    write_text(tmp_path / "config.yaml", "emotions: [happy, sad]\n")
    judge = SimpleNamespace(train=speech_set("uvwxyz"), test=speech_set("st"))

    def run(happy, speech=judge.test):
        def styles_of(encoder, recordings):
            share = np.array([happy(*pair) for pair in recordings.pairs])
            return ReferenceStyles(EMOTIONS, np.zeros((len(share), 4)), np.stack([share, 1 - share], 1))

        monkeypatch.setattr(style_map, "TrainedReferenceEncoder", lambda exp: None)
        monkeypatch.setattr(style_map, "styles_of", styles_of)
        return reference_metrics(tmp_path, speech, judge)

    return run


def test_attention_that_tells_emotions_only(measure):
    found = measure(lambda speaker, emotion: 0.9 if emotion == "happy" else 0.1)
    assert found["reference_emotion_accuracy"].tolist() == [1] * 8
    assert found["reference_speaker_accuracy"].mean() == 0.5


def test_attention_that_tells_the_speaker_too(measure):
    found = measure(lambda speaker, emotion: {"a": 0.45, "b": 0.05}[speaker])
    assert found["reference_emotion_accuracy"].mean() == 0.5  # it says sad always
    assert found["reference_speaker_accuracy"].tolist() == [1] * 8


def test_speech_without_a_natural_recording_does_not_count(measure):
    found = measure(lambda speaker, emotion: 0.9, speech_set("tr"))
    known = [utt.endswith("t") for utt in speech_set("tr").utts]
    assert np.isfinite(found["reference_emotion_accuracy"]).tolist() == known


def test_without_a_reference_encoder_there_is_nothing_to_measure(measure, tmp_path):
    write_text(tmp_path / "config.yaml", "emotions: [happy, sad]\nstyle_conf: {reference: false}\n")
    assert measure(lambda *_: 0.5) == {}


@pytest.mark.parametrize("shape", [(1, 8), (2, 8), (5, 1), (5, 8)])
def test_the_plane_of_a_few_vectors_has_the_directions_that_there_are(shape):
    vectors = np.random.default_rng(0).normal(size=shape)
    points = plane(vectors)
    assert points.shape == (shape[0], 2)
    if min(shape) == 1:
        np.testing.assert_allclose(points[:, 1], 0)
    np.testing.assert_allclose(points.mean(0), 0, atol=1e-12)
