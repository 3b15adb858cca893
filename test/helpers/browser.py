"""A real browser for the tests of pages."""

import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needed = pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on the PATH")
PATIENCE_MS = 20_000
"""How long a busy machine may take for what a page does at once."""
expect.set_options(timeout=PATIENCE_MS)
SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
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
