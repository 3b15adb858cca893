"""The emotion of a face, in a voice of the model."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
from face_media import portrait
from PIL import Image

from espnet_mtl import Controls, Conversation
from espnet_mtl.errors import UserError
from espnet_mtl.visual.drawing import draw_faces
from espnet_mtl.visual.extractors.build import build_extractor, weights_digest

TEXT = "good morning"


@pytest.fixture
def embeddings():
    return np.random.default_rng(0).standard_normal((3, 6)).astype(np.float32)


def mixture_of(tts, frames):
    """What the visual encoder tells of frames (T_v, D)."""
    seen = torch.from_numpy(frames)[None]
    posterior = tts.model.style.visual_tap(seen, torch.tensor([len(frames)])).attention().softmax(-1)[0]
    return dict(zip(tts.emotions, posterior.tolist(), strict=True))


def test_a_face_is_the_mixture_that_is_seen_in_it(make_seeing, embeddings, tmp_path):
    tts = make_seeing()
    mixture = mixture_of(tts, embeddings)
    assert max(mixture.values()) - min(mixture.values()) > 0.05
    expected = tts(TEXT, emotion=mixture, speaker="m1")["wav"]
    np.save(tmp_path / "face.npy", embeddings)
    kaldiio.save_ark(str(tmp_path / "face.ark"), {"one": np.zeros((9, 6), np.float32), "two": embeddings})
    second = f"{tmp_path}/face.ark:{(tmp_path / 'face.ark').read_bytes().index(b'two ') + 4}"
    for visual in (embeddings, tmp_path / "face.npy", str(tmp_path / "face.npy"), second, Path(second)):
        torch.testing.assert_close(tts(TEXT, visual=visual, speaker="m1")["wav"], expected)
    neutral = tts(TEXT, visual=embeddings, intensity=0)["wav"]
    assert torch.equal(tts(TEXT, emotion="neutral")["wav"], neutral)
    spoken = torch.cat([part["wav"] for part in tts.stream(f"{TEXT}. {TEXT}.", visual=embeddings)])
    named = torch.cat([part["wav"] for part in tts.stream(f"{TEXT}. {TEXT}.", emotion=mixture)])
    torch.testing.assert_close(spoken, named)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("none.ark:4", "missing: .*none.ark$"),
        ("face.ark:3", "unreadable: the archive: no Kaldi matrix at .*face.ark:3$"),
        ("face.ark:99999", "unreadable: the archive: no Kaldi matrix at"),
        ("pickle.ark", "unreadable: the archive: no Kaldi matrix at"),
        ("cat face.ark |", "unknown kind|no embedding"),
        ("large.ark:4", r"too large: .*large.ark:4: a matrix \(5000, 4000\) of 80000000 bytes, at most 67108864$"),
    ],
)
def test_places_in_archives_that_hold_no_face(make_seeing, embeddings, tmp_path, place, message):
    kaldiio.save_ark(str(tmp_path / "face.ark"), {"one": embeddings})
    (tmp_path / "pickle.ark").write_bytes(pickle.dumps(embeddings))
    header = b"one \0BFM \x04" + (5000).to_bytes(4, "little") + b"\x04" + (4000).to_bytes(4, "little")
    with (tmp_path / "large.ark").open("wb") as file:
        file.write(header)
        file.truncate(len(header) + 5000 * 4000 * 4)
    with pytest.raises(UserError, match=rf"^visual .*: ({message})"):
        make_seeing()(TEXT, visual=tmp_path / place)


def test_a_picture(make_seeing, tmp_path):
    """The face in it is cut out as stage 3 cuts it out."""
    pytest.importorskip("cv2")
    tts = make_seeing(shape=(48, 48), extract="crops", conf={"rate": 3})
    (face,) = draw_faces("happy", "f1", 1, np.random.default_rng(0), side=160)
    Image.fromarray(face).save(tmp_path / "face.png")
    crop = np.asarray(Image.fromarray(face).resize((48, 48)), dtype=np.float32) / 255
    assert len(tts(TEXT, visual=tmp_path / "face.png")["wav"])
    seen = tts(TEXT, visual=crop[None], speaker="m1")["wav"]
    torch.testing.assert_close(tts(TEXT, emotion=mixture_of(tts, crop.reshape(1, -1)), speaker="m1")["wav"], seen)


def test_threads_share_an_extractor(make_seeing, tmp_path, monkeypatch):
    """It is built for the first face, and each thread finds its own faces."""
    pytest.importorskip("cv2")
    tts = make_seeing(shape=(48, 48), extract="crops")
    built = []

    def noted(*given):
        built.append(given)
        return build_extractor(*given)

    monkeypatch.setattr("espnet_mtl.visual.extractors.build.build_extractor", noted)
    faces = []
    for emotion in ("happy", "sad", "neutral", "angry"):
        path = tmp_path / f"{emotion}.png"
        Image.fromarray(portrait(emotion)).save(path)
        faces.append(Controls(visual=path))
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(tts.reader.emotion_of_sources, faces * 8))
    assert len(built) == 1
    assert together == [tts.reader.emotion_of_sources(one) for one in faces] * 8
    assert len({tuple(one.values()) for one in together}) == 4
    another = pickle.loads(pickle.dumps(tts.reader))
    assert another.emotion_of_sources(faces[0]) == together[0]
    assert len(built) == 2


@pytest.fixture
def tone(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.1 * np.sin(np.arange(16000) * 0.08), 16000)
    return path


def test_face_and_recording_are_weighed_as_was_learned(make_seeing, embeddings, tone):
    tts = make_seeing()
    torch.nn.init.normal_(tts.model.style.reference.query.weight, std=3.0)
    with torch.no_grad():
        tts.model.style.trust.copy_(torch.tensor([0.0, 1.0]))
    heard = tts.reader.emotion_of_sources(Controls(reference=tone))
    seen = mixture_of(tts, embeddings)
    both = tts.reader.emotion_of_sources(Controls(reference=tone, visual=embeddings))
    share = 1 / (1 + np.exp(-1.0))
    expected = {name: (1 - share) * heard[name] + share * seen[name] for name in seen}
    assert both == pytest.approx(expected, abs=1e-5)
    assert abs(heard["sad"] - seen["sad"]) > 0.01


def test_a_turn_of_a_conversation_takes_its_mood_from_a_face(make_seeing, embeddings):
    tts = make_seeing()
    conversation = Conversation(tts, controls=Controls(visual=embeddings))
    list(conversation.say(f"{TEXT}."))
    assert conversation.mood == pytest.approx(mixture_of(tts, embeddings), abs=1e-5)


@pytest.mark.parametrize(
    ("visual", "message"),
    [
        (np.zeros((2, 5)), r"visual: frames of 5 numbers, expected 6, as in training"),
        (np.full(6, np.nan), "visual: not finite: the array: NaN or infinity"),
        (np.array(["a"]), "visual: unreadable: the array: an array of <U1, not of numbers"),
        (np.zeros((0, 6)), r"visual: unreadable: the array: an empty array \(0, 6\)"),
        ([1.0], r"visual: expected the path of a picture, a video or an array, or an array, got \[1.0\]"),
        ("none.npy", "visual none.npy: missing: none.npy"),
        ("none.png", "visual none.png: no embedding: none.png: expected an array"),
    ],
)
def test_faces_that_cannot_be_used(make_seeing, visual, message):
    with pytest.raises(UserError, match=message):
        make_seeing()(TEXT, visual=visual)


def test_an_extractor_with_other_weights(make_seeing):
    """Its vectors mean something else; what the model says without a face is as it was."""
    crop = np.full((1, 64, 64), 0.5)
    model = make_seeing((128,), "expression", weights=weights_digest("expression"))
    assert len(model(TEXT, visual=crop)["wav"])
    changed = make_seeing((128,), "expression", weights="0" * 64)
    assert len(changed(TEXT, emotion="sad")["wav"])
    with pytest.raises(UserError, match=r"learned from faces with other weights of mini-Xception \(0{12}\) than this"):
        changed(TEXT, visual=crop)


def test_a_face_and_an_emotion(make_seeing, embeddings):
    with pytest.raises(UserError, match="emotion 'sad' and visual: both say the emotion: give one of them"):
        make_seeing()(TEXT, emotion="sad", visual=embeddings)


def test_models_without_an_encoder(tts, make_tts, embeddings):
    for call in (tts, lambda text, **given: list(tts.stream(text, **given))):
        with pytest.raises(UserError, match=r"visual: this model has no visual encoder \(style_conf.visual"):
            call(TEXT, visual=embeddings)
    plain = make_tts(emotions=[], tasks={"tts": {}})
    with pytest.raises(UserError, match="visual: this model has no"):
        plain(TEXT, visual=embeddings)
