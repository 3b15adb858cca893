"""A face that a request brings: the emotion of a picture, a video or an array, and what is none."""

import base64
import io
import random
import struct
import tempfile
import threading
import zlib

import httpx
import numpy as np
import pytest
import soundfile
from face_media import face, portrait, write_video
from fastapi.testclient import TestClient
from PIL import Image
from speech_server import running

from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.controls import Controls
from espnet_mtl.server.app import create_app
from espnet_mtl.server.options import ServerOptions
from espnet_mtl.server.speech import Asked, request_file, with_read_emotion
from espnet_mtl.server.watch import Tally
from espnet_mtl.visual import videos

pytest.importorskip("cv2")
TEXT = "Good morning."
QUIET = -40
"""In dB: an untrained model is too loud for 16 bits."""
SPEECH = "/v1/audio/speech"


@pytest.fixture
def seeing(make_seeing):
    return make_seeing(shape=(16, 16), extract="crops", conf={"size": 16, "max_seconds": 3})


@pytest.fixture
def client(seeing):
    with TestClient(create_app(seeing, ServerOptions(visual_seconds=2.5)), base_url="http://127.0.0.1") as client:
        yield client


def picture(form: str = "PNG", image=None) -> bytes:
    file = io.BytesIO()
    Image.fromarray(portrait("happy") if image is None else image).save(file, form)
    return file.getvalue()


def clip(folder, name: str, frames: int = 25, codec: str = "mpeg4") -> bytes:
    return write_video(folder / name, (portrait("sad") for _ in range(frames)), codec=codec).read_bytes()


def ask(client, visual, **given):
    content = base64.b64encode(visual).decode() if isinstance(visual, bytes) else visual
    sent = {"input": TEXT, "response_format": "wav", "energy": QUIET, "visual": content, **given}
    return client.post(SPEECH, json=sent)


def heard(answer) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return soundfile.read(io.BytesIO(answer.content))[0]


def said(tts, **controls) -> np.ndarray:
    parts = tts.stream(TEXT, energy=QUIET, **controls)
    return np.concatenate([tts.samples(part["wav"]) for part in parts])


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP"])
def test_a_picture(client, seeing, tmp_path, form):
    content = picture(form)
    (tmp_path / f"face.{form.lower()}").write_bytes(content)
    expected = said(seeing, visual=tmp_path / f"face.{form.lower()}")
    np.testing.assert_allclose(heard(ask(client, content)), expected, atol=2**-14)
    assert not np.array_equal(expected, said(seeing))


VIDEOS = {
    **dict.fromkeys(("a.mp4", "a.mov", "a.mkv", "a.avi", "a.mpg", "a.ts"), "mpeg4"),
    **{"a.flv": "flv", "a.webm": "libvpx"},
}
"""Names, and a codec that such files take."""


@pytest.mark.parametrize(("name", "codec"), VIDEOS.items())
def test_a_clip(client, seeing, tmp_path, name, codec):
    content = clip(tmp_path, name, codec=codec)
    expected = said(seeing, visual=tmp_path / name)
    np.testing.assert_allclose(heard(ask(client, content)), expected, atol=2**-14)


def test_an_array(client, seeing, tmp_path):
    crops = np.random.default_rng(0).random((3, 16, 16))
    np.save(tmp_path / "a.npy", crops)
    np.savez(tmp_path / "a.npz", crops=crops)
    for name in ("a.npy", "a.npz"):
        wave = heard(ask(client, (tmp_path / name).read_bytes()))
        np.testing.assert_allclose(wave, said(seeing, visual=crops), atol=2**-14)


def test_clients_of_piper_and_a_recording_besides(client, seeing, tmp_path):
    (tmp_path / "face.png").write_bytes(picture())
    time = np.arange(16000) / 16000
    soundfile.write(tmp_path / "a.wav", 0.3 * np.sin(1200 * time) * (1 + np.sin(20 * time)), 16000)
    files = {"visual": tmp_path / "face.png", "reference": tmp_path / "a.wav"}
    sent = {name: base64.b64encode(path.read_bytes()).decode() for name, path in files.items()}
    answer = client.post("/", json={"text": TEXT, "energy": QUIET, "intensity": 0.5, **sent})
    expected = said(seeing, intensity=0.5, **files)
    np.testing.assert_allclose(heard(answer), expected, atol=2**-14)
    assert not np.array_equal(expected, said(seeing, intensity=0.5, visual=files["visual"]))


def mistake(answer) -> dict:
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]


def claimed(width: int, height: int) -> bytes:
    """A picture whose header says that it has so many pixels."""
    small = picture()
    header = b"IHDR" + struct.pack(">II", width, height) + small[24:29]
    return small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


