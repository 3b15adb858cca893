"""Listeners at work in a browser, while the server is killed and started again."""

import csv
import os
import re
import socket
import threading
from contextlib import contextmanager

import browser
import uvicorn
from playwright.sync_api import expect
from speech_sets import listening_test

from espnet_mtl.listening.app import build_app

pytestmark = browser.needed


@contextmanager
def served(test, port=0):
    """Serves a test in a thread and yields the port."""
    listening = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(build_app(test), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def answers(test, listener):
    path = test.output / f"{test.kind}_{listener}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["trial"], row["answer"]) for row in csv.DictReader(file)]


def picture(page, name):
    """Saves what is seen where LISTEN_PICTURES names a directory."""
    if directory := os.environ.get("LISTEN_PICTURES"):
        page.screenshot(path=f"{directory}/listen_{name}_{page.viewport_size['width']}.png")


def test_opinion_scores_by_keyboard_with_a_server_that_is_killed(tmp_path, page):
    test = listening_test(tmp_path, "mos", n=4)
    with served(test) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        page.keyboard.type("a b")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("expected 1 to 64 of")
        picture(page, "name")
        page.get_by_label("Your name").fill("ann")
        page.keyboard.press("Enter")
        for trial in (1, 2):
            answer_by_key(page, f"{trial} of 4", str(trial + 3))
        play_by_key(page, "3 of 4")
    page.keyboard.press("5")
    expect(page.get_by_role("alert")).to_contain_text("not saved")
    picture(page, "gone")
    assert answers(test, "ann") == [("1", "4"), ("2", "5")]
    with served(listening_test(tmp_path, "mos", n=4), port):
        page.keyboard.press("2")
        answer_by_key(page, "4 of 4", "1")
        expect(page.get_by_role("heading")).to_have_text("Thank you, ann!")
        picture(page, "done")
    assert answers(test, "ann") == [("1", "4"), ("2", "5"), ("3", "2"), ("4", "1")]


def test_nothing_can_be_answered_before_it_was_heard(tmp_path, page):
    test = listening_test(tmp_path, "ab", n=2)
    with served(test) as port:
        page.goto(f"http://127.0.0.1:{port}/?listener=ann")
        expect(page.get_by_text("Listen to both")).to_be_visible()
        picture(page, "ab")
        page.keyboard.press("a")
        page.keyboard.press(" ")
        expect(page.get_by_text("Now play B.")).to_be_visible()
        page.keyboard.press("a")
        expect(page.get_by_role("button", name="Prefer A")).to_be_disabled()
        page.keyboard.press(" ")
        expect(page.get_by_role("button", name="Prefer A")).to_be_enabled()
        assert not test.output.exists()


def test_preference_by_click_then_by_key(tmp_path, page):
    test = listening_test(tmp_path, "ab", n=3)
    with served(test) as port:
        page.goto(f"http://127.0.0.1:{port}/?listener=ann")
        page.get_by_role("button", name="Play B").click()
        expect(page.get_by_text("Now play A.")).to_be_visible()
        page.get_by_role("button", name="Play A").click()
        page.get_by_role("button", name="Prefer B").dblclick(no_wait_after=True)
        answer_by_key(page, "2 of 3", "a")
        answer_by_key(page, "3 of 3", "0")
        expect(page.get_by_role("heading")).to_have_text("Thank you, ann!")
    assert answers(test, "ann") == [("1", "b"), ("2", "a"), ("3", "none")]


def test_one_recording_is_heard_before_the_other_is_here(tmp_path, page):
    late = []
    page.route("**/audio/*/a?*", lambda route: late.append(route))
    with served(listening_test(tmp_path, "ab", n=2)) as port:
        page.goto(f"http://127.0.0.1:{port}/?listener=ann")
        page.get_by_role("button", name="Play B").click()
        expect(page.get_by_text("Now play A.")).to_be_visible()
        late[0].continue_()
        expect(page.get_by_role("button", name="Play A")).to_be_enabled()
        expect(page.get_by_text("Now play A.")).to_be_visible()
        page.get_by_role("button", name="Play A").click()
        expect(page.get_by_text("Now answer")).to_be_visible()


def test_space_after_a_click_plays_the_other_one(tmp_path, page):
    with served(listening_test(tmp_path, "ab", n=2)) as port:
        page.goto(f"http://127.0.0.1:{port}/?listener=ann")
        page.get_by_role("button", name="Play A").click()
        expect(page.get_by_text("Now play B.")).to_be_visible()
        page.keyboard.press(" ")
        expect(page.get_by_role("button", name="Prefer A")).to_be_enabled()


def test_choice_of_the_emotion_goes_on_after_a_reload(tmp_path, page):
    test = listening_test(tmp_path, "emotion", n=3)
    with served(test) as port:
        page.goto(f"http://127.0.0.1:{port}/?listener=ann")
        answer_by_key(page, "1 of 3", "2")
        play_by_key(page, "2 of 3")
        picture(page, "emotion")
        page.reload()
        expect(page.get_by_role("button", name="Sad")).to_be_disabled()
        play_by_key(page, "2 of 3")
        page.get_by_role("button", name="None of these").click()
        expect(page.get_by_text("3 of 3")).to_be_visible()
    assert answers(test, "ann") == [("1", "happy"), ("2", "none of these")]


def test_the_page_fits(tmp_path, page):
    for kind in ("mos", "ab", "emotion"):
        with served(listening_test(tmp_path / kind, kind)) as port:
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.goto(f"http://127.0.0.1:{port}/?listener=ann")
                play_by_key(page, "1 of")
                picture(page, f"{kind}_{scheme}")
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def play_by_key(page, progress):
    expect(page.get_by_text(progress)).to_be_visible()
    expect(page.get_by_text("Loading.")).to_be_hidden()
    for _ in page.locator("[data-side]").all():
        page.keyboard.press(" ")
        expect(page.get_by_text(re.compile("^Now"))).to_be_visible()
    expect(page.get_by_text("Now answer")).to_be_visible()


def answer_by_key(page, progress, key):
    play_by_key(page, progress)
    page.keyboard.press(key)
