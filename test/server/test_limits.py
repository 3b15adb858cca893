"""What a server does not do: too much, for ever, or for everybody."""

import base64
import io
import json
import logging
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
import soundfile
from speech_server import gated, running, wait_for

TEXT = "Good morning. " * 20
SPEECH = {"input": TEXT, "response_format": "pcm"}
FORM = {"Content-Type": "application/json"}


def ask(address: str, **given) -> httpx.Response:
    return httpx.post(f"{address}/v1/audio/speech", json={**SPEECH, **given}, timeout=60)


def hang_up_after_first_sound(address: str, path: str = "/v1/audio/speech", **given) -> None:
    with httpx.stream("POST", f"{address}{path}", json={**SPEECH, **given}) as answer:
        next(answer.iter_raw())


def test_a_client_that_hangs_up_frees_its_slot(tts):
    gate = gated(tts)
    with running(tts, workers=1, queue=0) as address:
        gate.open(1)
        hang_up_after_first_sound(address)
        gate.open(2)  # the sentence that was being spoken, and perhaps the next one
        wait_for(address, running=0)
        assert gate.said <= 3
        gate.open(20)
        assert ask(address, input="Good.").status_code == 200


def test_a_client_that_hangs_up_before_any_sound(tts):
    """So does one of a format that is sent as a whole, and one that waits."""
    gate = gated(tts)
    with running(tts, workers=1, queue=1) as address:
        for _ in range(2):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{address}/v1/audio/speech", json={**SPEECH, "response_format": "flac"}, timeout=0.3)
        wait_for(address, running=1, waiting=0)
        gate.open(1)
        wait_for(address, running=0)
        assert gate.said == 1


def test_a_full_line(tts):
    gate = gated(tts)
    with running(tts, workers=1, queue=1) as address, ThreadPoolExecutor(2) as pool:
        admitted = [pool.submit(ask, address) for _ in range(2)]
        wait_for(address, running=1, waiting=1)
        answer = ask(address)
        assert answer.status_code == 503
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert answer.json()["error"]["code"] == "queue_full"
        gate.open(40)
        first, second = (future.result() for future in admitted)
        assert first.status_code == second.status_code == 200
        assert first.content == second.content
        metrics = httpx.get(f"{address}/metrics").text
    assert 'espnet_mtl_rejected_total{reason="queue full"} 1.0' in metrics
    assert 'espnet_mtl_requests_total{route="/v1/audio/speech",status="503"} 1.0' in metrics
    assert 'espnet_mtl_requests_total{route="/v1/audio/speech",status="200"} 2.0' in metrics
    assert "espnet_mtl_first_byte_seconds_count 2.0" in metrics
    assert "espnet_mtl_running 0.0" in metrics
    audio = float(metrics.partition("\nespnet_mtl_audio_seconds_total ")[2].split()[0])
    assert audio == pytest.approx(2 * len(first.content) / 2 / 24000, rel=1e-3)


def test_no_sound_in_time(tts):
    gate = gated(tts)
    with running(tts, seconds=0.5) as address:
        answer = ask(address)
        assert answer.status_code == 504
        assert answer.json()["error"]["code"] == "timeout"
        gate.open(1)
        wait_for(address, running=0)
        assert gate.said == 1


def test_an_answer_that_takes_too_long_is_cut(tts):
    gate = gated(tts)
    with running(tts, seconds=1.0) as address:
        gate.open(1)
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            ask(address)
        gate.open(2)
        wait_for(address, running=0)
        *_, last = ask(address, stream_format="sse").text.strip().split("\n\n")
        assert json.loads(last.removeprefix("data: "))["error"]["code"] == "timeout"
        gate.open(2)
        wait_for(address, running=0)


def test_two_clients_get_what_each_gets_alone(tts):
    requests = [{"voice": "f1"}, {"voice": "m1-sad", "rate": 1.3}, {"voice": "f1(.5)+m1(.5)", "pitch": 3}] * 2
    requests = [{"input": "Good morning. Good.", **request} for request in requests]
    with running(tts) as address:
        alone = [ask(address, **request).content for request in requests[:3]] * 2
        with ThreadPoolExecutor(6) as pool:
            together = list(pool.map(lambda request: ask(address, **request).content, requests))
    assert together == alone
    assert len(set(alone)) == 3


@pytest.mark.parametrize("announced", [True, False])
def test_a_request_that_is_too_large(tts, announced):
    body = json.dumps({"input": "Good.", "reference": "A" * 2**20}).encode()
    with running(tts, megabytes=1) as address:
        content = body if announced else iter([body[: 2**19], body[2**19 :]])
        answer = httpx.post(f"{address}/v1/audio/speech", content=content, headers=FORM)
        assert answer.status_code == 413
        assert answer.json()["error"]["message"] == "more than 1 MiB"


def test_a_token(tts):
    with running(tts, token="right") as address:
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic right"}, {"Authorization": ""}):
            for path in ("/v1/models", "/metrics", "/docs", "/voices", "/nothing"):
                answer = httpx.get(f"{address}{path}", headers=given)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
            assert httpx.post(f"{address}/", json={"text": "Good."}, headers=given).status_code == 401
        assert httpx.get(f"{address}/health").status_code == 200
        right = {"Authorization": "Bearer right", "Host": "any.example"}
        assert httpx.get(f"{address}/v1/models", headers=right).status_code == 200
        assert httpx.post(f"{address}/", json={"text": "Good."}, headers=right).status_code == 200


