"""What of Gradio's application anybody reaches: its page, and calls of the page's own buttons with values of theirs.

Gradio's routes do much more, for applications that are made with it: files of this machine, uploads, addresses that the
server is to open, links to states that are kept. Nothing of it is needed here, so nothing of it is reached.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import gradio
from gradio.block_function import BlockFunction

from espnet_mtl.errors import UserError
from espnet_mtl.server.answers import Send, send_refusal
from espnet_mtl.system.sockets import App, Message, Receive, with_body

READ = re.compile(r"/?|/config|/theme\.css|/gradio_api/theme\.css|/(assets|static)/[\w./-]+")
"""Paths below the page's that are read; none of them depends on a query."""
CALL = "/gradio_api/run/predict"
"""The path that a button calls."""
UNTRUSTED = (b"x-forwarded-host",)
"""Headers that would have the page name another host; `Host` is checked."""


class Gate:
    """Middleware (ASGI) around the page's application; other paths are handed on.

    Args:
        app: What answers the requests.
        page: The page, whose functions may be called.
        path: Where it is.
        most: Characters of a text of the page.
    """

    def __init__(self, app: App, page: gradio.Blocks, path: str, most: int):
        self._app, self._page, self._path, self._most = app, page, path, most

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers a request, or hands it on."""
        path = scope.get("path", "")
        if path != self._path and not path.startswith(f"{self._path}/"):
            await self._app(scope, receive, send)
            return
        below = path.removeprefix(self._path)
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["method"] in ("GET", "HEAD") and READ.fullmatch(below) and ".." not in below:
            await self._app(_trusted(scope), receive, send)
        elif scope["method"] == "POST" and below == CALL:
            await self._call(scope, receive, send)
        else:
            await send_refusal(send, 404, f"the page has no {below[:100]}")

    async def _call(self, scope: Message, receive: Receive, send: Send) -> None:
        message = await receive()  # whole: the body has been read
        try:
            call = self._checked(message.get("body", b""))
        except UserError as error:
            await send_refusal(send, 400, str(error))
            return
        body = json.dumps(call).encode()
        trusted = _trusted(scope)
        headers = [header for header in trusted["headers"] if header[0] != b"content-length"]
        length = (b"content-length", str(len(body)).encode())
        await self._app({**trusted, "headers": [*headers, length]}, with_body(body, receive), send)

    def _checked(self, body: bytes) -> dict[str, Any]:
        """Returns a call with what Gradio needs of it, and nothing else.

        Raises:
            UserError: It is no call of a button, or a value is none of its component.
        """
        try:
            call = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise UserError("expected a call of the page in JSON") from error
        if not isinstance(call, Mapping):
            raise UserError("expected a call of the page")
        number, data = call.get("fn_index"), call.get("data")
        function = self._page.fns.get(number) if isinstance(number, int) else None
        if function is None or not isinstance(function.fn, Callable):  # type: ignore[arg-type]
            raise UserError("fn_index: the page has no such button: load it again")
        return {"fn_index": number, "data": self._values(function, data)}

    def _values(self, function: BlockFunction, data: object) -> list[Any]:
        if not isinstance(data, list) or len(data) != len(function.inputs):
            raise UserError(f"data: expected {len(function.inputs)} values")
        for component, value in zip(function.inputs, data, strict=True):
            if not self._fits(component, value):
                name = getattr(component, "label", None) or type(component).__name__
                raise UserError(f"data: {name}: a value that it cannot have")
        return data

    def _fits(self, component: Any, value: object) -> bool:
        """Tells whether a value is one that somebody can set on the page."""
        if isinstance(component, gradio.Textbox):
            # What the scripts know has no box, and may hold a recording or a face
            return isinstance(value, str) and (not component.visible or len(value) <= self._most)
        if isinstance(component, gradio.Slider):
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return is_number and component.minimum <= value <= component.maximum  # type: ignore[operator]
        if isinstance(component, gradio.Checkbox):
            return isinstance(value, bool)
        if isinstance(component, gradio.Dropdown):
            return value in [choice for _, choice in component.choices]
        return False


def _trusted(scope: Message) -> Message:
    """Returns a request without its query, and without headers that anybody can send in the name of a proxy."""
    headers = [header for header in scope["headers"] if header[0].lower() not in UNTRUSTED]
    return {**scope, "query_string": b"", "headers": headers}
