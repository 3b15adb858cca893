"""Requests of all kinds are answered: what cannot be said with 4xx, and never with 5xx."""

import random
import socket

import httpx
import pytest
from random_requests import random_bytes, random_request
from speech_server import running

REQUESTS = 200


@pytest.fixture
def server(tts):
    with running(tts, characters=60, megabytes=1) as address:
        yield address


def test_malformed_requests(server):
    rng = random.Random(0)
    statuses = set()
    with httpx.Client(base_url=server, timeout=60) as client:
        for _ in range(REQUESTS):
            method, path, kind, body = random_request(rng)
            answer = client.request(method, path, content=body, headers={"Content-Type": kind})
            statuses.add(answer.status_code)
            assert answer.status_code in (200, 307) or 400 <= answer.status_code < 500, (path, kind, body, answer.text)
    assert {200, 400, 404, 405} <= statuses


def test_bytes_that_are_no_http(server):
    host, port = server.removeprefix("http://").split(":")
    rng = random.Random(0)
    for _ in range(50):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(random_bytes(rng))
            connection.shutdown(socket.SHUT_WR)
            reply = connection.recv(1000)
            assert not reply or reply.startswith((b"HTTP/1.1 4", b"HTTP/1.1 3", b"HTTP/1.1 200")), reply
    assert httpx.get(f"{server}/health").json()["status"] == "ok"
