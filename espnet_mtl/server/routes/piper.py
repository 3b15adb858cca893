"""Piper's dialect (https://github.com/OHF-Voice/piper1-gpl): `POST /`, `GET /voices`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from espnet_mtl.config.numbers import FASTEST, SLOWEST, number_between
from espnet_mtl.errors import UserError
from espnet_mtl.server.routes.fields import PiperRequest
from espnet_mtl.server.service import Service

WAV: dict[int | str, dict[str, Any]] = {200: {"content": {"audio/wav": {}}, "description": "The sound"}}
PLAIN = "text/plain"
BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": PiperRequest.model_json_schema()}, PLAIN: {}},
    }
}


def piper_routes(service: Service) -> APIRouter:
    """Builds the routes."""
    routes = APIRouter(tags=["Piper"])
    name, tts = service.options.name, service.tts

    @routes.post("/", response_class=Response, responses=WAV, openapi_extra=BODY)
    async def speech(request: Request) -> Response:
        """Says a text; the answer is a WAV file. Older clients send the text alone, as text/plain."""
        sent = _read(await request.body(), request.headers.get("content-type", ""))
        voice = None if sent.voice == name else sent.voice
        given = {"rate": _rate(sent.length_scale), "speaker": _speaker(sent.speaker_id, tts.speakers)}
        controls = service.controls(sent, voice, given)
        return service.respond(service.asked(sent, sent.text, controls, "wav", whole=True))

    @routes.get("/voices")
    async def voices() -> dict[str, Any]:
        """Describes the model as a voice of several speakers."""
        languages = tts.languages or [tts.train_args.language]
        return {
            name: {
                "audio": {"sample_rate": tts.fs},
                "espeak": {"voice": languages[0]},
                "language": {"code": languages[0]},
                "num_speakers": max(1, len(tts.speakers)),
                "speaker_id_map": {speaker: number for number, speaker in enumerate(tts.speakers)},
                "emotion_sources": service.emotion_sources,
            }
        }

    return routes


def _read(body: bytes, content_type: str) -> PiperRequest:
    """Reads a request.

    Raises:
        RequestValidationError: It is none.
        UserError: It is no text in UTF-8.
    """
    if content_type.startswith(PLAIN):
        try:
            return PiperRequest(text=body.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise UserError(f"text: byte {error.start} is no UTF-8") from error
    try:
        return PiperRequest.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_context=False)) from error


def _rate(length_scale: float | None) -> float | None:
    if length_scale is None:
        return None
    return 1 / number_between("length_scale", length_scale, FASTEST, SLOWEST)


def _speaker(number: int | None, speakers: list[str]) -> str | None:
    if number is None or (number == 0 and not speakers):
        return None
    if not 0 <= number < len(speakers):
        raise UserError(f"speaker_id: expected 0 to {max(0, len(speakers) - 1)}, got {str(number)[:20]}")
    return speakers[number]
