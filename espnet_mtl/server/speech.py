"""From a request to its sound: what a thread makes, and how it is sent."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from tempfile import NamedTemporaryFile
from typing import Any

from fastapi import Response

from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.controls import Controls
from espnet_mtl.inference.text2speech import Text2Speech
from espnet_mtl.server.answers import Refused, of_mistake
from espnet_mtl.server.formats import FORMATS, Samples, encoded_pieces
from espnet_mtl.server.jobs import Job, SlowReader
from espnet_mtl.server.watch import Tally
from espnet_mtl.system.audio_files import measure
from espnet_mtl.system.sockets import Message, Receive, Send

BLOCK = 2**16
"""Bytes that are sent at once."""
STALL_S = 30.0
"""Seconds in which a client must take a block."""
MOST_REFERENCE_S = 60.0
"""Seconds of a reference with the silence around it, which is cut off: more would take much memory."""


@dataclass(frozen=True)
class Asked:
    """What a request asks for.

    Attributes:
        text: The text, or markup.
        field: The name of the field that it came in.
        controls: How to say it.
        reference: A recording whose emotion is taken, as the bytes of its file; b"": none.
        seed: Of what the network draws.
        format: One of `FORMATS`.
        whole: Whether the file is to say how long it is, and so is sent when it has been made.
    """

    text: str
    field: str
    controls: Controls
    reference: bytes = b""
    seed: int = 0
    format: str = "mp3"
    whole: bool = False


def read_reference(text: str) -> bytes:
    """Reads a recording in base64.

    Raises:
        UserError: It is none.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise UserError("reference: expected a recording in base64") from error
    if not data:
        raise UserError("reference: the recording is empty")
    return data


@contextmanager
def reference_file(data: bytes) -> Iterator[str | None]:
    """Has a recording in a file for a while; what is wrong with it is told without the name of the file."""
    if not data:
        yield None
        return
    with NamedTemporaryFile(prefix="reference") as file:
        file.write(data)
        file.flush()
        try:
            frames, _, fs = measure(file.name)
            if frames > MOST_REFERENCE_S * fs:
                raise UserError(f"reference: {frames / fs:.0f} s of sound, at most {MOST_REFERENCE_S:.0f} s are read")
            yield file.name
        except UserError as error:
            message = str(error).replace(file.name, "of this request")
            raise UserError(message if message.startswith("reference") else f"reference {message}") from error


def speak(tts: Text2Speech, asked: Asked, tally: Tally) -> Generator[bytes]:
    """Makes the sound of a request.

    Args:
        tts: The model.
        asked: The request.
        tally: What was made is added to it.

    Yields:
        The pieces of its file; an empty one where work goes on.

    Raises:
        UserError: It cannot be said.
    """
    begin = time.perf_counter()
    with reference_file(asked.reference) as path:
        controls = asked.controls if path is None else replace(asked.controls, reference=path)
        parts = tts.stream(asked.text, controls=controls, seed=asked.seed)  # this reads the recording
    tally.synthesis_s += time.perf_counter() - begin
    yield from encoded_pieces(_waves(tts, parts, tally), tts.fs, asked.format, asked.whole)


def _waves(tts: Text2Speech, parts: Iterator[Mapping[str, Any]], tally: Tally) -> Iterator[Samples]:
    begin = time.perf_counter()
    for part in parts:
        wave = part["wav"].float().cpu().numpy()
        tally.synthesis_s += time.perf_counter() - begin
        tally.audio_s += len(wave) / tts.fs
        tally.tokens += len(part["prosody"].tokens)
        tally.frames += int(part["prosody"].durations.sum())
        yield wave
        begin = time.perf_counter()


@dataclass(eq=False)
class SpeechResponse(Response):
    """Sends the sound of a request as it is made.

    Before the first sound, what cannot be said is told (400), and that it takes too long (504). After it, the answer is
    cut: without its end, clients see that it is not whole (an event tells why). A client that hangs up ends the work.

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
        try:
            first = await self._next()
        except UserError as error:
            await self._refuse(of_mistake(error, self.asked.field), "refused", scope, receive, send)
            return
        except TimeoutError:
            late = Refused(504, "no sound was made in time: the server is busy, or the text too long", code="timeout")
            await self._refuse(late, "too late", scope, receive, send)
            return
        await self._begin(send, first or b"")
        try:
            piece = first
            while piece is not None:
                await self._send_piece(send, piece)
                piece = await self._next()
        except (TimeoutError, SlowReader, UserError) as error:
            self.tally.outcome = f"cut: {type(error).__name__}"
            if not self.sse or isinstance(error, SlowReader):
                return
            last: dict[str, Any] = {"type": "error", **self._why_cut(error).content()}
        else:
            last = {"type": "speech.audio.done", "usage": self._usage()}
        if self.sse:
            await self._send_event(send, last)
        await send({"type": "http.response.body", "body": b""})

    async def _next(self) -> bytes | None:
        async with asyncio.timeout_at(self.deadline):
            return await self.job.next()

    async def _refuse(self, why: Refused, outcome: str, scope: Message, receive: Receive, send: Send) -> None:
        self.tally.outcome = outcome
        await why.response()(scope, receive, send)

    async def _begin(self, send: Send, first: bytes) -> None:
        chosen = FORMATS[self.asked.format]
        headers = {"content-type": "text/event-stream" if self.sse else chosen.media_type, **self.more_headers}
        if not self.sse and (self.asked.whole or chosen.whole):
            headers["content-length"] = str(len(first))
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})

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

    def _why_cut(self, error: Exception) -> Refused:
        if isinstance(error, UserError):
            return of_mistake(error, self.asked.field)
        return Refused(504, "it took too long", code="timeout")

    def _usage(self) -> dict[str, int]:
        tokens, frames = self.tally.tokens, self.tally.frames
        return {"input_tokens": tokens, "output_tokens": frames, "total_tokens": tokens + frames}


async def _hang_up(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
