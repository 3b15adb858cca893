"""tools/expression.py faces: what is seen, what is heard of it, and whether faces find their recordings."""

import sys
from pathlib import Path

import numpy as np
import pytest
from recipe import ROOT
from tone_speaker import SHIFT, write_hums

sys.path.insert(0, str(ROOT / "tools"))
from expressing import faces as measuring
from expressing.faces import DRAWINGS, measure_faces
from expressing.probing import Probes
from expressing.subject import Subject

from espnet_mtl.corpora.demo import Demo
from espnet_mtl.data.kaldi import write_table
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.encoders import EncodedStyles
from espnet_mtl.visual.faces import find_faces, speakers_face
from espnet_mtl.visual.images import read_image
from espnet_mtl.visual.unusable import UnusableVisual

EMOTIONS = sorted(SHIFT)


class AlwaysHappy:
    """A probe that hears the same in everything."""

    def __init__(self, classes):
        self.classes = np.array(classes)

    def posteriors(self, values, speakers):
        return np.tile(np.arange(len(self.classes), 0, -1.0), (len(values), 1))


@pytest.fixture
def part(tmp_path):
    """Natural speech of two voices in three emotions; all but one utterance have a face."""
    speech = write_hums(tmp_path / "test", ["good morning", "good good"])
    random = np.random.default_rng(0)
    for utt in speech.utts:
        np.savez(tmp_path / f"{utt}.npz", crops=random.integers(0, 255, (2, 16, 16), np.uint8))
    write_table(tmp_path / "test/media.scp", {utt: tmp_path / f"{utt}.npz" for utt in speech.utts})
    write_table(tmp_path / "test/visual.scp", dict.fromkeys(speech.utts[1:], "visual.ark:1"))
    return speech


@pytest.fixture
def subject(make_tts, part):
    style = {"channels": 8, "visual": {"channels": 8}}
    shape = {"visual_extract": "crops", "visual_extract_conf": {"size": 16}, "visual_shape": [16, 16]}
    tts = make_tts(style_conf=style, tasks={"tts": {"weight": 1.0}}, **shape)
    spoken = sorted(set(zip(part.texts, part.speakers, strict=True)))
    return Subject(tts, None, part, spoken, EMOTIONS)


@pytest.fixture
def probes():
    speaker = AlwaysHappy(["f1", "m1"])
    return Probes(AlwaysHappy(EMOTIONS), AlwaysHappy(EMOTIONS), speaker, set())


def test_faces_that_find_their_recordings_and_are_seen_right(subject, probes, part, monkeypatch):
    vectors = np.random.default_rng(1).standard_normal((len(part.utts) - 1, 4)).astype(np.float32)
    own = np.array([EMOTIONS.index(emotion) for emotion in part.emotions[1:]])
    styles = EncodedStyles(EMOTIONS, vectors, np.eye(3, dtype=np.float32)[own])
    monkeypatch.setattr(measuring, "encode_faces", lambda encoders, frames: styles)
    monkeypatch.setattr(measuring, "styles_of_recordings", lambda encoders, speech: styles)
    rows = measure_faces(subject, probes, drawn=False).rows
    assert rows["own_seen"][1].value == 1
    assert rows["own_seen"][2] == len(part.utts) - 1
    assert rows["own_face_to_voice_recall_1"][1].value == rows["own_voice_to_face_rank"][1].value == 1
    assert rows["own_said"][1].value == rows["labelled"][1].value == pytest.approx(1 / 3)  # it hears one of three
    assert rows["own_share"][1].value == 1
    assert rows["own_speaker"][1].value == 0.5
    assert "faces of the set: voice to face, recall@5" in {title for title, _, _ in rows.values()}
    assert not [name for name in rows if name.split("_")[0] in DRAWINGS]


def test_the_face_is_of_somebody_else_in_the_emotion_that_is_asked_for(subject, probes, monkeypatch):
    asked = []
    monkeypatch.setattr(measuring, "styles_of_recordings", lambda encoders, speech: encoded(encoders, speech))
    monkeypatch.setattr(measuring, "functionals_said", lambda *given: asked.append(given[3]) or np.zeros((12, 2)))

    def encoded(encoders, speech):
        return EncodedStyles(EMOTIONS, np.ones((len(speech.utts), 128), np.float32), np.ones((len(speech.utts), 3)))

    monkeypatch.setattr(measuring, "matching", lambda faces, recordings: {})
    measure_faces(subject, probes, drawn=False)
    by_label, by_face = asked
    assert by_label == [{}] * 12
    for cell, controls in zip(subject.cells, by_face, strict=True):
        assert f"_{cell.emotion}_" in controls["visual"]
        assert cell.speaker not in controls["visual"].rpartition("/")[2]
        assert controls["emotion"] is None


def test_faces_of_the_demo_are_drawn_anew(part, tmp_path):
    corpus = Demo()
    listed = {one.id: one for one in corpus.utterances()}
    (utt,) = list(listed)[:1]
    demo = part.where([place == 0 for place in range(len(part.utts))])
    demo.utts[0] = utt
    own = corpus.draw(listed[utt], 0.5)
    drawn = {name: measuring._drawn(demo, drawing, tmp_path)[utt] for name, drawing in DRAWINGS.items()}
    picture = read_image(Path(drawn.pop("picture")))
    assert picture.shape == (240, 320)
    assert speakers_face(find_faces(picture)) is not None
    assert {faces.shape[1:] for faces in drawn.values()} == {own.shape[1:]}
    kinds = [own, *drawn.values()]
    for number, one in enumerate(kinds):
        for other in kinds[number + 1 :]:
            assert np.abs(one[0].astype(int) - other[0]).mean() > 2
    with pytest.raises(UserError, match="--drawn: f1_happy_test0 is no utterance of the demo"):
        measuring._drawn(part, DRAWINGS["person"], tmp_path)


def test_who_is_not_found_does_not_count(subject, probes, part, monkeypatch):
    kept = []

    def see(source):
        if len(kept) == 3:
            raise UnusableVisual("no face")
        kept.append(source)
        return np.zeros((1, 256), np.float32)

    def encoded(encoders, speech):
        return EncodedStyles(EMOTIONS, np.eye(3, 4, dtype=np.float32), np.eye(3, dtype=np.float32))

    monkeypatch.setattr(measuring, "build_extractor", lambda *given: see)
    monkeypatch.setattr(measuring, "encode_faces", encoded)
    monkeypatch.setattr(measuring, "styles_of_recordings", encoded)
    rows = measure_faces(subject, probes, drawn=False).rows
    assert rows["own_found"][1].value == pytest.approx(3 / (len(part.utts) - 1))
    assert rows["own_seen"][2] == 3


def test_what_is_missing_is_said(subject, probes, part):
    (part.directory / "visual.scp").unlink()
    with pytest.raises(UserError, match=r"visual.scp: names no face: run stages 1 to 3 with visual_extract"):
        measure_faces(subject, probes, drawn=False)
    subject.tts.model.style.visual = None
    with pytest.raises(UserError, match="no visual encoder"):
        measure_faces(subject, probes, drawn=False)
