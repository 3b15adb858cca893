"""Someone listens to recordings and labels them in a browser, with the keyboard."""

import os

import browser
import gradio
import pytest
from playwright.sync_api import expect

from espnet_mtl.data.kaldi import read_table
from espnet_mtl.errors import UserError
from espnet_mtl.labelling.manual import ManualLabels
from espnet_mtl.labelling.page import _choose, build_page, launch

pytestmark = browser.needed


@pytest.fixture
def served(labelled):
    data, output, utts = labelled
    server = launch(build_page(ManualLabels(data, output)), "127.0.0.1", 0)
    yield server.local_url, output, utts
    server.close()


def test_a_label_that_finds_no_room_is_not_taken_for_saved(labelled, full_disk):
    data, output, utts = labelled
    work = ManualLabels(data, output)
    with full_disk(), pytest.raises(gradio.Error, match=r"Not saved: .*no space left"):
        _choose(work, "happy", 0)
    assert work.labels() == {}
    _choose(work, "happy", 0)
    assert work.labels() == {utts[2]: "happy"}


def test_keys_label_skip_and_go_back(served, page):
    url, output, utts = served
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    progress = page.locator("#progress")
    expect(progress).to_contain_text("0 of 3 labelled; this is number 1", timeout=20000)
    expect(page.locator("#text")).not_to_be_empty()
    page.keyboard.press("2")
    expect(progress).to_contain_text("1 of 3 labelled; this is number 2")
    assert read_table(output / "utt2emo_by_hand") == {utts[2]: "happy"}
    page.keyboard.press("s")
    expect(progress).to_contain_text("1 of 3 labelled; this is number 3")
    page.keyboard.press("u")
    expect(progress).to_contain_text("this is number 2")
    page.keyboard.press("u")
    expect(progress).to_contain_text("number 1, labelled happy")
    if directory := os.environ.get("LABEL_PICTURES"):
        page.screenshot(path=f"{directory}/label_{page.viewport_size['width']}.png")
    page.keyboard.press("1")
    expect(progress).to_contain_text("this is number 2")
    page.locator("#key-3").click()
    expect(progress).to_contain_text("this is number 3")
    page.keyboard.press("3")
    expect(page.locator("#text")).to_contain_text("the last one")
    assert read_table(output / "utt2emo_by_hand") == {utts[2]: "calm", utts[0]: "sad", utts[1]: "sad"}
    assert url in asked
    assert [address for address in asked if not address.startswith((url, "data:", "blob:"))] == []


def test_it_goes_on_where_it_was_left_and_plays(served, page):
    url = served[0]
    page.goto(url)
    expect(page.locator("#progress")).to_contain_text("number 1", timeout=20000)
    page.keyboard.press("1")
    expect(page.locator("#progress")).to_contain_text("number 2")
    page.reload()
    expect(page.locator("#progress")).to_contain_text("1 of 3 labelled; this is number 2", timeout=20000)
    page.wait_for_function("document.querySelector('#recording audio')?.duration > 0")
    page.evaluate(
        "window.plays = 0; document.querySelector('#recording audio').addEventListener('play', () => plays++)"
    )
    page.evaluate("document.querySelector('#recording audio').pause()")
    page.keyboard.press(" ")
    page.wait_for_function("plays > 0")


def test_a_taken_port_is_said(served, labelled):
    data, output, _ = labelled
    port = int(served[0].rstrip("/").rsplit(":", 1)[1])
    with pytest.raises(UserError, match=f"--port {port}"):
        launch(build_page(ManualLabels(data, output)), "127.0.0.1", port)
