"""A real browser for the tests of pages."""

import shutil

import pytest
from face_media import write_camera
from playwright.sync_api import expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needed = pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on the PATH")
PATIENCE_MS = 20_000
"""How long a busy machine may take for what a page does at once."""
expect.set_options(timeout=PATIENCE_MS)
SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """A browser, whose camera sees a drawn face."""
    seen = write_camera(tmp_path_factory.mktemp("camera") / "face.y4m")
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as playwright:
        args = ["--no-sandbox", *camera, f"--use-file-for-fake-video-capture={seen}"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield browser
        browser.close()


@pytest.fixture(params=SIZES)
def page(chromium, request):
    """A page; what its script throws, or its policy forbids, fails the test."""
    context = chromium.new_context(viewport=SIZES[request.param])
    page, errors = context.new_page(), []
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert [error for error in errors if not error.startswith("Failed to load resource")] == []
