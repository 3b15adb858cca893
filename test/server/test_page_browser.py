"""The demo page in a browser: somebody sets an emotion, has a text spoken, and edits its words."""

import io
import json
import os

import browser
import numpy as np
import pytest
import soundfile
from face_media import portrait, write_video
from PIL import Image
from playwright.sync_api import expect
from speech_server import gated, running

from espnet_mtl.inference.request.controls import Controls

pytestmark = browser.needed
LONG_MS = 60000
"""A slow machine may take so long to load Gradio, or to speak."""
TEXT = "Good morning. Good good morning!"
TOO_WIDE = """[...document.querySelectorAll("#title, #page *")]
    .filter((element) => !element.closest(".words, .result-sentences, .cm-scroller") || element.matches(".words"))
    .filter((element) => element.getBoundingClientRect().right > innerWidth)
    .map((element) => element.outerHTML.slice(0, 200))"""
"""What reaches beyond the right edge, but for what can be scrolled."""
STATE = "JSON.parse(espnetMtl.state())"


@pytest.fixture
def open_page(page, tts):
    """Opens the page of a model; what it asks other hosts for, or fails to load, fails the test."""
    addresses, asked, failed = [], [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda response: failed.append(response.url) if response.status >= 400 else None)

    def opened(address):
        addresses.append(address)
        page.goto(f"{address}/")
        expect(page.locator("#speak")).to_be_visible(timeout=LONG_MS)
        expect(page.locator(".emotion-plane")).to_be_visible()
        expect(page.locator("#energy")).to_be_visible()
        page.locator("#text textarea").fill(TEXT)
        return page

    yield opened
    foreign = [url for url in asked if not url.startswith((*addresses, "data:", "blob:"))]
    assert foreign == []
    assert failed == []


def speak(page, button="#speak"):
    """Has something spoken, and waits until it was."""
    before = page.locator(".result-player").evaluate_all("players => players.forEach(player => player.id = 'old')")
    assert before is None
    page.locator(button).click()
    expect(page.locator(".result-player:not(#old)")).to_be_visible(timeout=LONG_MS)
    expect(page.locator("body.busy")).to_have_count(0)


def sound(page) -> bytes:
    """Returns the WAV file that the page has."""
    with page.expect_download() as download:
        page.get_by_role("button", name="WAV").click()
    with open(download.value.path(), "rb") as file:
        return file.read()


def weights(page) -> dict[str, float]:
    return page.evaluate(STATE)["weights"]


def picture(page, name):
    """Saves what is seen where PAGE_PICTURES names a directory."""
    if directory := os.environ.get("PAGE_PICTURES"):
        page.screenshot(path=f"{directory}/page_{name}_{page.viewport_size['width']}.png", full_page=True)


def drag(page, target, to_x, to_y):
    """Drags from the middle of an element, by so many pixels."""
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + to_x, y + to_y, steps=5)
    page.mouse.up()


def test_the_point_and_the_sliders_say_the_same(tts, open_page):
    with running(tts, page=True) as address:
        page = open_page(address)
        plane, sad = page.locator(".emotion-plane"), page.get_by_role("slider", name="sad")
        expect(plane).to_have_attribute("aria-valuetext", "neutral 100 %")
        drag(page, page.locator(".emotion-disc"), 0, -500)  # beyond the rim, where happy is
        expect(plane).to_have_attribute("aria-valuetext", "happy 100 %")
        expect(page.get_by_role("slider", name="happy")).to_have_value("100")
        plane.press("Home")
        expect(plane).to_have_attribute("aria-valuetext", "neutral 100 %")
        for _ in range(4):
            plane.press("ArrowDown")
        expect(plane).to_have_attribute("aria-valuetext", "neutral 80 %, sad 20 %")
        expect(sad).to_have_value("20")
        plane.press("Home")
        for _ in range(4):
            plane.press("ArrowRight")
        expect(plane).to_have_attribute("aria-valuetext", "happy 10 %, neutral 80 %, sad 10 %")
        plane.press("ArrowUp")
        expect(plane).to_have_attribute("aria-valuetext", "happy 12 %, neutral 79 %, sad 9 %")
        page.get_by_role("slider", name="happy").fill("0")
        sad.fill("60")
        expect(plane).to_have_attribute("aria-valuetext", "neutral 40 %, sad 60 %")
        assert page.locator(".emotion-point").evaluate("point => point.style.top") == "80%"
        page.locator(".emotion-name", has_text="happy").click()
        assert weights(page) == pytest.approx({"happy": 1, "neutral": 0, "sad": 0})