HOSTILE = {
    "text": (b"Here is no face. " * 20, "visual: unknown kind: expected a picture (JPEG, PNG, WebP, BMP)"),
    "play list": (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "visual: unknown kind"),
    "play list that looks like a stream": (b"#EXTM3U\n".ljust(188) + b"G\n", "visual: unreadable: "),
    "list of FFmpeg": (b"ffconcat version 1.0\nfile /etc/passwd\n", "visual: unknown kind"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "visual: unknown kind"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "visual: unknown kind"),
    "path": ("/etc/passwd", "visual: expected a picture or a video in base64"),
    "address": ("http://127.0.0.1/face.png", "visual: expected a picture or a video in base64"),
    "nothing": ("", "visual: the file is empty"),
    "huge": (claimed(30000, 30000), "visual: too large: "),
    "half": (picture()[:3000], "visual: unreadable: "),
    "no face": (picture(image=np.full((200, 200), 90, np.uint8)), "visual: no face: in 1 of 1 frames"),
    "signature alone": (b"\x89PNG\r\n\x1a\n", "visual: unreadable: "),
    "no video": (b"\x00\x00\x00\x20ftypisom" + bytes(100), "visual: unreadable: "),
    "pickle": (saved(np.array([print])), "visual: unreadable: an array of object, not of numbers"),
    "archive": (b"PK\x03\x04" + bytes(50), "visual: unreadable: "),
}


@pytest.mark.parametrize(("visual", "message"), HOSTILE.values(), ids=HOSTILE)
def test_what_cannot_be_used_is_refused_in_one_line(client, visual, message):
    error = mistake(ask(client, visual))
    assert error["message"].startswith(message), error["message"]
    assert error["param"] == "visual"
    assert "\n" not in error["message"]
    assert tempfile.gettempdir() not in error["message"]


def test_a_clip_that_is_too_long(client, tmp_path):
    assert ask(client, clip(tmp_path, "short.mp4", 50)).status_code == 200
    message = "visual: too long: 3 s, at most 2 s"  # of 2.8 s and 2.5 s
    assert mistake(ask(client, clip(tmp_path, "long.mp4", 70)))["message"] == message


def test_a_clip_that_takes_long_to_decode(client, tmp_path, monkeypatch):
    monkeypatch.setattr(videos, "MOST_PIXELS_A_SECOND_ASKED", 320 * 240 * 10)  # of 25 frames a second
    error = mistake(ask(client, clip(tmp_path, "large.mp4", 50)))
    assert error["message"] == "visual: too large: its frames have more than 2 million pixels in all"


def test_the_model_may_allow_less_than_the_server(seeing, tmp_path):
    app = create_app(seeing, ServerOptions(visual_seconds=60))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert ask(client, clip(tmp_path, "short.mp4", 70)).status_code == 200
        message = "visual: too long: 4 s, at most 3 s"
        assert mistake(ask(client, clip(tmp_path, "long.mp4", 88)))["message"] == message


def test_one_emotion_at_a_time(client):
    for given in ({"emotion": "sad"}, {"voice": "f1-sad"}):
        assert "both say the emotion" in mistake(ask(client, picture(), **given))["message"]
    answer = ask(client, picture(), instructions="Be sad.")
    assert answer.status_code == 200
    assert answer.headers["x-instructions"] == "ignored"


def test_a_model_without_faces(tts, client):
    with TestClient(create_app(tts), base_url="http://127.0.0.1") as blind:
        error = mistake(ask(blind, picture()))
        assert error["message"].startswith("visual: this model has no visual encoder")
        assert error["param"] == "visual"
        assert blind.get("/v1/models").json()["data"][0]["emotion_sources"] == ["reference"]
    for described in (client.get("/v1/models").json()["data"][0], client.get("/voices").json()["espnet_mtl"]):
        assert described["emotion_sources"] == ["reference", "visual"]


def test_files_are_gone_whatever_comes_of_them(seeing, tmp_path, monkeypatch):
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    asked = Asked(TEXT, "input", Controls(), visual=picture())
    tally = Tally()
    read, emotion = with_read_emotion(seeing, asked, tally)
    assert tally.synthesis_s > 0
    assert read.controls.emotion == emotion
    with pytest.raises(UserError, match=r"^visual: unreadable"):
        with_read_emotion(seeing, Asked(TEXT, "input", Controls(), visual=picture()[:3000]), Tally())
    with request_file(b"a", ".png") as path:
        assert [str(one) for one in folder.iterdir()] == [path]
    assert list(folder.iterdir()) == []


def test_faces_are_read_in_the_threads_that_speak(seeing, monkeypatch):
    seen = []
    read = seeing.reader.emotion_of_sources

    def noted(*given):
        seen.append(threading.current_thread().name)
        return read(*given)

    monkeypatch.setattr(seeing.reader, "emotion_of_sources", noted)
    with running(seeing) as address:
        content = base64.b64encode(picture()).decode()
        assert httpx.post(f"{address}/", json={"text": TEXT, "visual": content}, timeout=60).status_code == 200
    assert len(seen) == 1
    assert seen[0].startswith("speak")


def test_damaged_files_are_no_fault_of_the_server(client, tmp_path):
    """In each, some bytes are others."""
    np.savez(tmp_path / "a.npz", crops=np.random.default_rng(0).random((3, 16, 16)), rate=5)
    whole = [picture(), picture("JPEG", face("sad")), picture("WEBP"), (tmp_path / "a.npz").read_bytes()]
    whole += [clip(tmp_path, "a.mp4", 10), clip(tmp_path, "a.mkv", 10)]
    rng = random.Random(0)
    statuses = set()
    for content in whole * 6:
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 3, 30))):
            damaged[rng.randrange(min(len(damaged), rng.choice((64, 10**6))))] = rng.randrange(256)
        answer = ask(client, bytes(damaged))
        statuses.add(answer.status_code)
        assert answer.status_code == 200 or mistake(answer)["message"].startswith("visual")
    assert statuses == {200, 400}
