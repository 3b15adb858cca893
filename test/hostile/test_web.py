"""Requests to the pages that are not of their own page: refused with 4xx, and nothing is lost."""

import json
import random

import pytest
from fastapi.testclient import TestClient
from speech_sets import listening_test

from espnet_mtl.listening.answers import read_answers
from espnet_mtl.listening.app import build_app
from espnet_mtl.system.sockets import MOST_BYTES

BASE = "http://127.0.0.1:7860"
VALUES = (
    *("NaN", "-Infinity", "1e999", '"\\ud800"', '"<script>"', '"../x"', "null", "[]", "{}", "-1", "1.5", '"\\u0000"'),
    *("1" + "0" * 400, "1" + "0" * 5000, '"=1+1"', '"a\\nb"', '"' + "x" * 5000 + '"'),
)


@pytest.fixture
def test(tmp_path):
    return listening_test(tmp_path, "mos")


@pytest.fixture
def browser(test):
    with TestClient(build_app(test), base_url=BASE, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:7860", 200),
        ("localhost:7860", 200),
        ("[::1]:7860", 200),
        ("192.168.1.2", 200),
        ("evil.example:7860", 400),
        ("127.0.0.1.evil.example", 400),
        ("user@127.0.0.1", 400),
        ("[", 400),
        ("", 400),
    ],
)
def test_a_name_of_another_site_that_leads_here(browser, host, status):
    assert browser.get("/", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://[", "http://127.0.0.1:1", f"{BASE}.evil"])
def test_a_page_of_another_site(browser, test, origin):
    answer = {"listener": "ann", "trial": 1, "answer": "5"}
    assert browser.post("/answer", json=answer, headers={"Origin": origin}).status_code == 403
    assert read_answers(test, "ann") == {}
    assert browser.post("/answer", json=answer, headers={"Origin": BASE}).status_code == 204
    assert read_answers(test, "ann") == {1: "5"}


@pytest.mark.parametrize("path", ["/audio/1/..%2f..%2fetc%2fpasswd", "/../../etc/passwd", "/%2e%2e/etc/passwd"])
def test_paths_lead_nowhere(browser, path):
    assert browser.get(path).status_code == 404


def test_a_body_that_is_too_large(browser):
    assert browser.post("/answer", content=b"x" * (MOST_BYTES + 1)).status_code == 413


def test_any_request_is_answered_and_no_answer_is_lost(browser, test):
    rng = random.Random(0)
    assert browser.post("/answer", json={"listener": "ann", "trial": 1, "answer": "5"}).status_code == 204
    for _ in range(150):
        sent = {"listener": '"ann"', "trial": "2", "answer": '"4"'}
        for key in rng.sample([*sent, "more"], 2):
            sent[key] = rng.choice(VALUES)
        body = ", ".join(f"{json.dumps(key)}: {value}" for key, value in sent.items())
        reply = browser.post("/answer", content=f"{{{body}}}".encode(), headers={"Content-Type": "application/json"})
        assert reply.status_code == 204 or 400 <= reply.status_code < 500, body
    for body in (b"", b"\xff\xfe", b"[" * 20000, b'{"a":', b"NaN", b'"\\ud800"', b"null"):
        assert 400 <= browser.post("/answer", content=body).status_code < 500
    assert read_answers(test, "ann")[1] == "5"


def test_script_in_a_name_is_text(browser):
    reply = browser.get("/", params={"listener": "</script><script>alert(1)</script>"})
    assert "<script>alert" not in reply.text
