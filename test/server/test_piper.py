"""A client of Piper's server: `POST /` answers a whole WAV file."""

import io
import wave

import httpx
import numpy as np
import pytest

TEXT = "Good morning. Good good morning!"


def samples(content: bytes) -> np.ndarray:
    """Reads a WAV file as Piper's clients do, which believe its header."""
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16000)
        data = file.readframes(file.getnframes())
        assert len(data) == 2 * file.getnframes()
    return np.frombuffer(data, "<i2") / 2**15


def speech_of(tts, text=TEXT, **controls) -> np.ndarray:
    return np.concatenate([part["wav"].numpy() for part in tts.stream(text, **controls)]).clip(-1, 1)


@pytest.mark.parametrize(
    ("sent", "controls"),
    [
        ({}, {}),
        ({"voice": "tiny", "speaker": "m1", "length_scale": 1.25}, {"speaker": "m1", "rate": 0.8}),
        ({"speaker_id": 1, "noise_scale": 0.6, "noise_w_scale": 0.8}, {"speaker": "m1"}),
        ({"voice": "m1-sad", "pitch": -2}, {"speaker": "m1", "emotion": "sad", "pitch": -2}),
    ],
)
def test_speech(server, tts, sent, controls):
    answer = httpx.post(server, json={"text": TEXT, **sent})
    assert answer.headers["content-type"] == "audio/wav"
    assert int(answer.headers["content-length"]) == len(answer.content)
    np.testing.assert_allclose(samples(answer.content), speech_of(tts, **controls), atol=2**-14)


def test_a_text_alone(server, tts):
    answer = httpx.post(server, content=TEXT.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})
    np.testing.assert_allclose(samples(answer.content), speech_of(tts), atol=2**-14)


def test_voices(server, tts):
    (voice,) = httpx.get(f"{server}/voices").json().items()
    assert voice[0] == "tiny"
    assert voice[1]["speaker_id_map"] == {"f1": 0, "m1": 1}
    assert voice[1]["num_speakers"] == 2
    assert voice[1]["audio"]["sample_rate"] == tts.fs
    assert voice[1]["espeak"]["voice"] == "en-us"


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"text": " "}, "text: there is nothing to say"),
        ({}, "text: it is missing"),
        ({"text": TEXT, "speaker": "m9"}, "unknown speaker 'm9'"),
        ({"text": TEXT, "speaker_id": 2}, "speaker_id: expected 0 to 1, got 2"),
        ({"text": TEXT, "speaker_id": 1, "speaker": "m1"}, "speaker: another field of this request says it, too"),
        ({"text": TEXT, "length_scale": 0}, "length_scale: expected a number from 0.1 to 10, got 0"),
        ({"text": TEXT, "lenght_scale": 1}, "unknown field 'lenght_scale': did you mean length_scale"),
        ({"text": TEXT * 200}, "text: 6400 characters, at most 4096"),
    ],
)
def test_mistakes(server, sent, message):
    answer = httpx.post(server, json=sent)
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


def test_a_text_in_another_encoding(server):
    answer = httpx.post(server, content="Grüße".encode("latin-1"), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "text: byte 2 is no UTF-8"
