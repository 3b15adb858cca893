"""OpenAI's own client, against a running server."""

import base64
import io
import json

import numpy as np
import openai
import pytest
import soundfile
import soxr
from speech_server import running

from espnet_mtl.inference.word_edits import WordEdit

TEXT = "Good morning. Good good morning!"


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0) as client:
        yield client


def speech_of(tts, text=TEXT, **controls) -> np.ndarray:
    """Returns what Python says (T_wav,); an untrained model is too loud for 16 bits."""
    return np.concatenate([part["wav"].numpy() for part in tts.stream(text, **controls)]).clip(-1, 1)


def decoded(content: bytes, form: str) -> tuple[np.ndarray, int]:
    if form == "pcm":
        return np.frombuffer(content, "<i2") / 2**15, 24000
    return soundfile.read(io.BytesIO(content))


@pytest.mark.parametrize("form", ["wav", "flac", "mp3", "opus", "pcm"])
def test_each_format_is_the_speech_of_python(client, tts, form):
    given = {"voice": "m1-sad", "speed": 1.2, "extra_body": {"energy": -26}}
    answer = client.audio.speech.create(model="tts-1", input=TEXT, response_format=form, **given)
    wave, fs = decoded(answer.content, form)
    expected = speech_of(tts, speaker="m1", emotion="sad", rate=1.2, energy=-26)
    assert fs == (24000 if form == "pcm" else 16000)
    assert len(wave) / fs == pytest.approx(len(expected) / 16000, abs=0.15 if form == "mp3" else 0.001)
    if form in ("wav", "flac"):
        np.testing.assert_allclose(wave, expected, atol=2**-14)
    if form == "pcm":
        np.testing.assert_allclose(wave, soxr.resample(expected, 16000, 24000), atol=2**-12)
    if form in ("mp3", "opus"):
        assert 0.7 < np.std(wave) / np.std(expected) < 1.3


@pytest.mark.parametrize("rate", [22050, 44100])
def test_a_model_of_another_sampling_rate(make_tts, rate):
    tts = make_tts(feats_extract_conf={"fs": rate, "n_fft": 1024, "hop_length": 256, "n_mels": 80})
    expected = speech_of(tts)
    with running(tts) as address, openai.OpenAI(base_url=f"{address}/v1", api_key="none") as client:
        for form, wanted in {"mp3": rate, "opus": 24000, "pcm": 24000, "wav": rate}.items():
            answer = client.audio.speech.create(model="tiny", input=TEXT, voice="f1", response_format=form)
            wave, fs = decoded(answer.content, form)
            assert fs == wanted
            assert len(wave) / fs == pytest.approx(len(expected) / rate, abs=0.12)


def test_sound_comes_before_all_of_it_is_made(tts):
    from speech_server import gated

    gate = gated(tts)
    with running(tts) as address, openai.OpenAI(base_url=f"{address}/v1", api_key="none") as client:
        gate.open(1)
        create = client.audio.speech.with_streaming_response.create
        with create(model="tiny", input=TEXT, voice="f1", response_format="wav") as answer:
            pieces = answer.iter_bytes(1024)
            first = next(pieces)
            assert gate.said == 1
            gate.open(1)
            content = first + b"".join(pieces)
    assert content[4:8] == b"\xff" * 4
    assert len(decoded(content, "wav")[0]) == (len(content) - 44) // 2


def test_events(client, tts):
    create = client.audio.speech.with_streaming_response.create
    with create(model="tiny", input=TEXT, voice="f1", response_format="pcm", stream_format="sse") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line]
    *deltas, done = lines
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    sound = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
    expected = client.audio.speech.create(model="tiny", input=TEXT, voice="f1", response_format="pcm").content
    assert sound == expected
    parts = list(tts.stream(TEXT, speaker="f1"))
    tokens, frames = (
        sum(len(part["prosody"].tokens) for part in parts),
        sum(int(part["duration"].sum()) for part in parts),
    )
    assert done == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": tokens, "output_tokens": frames, "total_tokens": tokens + frames},
    }


CONTROLS = {"emotion": {"sad": 0.3, "neutral": 0.7}, "intensity": 0.5, "pitch": 2, "pitch_range": 1.2, "energy": -6}
OTHERS = {"rate": 0.8, "pause": 0.2, "language": "en-us", "speaker": "f1:0.5,m1:0.5"}


def test_all_controls(client, tts):
    given = {**CONTROLS, **OTHERS}
    answer = client.audio.speech.create(
        model="tiny", input=TEXT, voice="default", response_format="wav", extra_body=given
    )
    np.testing.assert_allclose(decoded(answer.content, "wav")[0], speech_of(tts, **given), atol=2**-14)


def test_a_mixture_of_voices(client, tts):
    answer = client.audio.speech.create(model="tiny", input=TEXT, voice="f1(.7)+m1(.3)-sad", response_format="wav")
    expected = speech_of(tts, speaker={"f1": 0.7, "m1": 0.3}, emotion="sad")
    np.testing.assert_allclose(decoded(answer.content, "wav")[0], expected, atol=2**-14)


def test_markup(client, tts):
    text = '<speak>Good <prosody pitch="+3st">morning</prosody>.</speak>'
    answer = client.audio.speech.create(model="tiny", input=text, voice={"id": "m1"}, response_format="wav")
    np.testing.assert_allclose(decoded(answer.content, "wav")[0], speech_of(tts, text, speaker="m1"), atol=2**-14)


