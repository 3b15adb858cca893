"""The application: all routes, and what stands around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError, StarletteHTTPException
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import RedirectResponse

from espnet_mtl.errors import UserError
from espnet_mtl.inference.base import BaseText2Speech
from espnet_mtl.server.answers import Refused, refused, send_refusal
from espnet_mtl.server.jobs import QueueFull
from espnet_mtl.server.options import PAGE, ServerOptions, start_path
from espnet_mtl.server.routes.openai import openai_routes
from espnet_mtl.server.routes.piper import piper_routes
from espnet_mtl.server.service import Service
from espnet_mtl.server.watch import BearerToken, Watch
from espnet_mtl.system.sockets import BoundedBody, OwnPagesOnly

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def create_app(tts: BaseText2Speech, options: ServerOptions | None = None) -> FastAPI:
    """Builds the application, `app.state.service` of which speaks (`espnet_mtl.server.service.Service`).

    Args:
        tts: The model.
        options: What whoever runs the server decides.
    """
    service = Service(tts, options or ServerOptions())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await service.jobs.close()

    app = FastAPI(title="espnet_mtl", description=__doc__, lifespan=lifespan)
    app.state.service = service
    app.include_router(openai_routes(service))
    app.include_router(piper_routes(service))
    _add_own_routes(app, service)
    if service.options.page:
        # Gradio takes seconds to import, and need not be installed
        from espnet_mtl.server.page.mount import add_page

        add_page(app, service, PAGE)
    for kind in (Refused, QueueFull, RequestValidationError, UserError, StarletteHTTPException):
        app.add_exception_handler(kind, refused)
    _add_middleware(app, service)
    return app


def _add_own_routes(app: FastAPI, service: Service) -> None:
    @app.get("/", include_in_schema=False)
    async def start() -> Response:
        return RedirectResponse(start_path(service.options).lstrip("/"))

    @app.get("/health", tags=["Operation"])
    async def health() -> dict[str, Any]:
        """Tells that the server is there, and how much it has to do."""
        jobs = service.jobs
        return {"status": "ok", "model": service.options.name, "waiting": jobs.waiting, "running": jobs.running}

    @app.get("/metrics", tags=["Operation"], response_class=Response)
    async def metrics() -> Response:
        """Tells counts and times, in Prometheus' format."""
        return Response(service.metrics.text(), media_type=METRICS_TYPE)


def _add_middleware(app: FastAPI, service: Service) -> None:
    """Adds what stands around the routes, the innermost first."""
    options = service.options
    most = options.megabytes * 2**20
    if options.token:
        # Pages of others do not know it, whatever name leads them here
        app.add_middleware(BoundedBody, most_bytes=most, refuse=send_refusal)
        app.add_middleware(BearerToken, token=options.token, open_paths=("/health",))
    else:
        names, origins = options.hosts, options.origins
        app.add_middleware(
            OwnPagesOnly, host=options.host, names=names, origins=origins, most_bytes=most, refuse=send_refusal
        )
    if options.origins:
        app.add_middleware(CORSMiddleware, allow_origins=options.origins, allow_methods=["*"], allow_headers=["*"])
    app.add_middleware(Watch, metrics=service.metrics)