def test_pages_of_other_sites(tts):
    page = {"Origin": "https://page.example"}
    asks = {**page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    with running(tts) as address:
        assert httpx.get(f"{address}/v1/models", headers={"Host": "evil.example"}).status_code == 400
        assert httpx.post(f"{address}/", json={"text": "Good."}, headers=page).status_code == 403
        assert "access-control-allow-origin" not in httpx.options(address, headers=asks).headers
    with running(tts, hosts=("speech.example",), origins=("https://page.example",)) as address:
        assert httpx.get(f"{address}/v1/models", headers={"Host": "speech.example:80"}).status_code == 200
        allowed = httpx.options(address, headers=asks)
        assert allowed.headers["access-control-allow-origin"] == "https://page.example"
        answer = httpx.post(f"{address}/", json={"text": "Good."}, headers=page)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://page.example"
        other = {"Origin": "https://other.example"}
        assert httpx.post(f"{address}/", json={"text": "Good."}, headers=other).status_code == 403


def test_the_log_has_no_texts(tts, caplog, capfd):
    from espnet_mtl.server.logs import JsonLines

    caplog.set_level(logging.INFO, "espnet_mtl.server.requests")
    with running(tts) as address:
        assert ask(address, input="Confidential morning.").status_code == 200
        assert ask(address, input="Confidential.", voice="secret").status_code == 400
        assert httpx.get(f"{address}/confidential?confidential=1").status_code == 404
    lines = [JsonLines().format(record) for record in caplog.records]
    assert any("the model does not know" in record.getMessage() for record in caplog.records)
    text = "\n".join(lines) + capfd.readouterr().out
    assert "onfidential" not in text
    assert "secret" not in text
    asked = [line for line in map(json.loads, lines) if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in asked] == [
        ("/v1/audio/speech", 200),
        ("/v1/audio/speech", 400),
        ("other", 404),
    ]
    assert asked[0]["characters"] == len("Confidential morning.")
    assert asked[0]["audio_s"] > 0
    assert asked[0]["outcome"] == "answered"


def test_a_fault_of_the_server_says_no_more_than_its_number(tts, caplog):
    def broken(text, **given):
        raise RuntimeError(f"cannot say {text}")

    tts.stream = broken
    with running(tts) as address:
        answer = ask(address, input="Confidential.")
        wait_for(address, running=0)
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "server_error"
    assert answer.headers["x-request-id"] in answer.text
    (fault,) = [record for record in caplog.records if record.getMessage() == "error"]
    assert fault.fields["kind"] == "RuntimeError"
    assert any("broken" in place for place in fault.fields["places"])
    assert "onfidential" not in str(vars(fault)) + answer.text


def test_a_reference(tts):
    file = io.BytesIO()
    time_s = np.arange(16000) / 16000
    soundfile.write(file, 0.3 * np.sin(2 * np.pi * 200 * time_s) * (1 + np.sin(20 * time_s)), 16000, format="FLAC")
    long, text = io.BytesIO(), base64.b64encode(b"no sound").decode()
    soundfile.write(long, np.zeros(16000 * 61), 16000, format="FLAC")
    recording = base64.b64encode(file.getvalue()).decode()
    with running(tts) as address:
        heard = ask(address, reference=recording)
        assert heard.status_code == 200
        assert heard.content != ask(address, emotion="sad").content
        for given, message in (
            ({"reference": text}, "reference cannot be read as audio: Error opening: "),
            ({"reference": "/etc/passwd"}, "reference: expected a recording in base64"),
            ({"reference": ""}, "reference: the file is empty"),
            ({"reference": base64.b64encode(long.getvalue()).decode()}, "reference: 61 s of sound, at most 60 s"),
            ({"reference": recording, "emotion": "sad"}, "both say the emotion"),
        ):
            answer = ask(address, **given)
            assert answer.status_code == 400
            assert message in answer.json()["error"]["message"]
            assert "/tmp" not in answer.text.replace("/etc/passwd", "")


def test_a_request_that_does_not_end(tts, monkeypatch):
    monkeypatch.setattr("espnet_mtl.system.sockets.BODY_SECONDS", 0.3)
    with running(tts) as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\n".encode())
            slow.settimeout(10)
            assert slow.recv(100).startswith(b"HTTP/1.1 408")


def test_a_client_that_does_not_read_is_cut_off(tts, monkeypatch):
    monkeypatch.setattr("espnet_mtl.server.jobs.MOST_AHEAD", 2**18)
    sent = {**SPEECH, "input": "Good. " * 600}
    with running(tts) as address, httpx.stream("POST", f"{address}/v1/audio/speech", json=sent) as answer:
        wait_for(address, running=0)
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()


def test_a_file_that_is_sent_as_a_whole_may_be_large(tts, monkeypatch):
    monkeypatch.setattr("espnet_mtl.server.jobs.MOST_AHEAD", 2**10)
    with running(tts) as address:
        given = {"input": "Good morning.", "response_format": "flac"}
        assert len(ask(address, **given).content) > 2**11
        assert "speech.audio.done" in ask(address, **given, stream_format="sse").text
