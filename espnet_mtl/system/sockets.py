"""An address for a page that is served to a browser, and what is let in there."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from espnet_mtl.errors import UserError

MOST_BYTES = 2**20
"""Bytes of a request's body: a page sends some hundred."""
BODY_SECONDS = 30.0
UNKNOWN_HOST = "unknown host: open the address that the server printed"
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Refuse = Callable[[Send, int, str], Awaitable[None]]
"""Answers a request with a status and why it is refused."""


def bind(host: str, port: int) -> socket.socket:
    """Takes an address; port 0 is any free one.

    Raises:
        UserError: The address cannot be had.
    """
    if not 0 <= port < 2**16:
        raise UserError(f"--port {port}: expected 0 to 65535")
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise UserError(f"--host {host} --port {port}: {error.strerror}; --port 0 takes any free one") from error


async def refuse_in_words(send: Send, status: int, reason: str) -> None:
    """Answers a request with a status and why."""
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": reason.encode()})


def with_body(body: bytes, receive: Receive) -> Receive:
    """Returns what hands over a body that has been read, and after it what comes else."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


class BoundedBody:
    """Middleware (ASGI) that reads the body of a request, and hands the request on unless it is too large or too slow.

    Args:
        app: What answers the requests.
        most_bytes: The most of a body.
        refuse: Answers the others.
    """

    def __init__(self, app: App, most_bytes: int = MOST_BYTES, refuse: Refuse = refuse_in_words):
        self._app, self._most, self._refuse = app, most_bytes, refuse

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers a request, or hands it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await self._read(receive)
        except TimeoutError:
            await self._refuse(send, 408, f"the request did not come within {BODY_SECONDS:.0f} s")
            return
        if body is None:
            return
        if len(body) > self._most:
            await self._refuse(send, 413, f"more than {self._most >> 20} MiB")
            return
        await self._app(scope, with_body(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        """Returns the body, or the beginning of one that is too large; None: the client has gone."""
        body, more = bytearray(), True
        while more and len(body) <= self._most:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return bytes(body)


class OwnPagesOnly:
    """Middleware (ASGI) that answers this server's own pages, and no page of another site in the same browser.

    A site can let its own name lead to this server (DNS rebinding); the header `Host` then has that name. And it can
    send requests here, which have its name in the header `Origin`. A body that is larger than any of a page is not
    read.

    Args:
        app: What answers the requests that are let in.
        host: The address that is served on.
        names: Other names of this server.
        origins: Other sites whose pages may send requests.
        most_bytes: The most of a body.
        refuse: Answers the others.
    """

    def __init__(
        self,
        app: App,
        host: str,
        names: Iterable[str] = (),
        origins: Iterable[str] = (),
        most_bytes: int = MOST_BYTES,
        refuse: Refuse = refuse_in_words,
    ):
        self._app, self._refuse, self._origins = BoundedBody(app, most_bytes, refuse), refuse, set(origins)
        machine = socket.gethostname().lower()
        self._names = {"localhost", machine, f"{machine}.local", host.lower(), *map(str.lower, names)}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers a request, or hands it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        allowed = {f"http://{host}", f"https://{host}", *self._origins}
        if not self._is_own(host):
            await self._refuse(send, 400, UNKNOWN_HOST)
        elif headers.get("origin", f"http://{host}") not in allowed:
            await self._refuse(send, 403, "only this server's own page may send requests")
        else:
            await self._app(scope, receive, send)

    def _is_own(self, host: str) -> bool:
        """Tells whether a `Host` is a name of this server, or an address, which no other site can have as its name."""
        found = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|([^:\[\]]+)(?::\d+)?", host)
        name = (found[1] or found[2]).lower() if found else ""
        return name in self._names or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