def test_what_is_set_is_spoken_and_saved(tts, open_page):
    with running(tts, page=True) as address:
        page = open_page(address)
        page.locator(".emotion-name", has_text="sad").click()
        page.locator("#rate input[type=number]").fill("1.2")
        page.locator("#rate input[type=number]").press("Tab")
        page.locator("#energy input[type=number]").fill("-20")
        page.locator("#energy input[type=number]").press("Tab")
        speak(page)
        picture(page, "spoken")
        wave, _ = soundfile.read(io.BytesIO(sound(page)))
        expected = [part["wav"] for part in tts.stream(TEXT, speaker="f1", emotion="sad", rate=1.2, energy=-20)]
        assert len(wave) == sum(map(len, expected))
        code = page.locator("#code")
        code.get_by_role("button").first.click()
        expect(page.locator("#python")).to_contain_text("emotion='sad', rate=1.2, energy=-20", timeout=LONG_MS)
        with page.expect_download(timeout=LONG_MS) as download:
            page.get_by_role("button", name="FLAC").click()
        assert download.value.suggested_filename == "speech.flac"
        assert soundfile.info(download.value.path()).frames == len(wave)
        assert page.evaluate(TOO_WIDE) == []


def test_words_are_dragged_and_said_again(tts, open_page):
    with running(tts, page=True) as address:
        page = open_page(address)
        speak(page)
        first = sound(page)
        page.locator(".result-sentences button").first.click()
        word = page.locator(".word").nth(1)
        drag(page, word.locator(".words-reach"), 0, -15)
        pull, width = word.locator(".words-pull"), word.locator(".words-bar").bounding_box()["width"]
        drag(page, pull, -0.4 * width, 0)
        (edit,) = page.evaluate(STATE)["edits"]
        assert (edit["sentence"], edit["word"]) == (0, 1)
        assert edit["pitch"] > 0
        assert edit["stretch"] == pytest.approx(0.6, abs=0.1)
        picture(page, "edited")
        speak(page, ".result-again")
        second = sound(page)
        assert len(second) < len(first)
        assert page.evaluate(STATE)["edits"] == [edit]
        expect(page.locator(".result-chosen strong")).to_have_text("morning")
        page.get_by_role("slider", name="Loudness").fill("-6")
        word.focus()
        word.press("ArrowDown")
        assert page.evaluate(STATE)["edits"][0]["pitch"] == edit["pitch"] - 0.5
        page.get_by_role("button", name="Undo all").click()
        assert page.evaluate(STATE)["edits"] == []
        speak(page, ".result-again")
        assert sound(page) == first


def test_a_mistake_in_markup_is_shown_where_it_is(tts, open_page):
    with running(tts, page=True) as address:
        page = open_page(address)
        page.get_by_role("tab", name="SSML").click()
        page.locator("#markup textarea").fill("<speak>\n  Good <emphasi>morning</emphasi>.\n</speak>")
        page.locator("#speak").click()
        expect(page.locator("#mistake mark")).to_have_text("<emphasi>", timeout=LONG_MS)
        expect(page.locator("#mistake")).to_contain_text("line 2, column 8")
        expect(page.locator("#speak")).not_to_have_attribute("aria-busy", "true")
        picture(page, "mistake")
        page.locator("#examples").get_by_role("button", name="Pauses").click()
        expect(page.locator("#mistake mark")).to_have_count(0, timeout=LONG_MS)
        speak(page)


def test_the_emotion_of_a_recording(tts, open_page, tmp_path):
    soundfile.write(tmp_path / "a.wav", 0.1 * np.sin(np.arange(16000) * 0.08), 16000)
    with running(tts, page=True) as address:
        page = open_page(address)
        page.locator("#recording").get_by_text("The emotion of a recording", exact=True).click()
        page.locator("#recording_file input").set_input_files(tmp_path / "a.wav")
        page.wait_for_function("espnetMtl.files.recording !== null")
        expect(page.locator("#recording_file audio")).to_be_visible()
        speak(page)
        expect(page.locator("#message")).to_contain_text("The emotion of the recording: ")
        picture(page, "recording")
        page.get_by_role("button", name="Remove").click()
        assert page.evaluate(STATE)["recording"] is None
        speak(page)
        expect(page.locator("#message")).not_to_contain_text("recording")


SEEING = {"shape": (16, 16), "extract": "crops", "conf": {"size": 16}}


def mark(page) -> tuple[float, float]:
    """Returns where the mark of what was read stands, in parts of the wheel."""
    style = page.locator(".emotion-mark").evaluate("mark => [mark.style.left, mark.style.top]")
    return tuple(float(place.removesuffix("%")) / 100 for place in style)


