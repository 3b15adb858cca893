"""Requests to the labelling page that are not its own, and texts that are no HTML."""

from pathlib import Path
from types import SimpleNamespace

import gradio
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.labelling.manual import ManualLabels
from espnet_mtl.labelling.page import _choose, _show, _show_next, launch
from espnet_mtl.system.files import write_text


def test_only_its_own_page_is_answered():
    """Gradio gets a middleware; what that does is seen without Gradio, whose event loops end with the process only."""
    options = {}
    launch(SimpleNamespace(launch=lambda **given: options.update(given), local_url=""), "127.0.0.1", 0)
    app = FastAPI(**options["app_kwargs"])
    app.post("/")(lambda: None)
    with TestClient(app, base_url="http://127.0.0.1:7860") as browser:
        assert browser.post("/").status_code == 200
        assert browser.post("/", headers={"Host": "evil.example"}).status_code == 400
        assert browser.post("/", headers={"Origin": "http://evil.example"}).status_code == 403
        assert browser.post("/", content=b"x" * (2**20 + 1)).status_code == 413


def test_a_text_is_no_html(labelled):
    data, output, utts = labelled
    texts = read_table(data / "text")
    write_table(data / "text", {**texts, utts[2]: "<script>alert(1)</script> **bold**"})
    _, _, text, _ = _show(ManualLabels(data, output), 0)
    assert text == "&lt;script&gt;alert(1)&lt;/script&gt; **bold**"


@pytest.mark.parametrize("content", ["", "no sound", None])
def test_a_recording_that_cannot_be_read_can_be_skipped(labelled, content):
    data, output, utts = labelled
    work = ManualLabels(data, output)
    path = Path(work.wavs[utts[2]])
    path.unlink()
    if content is not None:
        write_text(path, content)
    position, progress, text, recording = _show_next(work, 0)
    assert (position, recording) == (0, None)
    assert "this is number 1" in progress
    assert path.name in text
    assert "skip it" in text
    assert _show_next(work, position + 1)[3] is not None


def test_a_damaged_table_is_told_on_the_page(labelled):
    data, output, _ = labelled
    work = ManualLabels(data, output)
    write_text(output / "utt2emo_by_hand", "junk\n")
    with pytest.raises(gradio.Error, match=r"utt2emo_by_hand:1: expected '<key> <value>', got 'junk'"):
        _show(work, 0)
    with pytest.raises(gradio.Error, match=r"Not saved: .*utt2emo_by_hand:1: expected"):
        _choose(work, "happy", 0)
