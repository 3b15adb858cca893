"""The application: its own routes, models of all kinds, and other applications on it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from threading import Event

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from speech_server import running
from tiny_backbones import TINY

from espnet_mtl.server.app import create_app
from espnet_mtl.server.jobs import Jobs, QueueFull
from espnet_mtl.server.options import ServerOptions


@pytest.fixture
def client(tts):
    with TestClient(create_app(tts), base_url="http://127.0.0.1") as client:
        yield client


def test_every_route_is_described(client):
    assert client.get("/", follow_redirects=False).headers["location"] == "docs"
    assert "openapi.json" in client.get("/docs").text
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        *("/", "/voices", "/v1/audio/speech", "/v1/audio/voices", "/v1/models", "/v1/models/{model}"),
        *("/health", "/metrics"),
    }


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/none", 404), ("PUT", "/", 405), ("GET", "//", 404)])
def test_what_is_not_there_is_said_in_the_form_of_openai(client, method, path, status):
    answer = client.request(method, f"http://127.0.0.1{path}")
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_an_application_of_another_on_this_one(tts):
    app, other = create_app(tts), FastAPI()
    other.get("/hello")(lambda: "hello")
    app.mount("/demo", other)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.get("/demo/hello").json() == "hello"
        assert 'requests_total{route="/demo/hello",status="200"} 1.0' in client.get("/metrics").text
        assert client.get("/v1/models").status_code == 200


def test_a_model_without_emotions(make_tts):
    tts = make_tts(emotions=[], speakers=["f1"], tasks={"tts": {}})
    with TestClient(create_app(tts), base_url="http://127.0.0.1") as client:
        assert [voice["id"] for voice in client.get("/v1/audio/voices").json()["voices"]] == ["f1"]
        for voice in ("f1", "default"):
            sent = {"input": "Good.", "voice": voice, "instructions": "Be happy."}
            answer = client.post("/v1/audio/speech", json=sent)
            assert answer.status_code == 200
            assert answer.headers["x-instructions"] == "ignored"
        answer = client.post("/v1/audio/speech", json={"input": "Good.", "emotion": "sad"})
        assert answer.status_code == 400
        assert "this model has no emotions" in answer.json()["error"]["message"]


def test_tacotron2_speaks_by_the_seed(make_tts):
    conf = {**TINY["tacotron2"], "dropout_rate": 0.5}
    tts = make_tts(tts="tacotron2", tts_conf=conf, options={"maxlenratio": 3.0, "threshold": 1.0})
    with TestClient(create_app(tts), base_url="http://127.0.0.1") as client:
        sent = {"input": "Good.", "response_format": "pcm"}
        first, again, other = (
            client.post("/v1/audio/speech", json={**sent, "seed": seed}).content for seed in (1, 1, 2)
        )
        assert first == again
        assert first != other
        answer = client.post("/v1/audio/speech", json={**sent, "pitch": 2})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "pitch"


def test_memory_that_runs_out_is_not_the_clients_mistake(tts):
    def full(*given, **named):
        raise MemoryError

    tts.model.inference = full
    with TestClient(create_app(tts), base_url="http://127.0.0.1") as client:
        answer = client.post("/v1/audio/speech", json={"input": "Good."})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert "out of memory" in answer.json()["error"]["message"]


def test_jobs_that_wait_are_forgotten_when_the_server_ends():
    """Those that are being worked on end well."""
    begun, held = [], Event()

    def make(number):
        def pieces():
            begun.append(number)
            held.wait(60)  # or all four might be done before the fifth comes
            yield b"piece"

        return pieces

    async def use():
        jobs = Jobs(workers=1, queue=3)
        started = [jobs.start(make(number)) for number in range(4)]
        with pytest.raises(QueueFull):
            jobs.start(make(4))
        for job in started[1:]:
            job.cancel()
        held.set()
        assert await started[0].next() == b"piece"
        assert await started[0].next() is None
        await jobs.close()
        assert (jobs.waiting, jobs.running) == (0, 0)

    asyncio.run(use())
    assert begun[0] == 0
    assert 4 not in begun


def test_options_say_what_is_served(tts):
    app = create_app(tts, ServerOptions(name="mine"))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.get("/health").json() == {"status": "ok", "model": "mine", "waiting": 0, "running": 0}
        sent = {"input": "Good.", "model": "espnet_mtl"}
        assert client.post("/v1/audio/speech", json=sent).json()["error"]["code"] == "model_not_found"
        assert client.post("/v1/audio/speech", json={**sent, "model": "mine"}).status_code == 200


def test_one_server_after_the_other(tts):
    """Each counts for itself."""
    for _ in range(2):
        with running(tts) as address:
            assert httpx.post(address, json={"text": "Good."}).status_code == 200
            assert 'requests_total{route="/",status="200"} 1.0' in httpx.get(f"{address}/metrics").text


def test_the_server_needs_no_pytorch():
    """A model of ONNX is served where it is not installed."""
    code = "import sys; sys.modules['torch'] = sys.modules['espnet2'] = None; import espnet_mtl.server.run"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