def test_the_emotion_of_a_face(make_seeing, open_page, tmp_path):
    pytest.importorskip("cv2")
    tts = make_seeing(**SEEING)
    Image.fromarray(portrait("sad")).save(tmp_path / "sad.png")
    read = tts.reader.emotion_of_sources(Controls(visual=tmp_path / "sad.png"))
    with running(tts, page=True, megabytes=1) as address:
        page = open_page(address)
        page.locator("#face").get_by_text("The emotion of a face", exact=True).click()
        chooser, marked = page.locator("#face_file input"), page.locator(".emotion-mark")
        chooser.set_input_files(tmp_path / "sad.png")
        expect(page.locator("#face_file img")).to_be_visible()
        expect(page.locator(".emotion.replaced")).to_have_count(1)
        expect(marked).to_be_hidden()
        page.wait_for_function("espnetMtl.files.face !== null")
        speak(page)
        expect(page.locator("#message .note")).to_be_visible()
        expect(page.locator("#message .note")).to_contain_text("The emotion of the face: ")
        picture(page, "face")
        expect(marked).to_be_visible()
        named = [f"{name} {100 * share:.0f} %" for name, share in read.items() if share >= 0.005]
        expect(marked).to_have_attribute("aria-label", f"The emotion of the face: {', '.join(named)}")
        # From happy at the top, clockwise to sad at the bottom; neutral draws to the middle
        felt = read["happy"] + read["sad"]
        angle = np.pi * (read["sad"] / felt - 0.5)
        expected = 0.5 + 0.5 * felt * np.array([np.cos(angle), np.sin(angle)])
        assert mark(page) == pytest.approx(expected, abs=0.001)
        (tmp_path / "large.png").write_bytes(bytes(2**20))
        chooser.set_input_files(tmp_path / "large.png")
        expect(page.locator("#face_file .source-wrong")).to_contain_text("large.png is too large: 1.3 MiB")
        assert page.evaluate(STATE)["face"] is None
        write_video(tmp_path / "sad.webm", [portrait("sad")] * 20, codec="libvpx")
        chooser.set_input_files(tmp_path / "sad.webm")
        expect(page.locator("#face_file .source-shown video")).to_be_visible()
        speak(page)
        expect(marked).to_be_visible()
        page.locator("#face_file").get_by_role("button", name="Remove").click()
        assert page.evaluate(STATE)["face"] is None
        expect(marked).to_be_hidden()
        expect(page.locator(".emotion.replaced")).to_have_count(0)
        speak(page)
        expect(page.locator("#message")).not_to_contain_text("face")


def test_a_picture_of_the_camera(make_seeing, open_page):
    pytest.importorskip("cv2")
    with running(make_seeing(**SEEING), page=True) as address:
        page = open_page(address)
        page.locator("#face").get_by_text("The emotion of a face", exact=True).click()
        buttons = page.locator("#face_file")
        buttons.get_by_role("button", name="Use the camera").click()
        live = page.locator(".source-live")
        expect(live).to_be_visible()
        buttons.get_by_role("button", name="Cancel").click()
        expect(live).to_be_hidden()
        buttons.get_by_role("button", name="Use the camera").click()
        page.wait_for_function("document.querySelector('.source-live').videoWidth > 0")
        picture(page, "camera")
        tracks = live.evaluate_handle("live => live.srcObject.getTracks()")
        buttons.get_by_role("button", name="Take the picture").click()
        expect(buttons.locator("img")).to_be_visible()
        expect(live).to_be_hidden()
        assert tracks.evaluate("tracks => tracks.map((track) => track.readyState)") == ["ended"]
        page.wait_for_function("espnetMtl.files.face !== null")
        with page.expect_download() as download:
            buttons.get_by_role("button", name="Save the file").click()
        assert download.value.suggested_filename == "face.jpg"
        with Image.open(download.value.path()) as saved:
            assert saved.size == (320, 240)
        speak(page)
        expect(page.locator("#message")).to_contain_text("The emotion of the face: ")
        assert page.evaluate(TOO_WIDE) == []


def test_no_camera(make_seeing, open_page):
    with running(make_seeing(), page=True) as address:
        page = open_page(address)
        page.evaluate(
            "() => (navigator.mediaDevices.getUserMedia = async () => { throw new Error('not allowed'); }, 0)"
        )
        page.locator("#face").get_by_text("The emotion of a face", exact=True).click()
        page.get_by_role("button", name="Use the camera").click()
        told = page.locator("#face_file .source-wrong")
        expect(told).to_have_text("The camera cannot be used: not allowed")


def test_a_full_line_is_told(tts, open_page):
    gate = gated(tts)
    with running(tts, workers=1, queue=0, page=True) as address:
        page = open_page(address)
        held = page.context.new_page()
        held.goto(f"{address}/")
        expect(held.locator("#speak")).to_be_visible(timeout=LONG_MS)
        held.locator("#speak").click()
        expect(held.locator("body.busy")).to_have_count(1)
        page.wait_for_function(f"fetch('{address}/health').then(r => r.json()).then(found => found.running === 1)")
        page.locator("#speak").click()
        expect(page.locator("#message .warning")).to_contain_text("all places are taken", timeout=LONG_MS)
        gate.open(9)
        expect(held.locator(".result-player")).to_be_visible(timeout=LONG_MS)
        speak(page)
        expect(page.locator("#message .warning")).to_have_count(0)


def test_the_state_is_json(tts, open_page):
    with running(tts, page=True) as address:
        state = json.loads(open_page(address).evaluate("espnetMtl.state()"))
        assert set(state) == {"tab", "weights", "recording", "face", "edits", "kind", "said"}
