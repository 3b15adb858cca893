from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from espnet_mtl.evaluation import encoder_metrics
from espnet_mtl.evaluation.encoder_metrics import matching, ranks_of_own
from espnet_mtl.evaluation.encoders import EncodedStyles, plane
from espnet_mtl.evaluation.speech_set import SpeechSet
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
            return EncodedStyles(EMOTIONS, np.zeros((len(share), 4)), np.stack([share, 1 - share], 1))

        monkeypatch.setattr(encoder_metrics, "read_encoders", lambda exp, needed: None)
        monkeypatch.setitem(encoder_metrics.ENCODE, "reference", styles_of)
        return encoder_metrics.encoder_metrics(tmp_path, speech, judge)

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


def test_the_rank_of_what_is_right():
    similarities = np.array([[3, 1, 2], [2, 1, 3], [1, 1, 1]])
    assert ranks_of_own(similarities).tolist() == [1, 3, 3]


def test_faces_find_their_recordings():
    random = np.random.default_rng(0)
    recordings = random.normal(size=(40, 8))
    faces = 3 * recordings + 0.01 * random.normal(size=(40, 8))
    faces[7] = np.nan
    found = matching(faces, recordings)
    for way in ("face_to_voice", "voice_to_face"):
        assert np.isnan(found[f"{way}_rank"]).tolist() == [number == 7 for number in range(40)]
        assert np.nanmean(found[f"{way}_recall_1"]) == np.nanmean(found[f"{way}_recall_5"]) == 1
    others = matching(faces, random.normal(size=(40, 8)))
    assert np.nanmean(others["face_to_voice_recall_1"]) < 0.2
    assert np.nanmean(others["face_to_voice_recall_5"]) < 0.4
    assert 8 < np.nanmedian(others["voice_to_face_rank"]) < 32
