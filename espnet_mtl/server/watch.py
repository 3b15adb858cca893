"""What happens around each request: a token is asked for, and what became of it is counted and logged."""

from __future__ import annotations

import hmac
import logging
import time
import uuid
from dataclasses import dataclass, field

from espnet_mtl.server.answers import send_refusal
from espnet_mtl.server.logs import log, places
from espnet_mtl.server.metrics import Metrics
from espnet_mtl.system.sockets import App, Message, Receive, Send

HUNG_UP = 499
"""nginx' number for a client that did not wait for its answer."""


@dataclass
class Tally:
    """What was made for a request.

    Attributes:
        characters: Of its text.
        format: Of its sound.
        outcome: What became of it.
        synthesis_s: Seconds that a thread spent speaking.
        audio_s: Seconds of sound.
        tokens, frames: Of the model.
    """

    characters: int = 0
    format: str = ""
    outcome: str = "answered"
    synthesis_s: float = 0.0
    audio_s: float = 0.0
    tokens: int = 0
    frames: int = 0

    def fields(self) -> dict[str, object]:
        """Returns what of it is logged."""
        seconds = {"synthesis_s": round(self.synthesis_s, 3), "audio_s": round(self.audio_s, 3)}
        return {"characters": self.characters, "format": self.format, "outcome": self.outcome, **seconds}


@dataclass
class Record:
    """A request, as it is logged."""

    begin: float = field(default_factory=time.perf_counter)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    status: int = HUNG_UP
    first_byte_s: float | None = None
    tally: Tally | None = None


class Watch:
    """Middleware (ASGI) that counts and logs requests.

    Args:
        app: What answers them.
        metrics: What counts them.
    """

    def __init__(self, app: App, metrics: Metrics):
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Has a request answered, whatever happens."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = scope["record"] = Record()
        begun = False

        async def send_noted(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                record.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", record.id.encode())]
            elif record.first_byte_s is None and message.get("body"):
                record.first_byte_s = time.perf_counter() - record.begin
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        # A bug may raise anything. Its message, which may hold the text, must not come into a log
        except Exception as error:
            found = {"id": record.id, "kind": type(error).__name__, "places": places(error)}
            log("error", found, logging.ERROR)
            if not begun:
                await send_refusal(send_noted, 500, f"an error of the server; its log has it as {record.id}")
        finally:
            self._note(scope, record)

    def _note(self, scope: Message, record: Record) -> None:
        # The path as it was declared: one for all requests, whatever stands in it
        path = getattr(scope.get("route"), "path", None)
        route = "other" if path is None else scope.get("root_path", "") + path
        metrics, tally = self._metrics, record.tally
        metrics.requests.labels(route, record.status).inc()
        fields: dict[str, object] = {"id": record.id, "method": scope["method"], "route": route}
        fields |= {"status": record.status, "seconds": round(time.perf_counter() - record.begin, 3)}
        if tally is not None:
            metrics.synthesis.inc(tally.synthesis_s)
            metrics.audio.inc(tally.audio_s)
            if record.status == 200 and record.first_byte_s is not None:
                metrics.first_byte.observe(record.first_byte_s)
                fields["first_byte_s"] = round(record.first_byte_s, 3)
            fields |= tally.fields()
        log("request", fields)


class BearerToken:
    """Middleware (ASGI) that lets in requests with a token alone, but tells everybody that the server is there.

    Args:
        app: What answers them.
        token: The token.
        open_paths: Paths that need none.
    """

    def __init__(self, app: App, token: str, open_paths: tuple[str, ...]):
        self._app, self._open = app, open_paths
        self._wanted = f"Bearer {token}".encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hands a request on, or refuses it."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in self._open:
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        scheme, _, token = given.partition(b" ")
        # In constant time: how long it takes tells nothing of how much of it is right
        if hmac.compare_digest(scheme.capitalize() + b" " + token.strip(), self._wanted):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await send_refusal(send, 401, "expected the header Authorization: Bearer <token of this server>")
