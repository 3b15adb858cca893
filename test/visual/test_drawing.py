import zlib
from functools import cache

import numpy as np
import pytest

from espnet_mtl.corpora.demo import CUES, SPEAKERS, Demo
from espnet_mtl.errors import UserError
from espnet_mtl.visual.drawing import EXPRESSIONS, STYLES, draw_faces, look_of
from espnet_mtl.visual.extractors.expression import ExpressionFeatures
from espnet_mtl.visual.extractors.options import ExpressionOptions
from espnet_mtl.visual.faces import resized

EACH = 8
"""Utterances of each person and emotion."""


def drawn(person: str, style: str = "shaded") -> dict[str, list[np.ndarray]]:
    """By emotion, the frames (T, 48, 48) of some utterances of a person."""
    faces = {}
    for emotion in EXPRESSIONS:
        seeds = [[number, zlib.crc32((person + emotion + style).encode())] for number in range(EACH)]
        faces[emotion] = [draw_faces(emotion, person, 4, np.random.default_rng(seed), style) for seed in seeds]
    return faces


@cache
def network() -> ExpressionFeatures:
    return ExpressionFeatures(ExpressionOptions())


def as_pixels(frames: np.ndarray) -> np.ndarray:
    return frames.mean(axis=0).ravel()


def as_features(frames: np.ndarray) -> np.ndarray:
    crops = np.stack([resized(frame.astype(np.float32) / 255, 64) for frame in frames])
    return network().of_crops(crops).mean(axis=0)


def accuracy(seen: list[dict[str, list[np.ndarray]]], unseen: dict[str, list[np.ndarray]], measure) -> float:
    """Share of the utterances of somebody unseen whose emotion the nearest centroid of the others' names."""
    centroids = {}
    for emotion in EXPRESSIONS:
        centroids[emotion] = np.mean([measure(frames) for faces in seen for frames in faces[emotion]], axis=0)
    right = []
    for emotion, utterances in unseen.items():
        for frames in utterances:
            vector = measure(frames)
            nearest = min(centroids, key=lambda name: np.sum((vector - centroids[name]) ** 2))
            right.append(nearest == emotion)
    return float(np.mean(right))


@pytest.mark.parametrize("style", STYLES)
def test_the_emotion_of_a_face_that_was_not_seen_before_can_be_named(style):
    seen = [drawn(person, style) for person in SPEAKERS]
    assert accuracy(seen, drawn("stranger", style), as_pixels) > 0.6  # chance is 0.2


def test_features_of_expression_separate_better_than_pixels_do():
    seen = [drawn(person) for person in SPEAKERS]
    by_features = accuracy(seen, drawn("stranger"), as_features)
    assert by_features > 0.85
    assert by_features > accuracy(seen, drawn("stranger"), as_pixels)


def test_a_style_that_was_not_seen_before_is_no_lost_cause():
    seen = [drawn(person) for person in SPEAKERS]
    assert 0.4 < accuracy(seen, drawn("stranger", "sketched"), as_pixels) < 1


def test_people_and_utterances_look_different():
    looks = {look_of(person) for person in SPEAKERS}
    assert len(looks) == len(SPEAKERS)
    same = [draw_faces("happy", "f1", 2, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(same[0], same[1])
    assert np.abs(same[0].astype(int) - same[2]).mean() > 3
    assert np.abs(same[0][0].astype(int) - same[0][1]).mean() > 1


def test_faces_of_the_demo():
    corpus = Demo()
    assert set(CUES) == set(EXPRESSIONS)
    utterances = corpus.utterances()
    faces = {utterance.id: corpus.draw(utterance, 1.0) for utterance in utterances[::7]}
    shown = [one for one in faces.values() if one is not None]
    assert 0.85 < len(shown) / len(faces) < 0.95
    assert {one.shape for one in shown} == {(3, 48, 48)}
    again = Demo().draw(utterances[0], 1.0)
    np.testing.assert_array_equal(again, faces[utterances[0].id])
    other = Demo(face_style="sketched").draw(utterances[0], 1.0)
    assert np.abs(other.astype(int) - again).mean() > 30
    assert all(Demo(faceless=1).draw(utterance, 1.0) is None for utterance in utterances[:9])


def test_a_face_shows_as_much_as_the_voice_does():
    strong, weak = (draw_faces("surprised", "f1", 1, np.random.default_rng(1), strength=one)[0] for one in (1.0, 0.0))
    resting = draw_faces("neutral", "f1", 1, np.random.default_rng(1))[0]
    difference = {name: np.abs(face.astype(int) - resting).mean() for name, face in {"s": strong, "w": weak}.items()}
    assert difference["s"] > difference["w"] + 0.5
    corpus = Demo(faceless=0)
    utterances = [one for one in corpus.utterances() if (one.speaker, one.emotion) == ("f1", "surprised")]
    opened, levels = [], []
    for utterance in utterances:
        samples, _ = corpus.render(utterance)
        levels.append(np.sqrt(np.mean(samples**2)))
        faces = corpus.draw(utterance, 10.0)
        opened.append((faces[:, 30:42, 18:30] < 60).mean())  # how much of the open mouth is seen
    assert np.corrcoef(opened, levels)[0, 1] > 0.15


def test_any_face_can_be_drawn_for_an_utterance():
    corpus, utterance = Demo(faceless=0), Demo().utterances()[0]
    own, stranger = corpus.draw(utterance, 1.0), corpus.draw(utterance, 1.0, person="stranger")
    sketched = corpus.draw(utterance, 1.0, style="sketched")
    np.testing.assert_array_equal(sketched, Demo(face_style="sketched", faceless=0).draw(utterance, 1.0))
    assert np.abs(own.astype(int) - stranger).mean() > 3


def test_what_is_heard_does_not_depend_on_what_is_seen():
    utterance = Demo().utterances()[0]
    np.testing.assert_array_equal(Demo().render(utterance)[0], Demo(faceless=1.0).render(utterance)[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"face_style": "oil"}, "'oil'.*shaded, sketched"),
        ({"face_style": ["x"]}, r"unknown face_style \['x'\].*shaded, sketched"),
        ({"faceless": 2}, "a share from 0 to 1"),
        ({"faceless": "x"}, "a share from 0 to 1, got 'x'"),
        ({"faceless": None}, "a share from 0 to 1, got None"),
    ],
)
def test_bad_settings_are_errors(settings, message):
    with pytest.raises(UserError, match=message):
        Demo(**settings)
