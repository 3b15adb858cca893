"""Requests to the labelling page that are not its own, and texts that are no HTML."""

import pytest
from fastapi.testclient import TestClient
from gradio.routes import App

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.labelling.manual import ManualLabels
from espnet_mtl.labelling.page import _show, app_options, build_page

BASE = "http://127.0.0.1:7860"


@pytest.fixture
def browser(labelled):
    data, output, _ = labelled
    page = build_page(ManualLabels(data, output))
    return TestClient(App.create_app(page, app_kwargs=app_options("127.0.0.1")), base_url=BASE)


def test_only_its_own_page_is_answered(browser):
    assert browser.get("/config").status_code == 200
    assert browser.get("/config", headers={"Host": "evil.example"}).status_code == 400
    asked, sent = "/gradio_api/queue/join", {"data": [0], "fn_index": 0, "session_hash": "x"}
    assert browser.post(asked, json=sent, headers={"Origin": "http://evil.example"}).status_code == 403
    assert browser.post(asked, content=b"x" * (2**20 + 1)).status_code == 413


def test_a_text_is_no_html(labelled):
    data, output, utts = labelled
    texts = read_table(data / "text")
    write_table(data / "text", {**texts, utts[2]: "<script>alert(1)</script> **bold**"})
    _, _, text, _ = _show(ManualLabels(data, output), 0)
    assert text == "&lt;script&gt;alert(1)&lt;/script&gt; **bold**"
