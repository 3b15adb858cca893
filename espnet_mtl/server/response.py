"""How the sound of a request is sent: while it is made, or why it is not."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Response

from espnet_mtl.errors import UserError
from espnet_mtl.server.answers import Refused, of_mistake
from espnet_mtl.server.formats import FORMATS
from espnet_mtl.server.jobs import Job, SlowReader
from espnet_mtl.server.speech import Asked
from espnet_mtl.server.watch import Tally
from espnet_mtl.system.sockets import Message, Receive, Send

BLOCK = 2**16
"""Bytes that are sent at once."""
STALL_S = 30.0
"""Seconds in which a client must take a block."""
TOO_LATE = "no sound was made in time: the server is busy, or the text too long"


@dataclass(eq=False)
class SpeechResponse(Response):
    """Sends the sound of a request as it is made.

    Before the first sound, what cannot be said is told (400), and that it takes too long (504). After it, the answer is
    cut: without its end, clients see that it is not whole. An event tells why. A client that hangs up ends the work.

    Args:
        job: What makes it.
        asked: The request.
        tally: What is made, and what becomes of it.
        deadline: When all must have been made, in the time of the event loop.
        sse: Whether to send events, as OpenAI does, rather than the file.
        more_headers: Headers.
    """

    job: Job
    asked: Asked
    tally: Tally
    deadline: float
    sse: bool = False
    more_headers: Mapping[str, str] = field(default_factory=dict)
    background = None
    status_code = 200

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Sends it."""
        scope["record"].tally = self.tally
        sending = asyncio.create_task(self._answer(scope, receive, send))
        hanging_up = asyncio.create_task(_hang_up(receive))
        try:
            await asyncio.wait({sending, hanging_up}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            else:
                self.tally.outcome = "hung up"
        finally:
            self.job.cancel()
            sending.cancel()
            hanging_up.cancel()

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        """Refuses the request, or sends its sound."""
        try:
            first = await self._next()
        except (UserError, TimeoutError) as error:
            self.tally.outcome = "refused" if isinstance(error, UserError) else "too late"
            await self._why(error).response()(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": self._head(first or b"")})
        try:
            await self._send_all(send, first)
        except SlowReader:
            self.tally.outcome = "cut: it was not read"
        except (UserError, TimeoutError) as error:
            # Without its end: the server then closes the connection
            self.tally.outcome = f"cut: {type(error).__name__}"
        else:
            await send({"type": "http.response.body", "body": b""})

    async def _send_all(self, send: Send, first: bytes | None) -> None:
        """Sends all pieces; of events also the last one, which tells how it ended.

        Raises:
            SlowReader: They are not read.
            UserError, TimeoutError: They are not all made, and no event can tell it.
        """
        last: dict[str, Any] = {"type": "speech.audio.done"}
        try:
            piece = first
            while piece is not None:
                await self._send_piece(send, piece)
                piece = await self._next()
        except (UserError, TimeoutError) as error:
            if not self.sse:
                raise
            self.tally.outcome = f"cut: {type(error).__name__}"
            last = {"type": "error", **self._why(error).content()}
        else:
            last["usage"] = self._usage()
        if self.sse:
            await self._send_event(send, last)

    async def _next(self) -> bytes | None:
        async with asyncio.timeout_at(self.deadline):
            return await self.job.next()

    def _why(self, error: UserError | TimeoutError) -> Refused:
        if isinstance(error, UserError):
            return of_mistake(error, self.asked.field)
        return Refused(504, TOO_LATE, code="timeout")

    def _head(self, first: bytes) -> list[tuple[bytes, bytes]]:
        chosen = FORMATS[self.asked.format]
        headers = {"content-type": "text/event-stream" if self.sse else chosen.media_type, **self.more_headers}
        if not self.sse and (self.asked.whole or chosen.whole):
            headers["content-length"] = str(len(first))
        return [(name.encode(), value.encode()) for name, value in headers.items()]

    async def _send_piece(self, send: Send, piece: bytes) -> None:
        for start in range(0, len(piece), BLOCK):
            block = piece[start : start + BLOCK]
            if self.sse:
                await self._send_event(send, {"type": "speech.audio.delta", "audio": base64.b64encode(block).decode()})
            else:
                await self._send_block(send, block)

    async def _send_event(self, send: Send, event: Mapping[str, Any]) -> None:
        await self._send_block(send, f"data: {json.dumps(event)}\n\n".encode())

    async def _send_block(self, send: Send, block: bytes) -> None:
        try:
            async with asyncio.timeout(STALL_S):
                await send({"type": "http.response.body", "body": block, "more_body": True})
        except TimeoutError as error:
            raise SlowReader from error

    def _usage(self) -> dict[str, int]:
        tokens, frames = self.tally.tokens, self.tally.frames
        return {"input_tokens": tokens, "output_tokens": frames, "total_tokens": tokens + frames}


async def _hang_up(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
