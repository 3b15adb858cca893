"""The page on the application of a server."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio
from fastapi import FastAPI, Response

from espnet_mtl.server.options import CHARACTERS
from espnet_mtl.server.page.gate import Gate
from espnet_mtl.server.page.layout import build_page
from espnet_mtl.server.service import Service
from espnet_mtl.system.files import read_text

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("page.js", "emotions.js", "sources.js", "camera.js", "words.js", "result.js")
"""In the order in which they need each other."""
ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 22 20">
<path d="M3 8v4M7 5v10M11 2v16M15 6v8M19 9v2" stroke="#6366f1" stroke-width="2.4" stroke-linecap="round"/></svg>"""


def add_page(app: FastAPI, service: Service, path: str) -> None:
    """Adds the page to an application.

    Args:
        app: The application, whose middleware stands around the page as around everything else.
        service: What speaks.
        path: Where the page is.
    """
    # Gradio takes the event loop that runs, and where none does, makes several that nobody closes
    with ThreadPoolExecutor(1) as pool:
        page = pool.submit(asyncio.run, _mount(app, service, path)).result()
    # The examples of the page fit in, whatever may be spoken at a time
    most = max(service.options.characters, CHARACTERS)
    app.add_middleware(Gate, page=page, path=path, most=most)

    # Browsers ask for it at the root, whatever the path of the page
    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        return Response(ICON, media_type="image/svg+xml")


async def _mount(app: FastAPI, service: Service, path: str) -> gradio.Blocks:
    page = build_page(service)
    gradio.mount_gradio_app(
        app,
        page,
        path,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        show_error=False,
        enable_monitoring=False,
        theme=_theme(),
        css_paths=ASSETS / "page.css",
        head=f"<script>{_scripts()}</script>",
    )
    return page


def _theme() -> gradio.themes.Base:
    """Returns how the page looks, with the fonts of the machine that shows it: none is asked of another host."""
    return gradio.themes.Default(
        primary_hue="indigo",
        neutral_hue="slate",
        radius_size="lg",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )


def _scripts() -> str:
    """Returns the scripts as one, whose names nobody else sees."""
    scripts = "\n".join(read_text(ASSETS / name) for name in SCRIPTS)
    return f"(() => {{\n{scripts}\n}})();"
