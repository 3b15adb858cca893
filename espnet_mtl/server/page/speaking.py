"""The page's requests, spoken in the waiting line that all clients of the server share."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from espnet_mtl.errors import UserError
from espnet_mtl.server.answers import of_validation
from espnet_mtl.server.jobs import Make
from espnet_mtl.server.page.form import Body
from espnet_mtl.server.response import TOO_LATE
from espnet_mtl.server.routes.fields import SpeechRequest
from espnet_mtl.server.service import Service
from espnet_mtl.server.speech import Asked, said_parts, speak, with_read_emotion
from espnet_mtl.server.watch import Tally


class Said(NamedTuple):
    """What was said.

    Attributes:
        parts: What `Text2Speech.stream` yielded.
        read: How much of each emotion the recording and the face have; None: the request brought neither.
    """

    parts: list[Mapping[str, Any]]
    read: dict[str, float] | None


async def say(service: Service, body: Body) -> Said:
    """Has a request spoken.

    Args:
        service: Of the server.
        body: The request.

    Raises:
        UserError: It cannot be said, or not in time.
        Refused: A field is missing, unknown or of another type, or the text is too long.
        QueueFull: There is no place in the waiting line.
    """
    asked, tally = _asked(service, body), Tally()
    found: list[Said] = []

    def make() -> Generator[bytes]:
        known, read = with_read_emotion(service.tts, asked, tally)
        found.append(Said([], read))
        for part in said_parts(service.tts, known, tally):
            found[0].parts.append(part)
            yield b""

    await _work(service, make, tally)
    return found[0]


async def sound_file(service: Service, body: Body) -> str:
    """Has a request spoken; returns its file in base64, and raises as `say` does."""
    asked, tally = _asked(service, body), Tally()
    pieces = await _work(service, lambda: speak(service.tts, asked, tally), tally)
    return base64.b64encode(pieces).decode()


def _asked(service: Service, body: Body) -> Asked:
    try:
        sent = SpeechRequest.model_validate(body)
    except ValidationError as error:
        raise of_validation(RequestValidationError(error.errors(include_url=False), body=body)) from error
    controls = service.controls(sent, None, {})
    return service.asked(sent, sent.input, controls, sent.response_format, whole=True)


async def _work(service: Service, make: Make, tally: Tally) -> bytes:
    """Has a job done; returns all of its pieces."""
    job = service.start(make)
    pieces = bytearray()
    try:
        async with asyncio.timeout(service.options.seconds):
            while (piece := await job.next()) is not None:
                pieces += piece
    except TimeoutError as error:
        raise UserError(TOO_LATE) from error
    finally:
        job.cancel()
        service.metrics.synthesis.inc(tally.synthesis_s)
        service.metrics.audio.inc(tally.audio_s)
    return bytes(pieces)