@pytest.mark.parametrize(
    ("instructions", "voice", "taken", "emotion"),
    [
        ("Speak in a Sad, slow tone.", "f1", "emotion=sad", "sad"),
        ("Like a pirate.", "f1", "ignored", None),
        ("First happy, then sad.", "f1", "ignored", None),
        ("Be sad.", "f1-happy", "ignored", "happy"),
    ],
)
def test_an_emotion_that_the_instructions_name(client, tts, instructions, voice, taken, emotion):
    create = client.audio.speech.with_raw_response.create
    answer = create(model="tiny", input=TEXT, voice=voice, instructions=instructions, response_format="wav")
    assert answer.headers["x-instructions"] == taken
    expected = speech_of(tts, speaker="f1", emotion=emotion)
    np.testing.assert_allclose(decoded(answer.content, "wav")[0], expected, atol=2**-14)


def test_models_and_voices(client):
    assert [model.id for model in client.models.list()] == ["tiny"]
    assert client.models.retrieve("tts-1-hd").id == "tts-1-hd"
    voices = client.get("/audio/voices", cast_to=object)["voices"]
    assert [voice["id"] for voice in voices][:4] == ["f1", "f1-happy", "f1-neutral", "f1-sad"]
    for voice in voices:
        client.audio.speech.create(model="gpt-4o-mini-tts-2025-12-15", input="Good.", voice=voice["id"])


@pytest.mark.parametrize(
    ("given", "param", "message"),
    [
        ({"voice": "alloy"}, "voice", "unknown voice 'alloy': Valid: f1, m1; a voice with an emotion: f1-happy"),
        ({"voice": "f1-hapy"}, "voice", "unknown voice 'f1-hapy'"),
        ({"voice": "f1(x)+m1"}, "voice", "voice: expected the share of f1 as a number, got 'x'"),
        ({"voice": "f1+f1"}, "voice", "voice: f1 comes twice"),
        ({"voice": "f1(0)+m1(0)"}, None, "numbers of at least 0 that are not all 0"),
        ({"speed": 20.0}, "rate", "rate: expected a number from 0.1 to 10, got 20.0"),
        ({"input": ""}, "input", "input: there is nothing to say"),
        ({"input": "<speak>Good</speek>"}, None, "markup, line 1"),
        ({"input": "Good. " * 1000}, "input", "input: 6000 characters, at most 4096 are taken"),
        ({"response_format": "aac"}, "response_format", "Input should be 'mp3', 'opus', 'flac', 'wav' or 'pcm'"),
        ({"extra_body": {"emotoin": "sad"}}, "emotoin", "unknown field 'emotoin': did you mean emotion?"),
        ({"extra_body": {"emotion": "bored"}}, "emotion", "unknown emotion 'bored'"),
        ({"extra_body": {"rate": 2.0}, "speed": 1.5}, "rate", "rate: another field of this request says it, too"),
        ({"extra_body": {"pitch": [1.0, 2.0]}}, "pitch", "pitch: Input should be a valid number"),
        ({"extra_body": {"seed": -1}}, "seed", "seed: expected a whole number"),
        ({"extra_body": {"reference": "!"}}, "reference", "reference: expected a recording in base64"),
    ],
)
def test_mistakes(client, given, param, message):
    given = {"model": "tiny", "input": TEXT, "voice": "f1", **given}
    with pytest.raises(openai.BadRequestError) as raised:
        client.audio.speech.create(**given)
    assert message in raised.value.body["message"]
    assert raised.value.body["type"] == "invalid_request_error"
    assert raised.value.param == param


def test_an_unknown_model(client):
    with pytest.raises(openai.NotFoundError) as raised:
        client.audio.speech.create(model="whisper-1", input=TEXT, voice="f1")
    assert raised.value.code == "model_not_found"
    assert "tiny is, also by the names tts-1" in raised.value.body["message"]


def test_a_fault_after_the_first_sound_is_seen(make_tts):
    """Nobody takes half a text for the whole."""
    tts = make_tts(options={"max_tokens": 3})
    text = "Good. Morning."
    with running(tts) as address, openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        with pytest.raises(Exception, match=r"incomplete chunked read|Connection error"):
            client.audio.speech.create(model="tiny", input=text, voice="f1", response_format="pcm")
        with pytest.raises(openai.BadRequestError, match="5 tokens, but 3 are the most"):
            client.audio.speech.create(model="tiny", input=text, voice="f1", response_format="flac")
        create = client.audio.speech.with_streaming_response.create
        with create(model="tiny", input=text, voice="f1", stream_format="sse") as answer:
            last = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line][-1]
        assert last["type"] == "error"
        assert "5 tokens, but 3 are the most" in last["error"]["message"]


def test_words_are_edited(client, tts):
    edits = [{"sentence": 1, "word": 2, "pitch": 4, "stretch": 1.5, "gain": -3}]
    given = {"model": "tts-1", "voice": "f1", "input": TEXT, "response_format": "wav"}
    answer = client.audio.speech.create(**given, extra_body={"edits": edits, "energy": -26})
    wave, _ = decoded(answer.content, "wav")
    expected = speech_of(tts, edits=[WordEdit(**edit) for edit in edits], speaker="f1", energy=-26)
    np.testing.assert_allclose(wave, expected, atol=2**-14)
    mistakes = [({"word": 0, "pith": 1}, "pith"), ({"word": 0, "pitch": 99}, "edits: pitch")]
    mistakes += [({"word": 9, "sentence": 1}, "no word 9"), ({"word": 0, "sentence": 9}, "no sentence 9")]
    for wrong, message in mistakes:
        with pytest.raises(openai.BadRequestError, match=message):
            client.audio.speech.create(**given, extra_body={"edits": [wrong]})
