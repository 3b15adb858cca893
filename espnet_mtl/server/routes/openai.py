"""OpenAI's dialect: `/v1/audio/speech`, `/v1/models`, `/v1/audio/voices`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from espnet_mtl.server.answers import Refused
from espnet_mtl.server.formats import FORMATS
from espnet_mtl.server.routes.fields import OPENAI_MODELS, CustomVoice, SpeechRequest
from espnet_mtl.server.service import Service
from espnet_mtl.server.voices import voice_names

SOUND: dict[int | str, dict[str, Any]] = {
    200: {"content": {chosen.media_type: {} for chosen in FORMATS.values()}, "description": "The sound"}
}


def openai_routes(service: Service) -> APIRouter:
    """Builds the routes."""
    routes = APIRouter(prefix="/v1", tags=["OpenAI"])
    name, tts = service.options.name, service.tts

    # `async`, as all routes are: in a thread there would be no event loop for the jobs
    @routes.post("/audio/speech", response_class=Response, responses=SOUND)
    async def speech(sent: SpeechRequest) -> Response:
        """Says a text."""
        check_model(sent.model, name)
        voice = sent.voice.id if isinstance(sent.voice, CustomVoice) else sent.voice
        controls = service.controls(sent, voice, {"rate": sent.speed})
        headers = {}
        if sent.instructions:
            taken = None
            if controls.emotion is None and sent.reference is None and sent.visual is None:
                taken = emotion_in(sent.instructions, tts.emotions)
            headers["x-instructions"] = "ignored" if taken is None else f"emotion={quote(taken)}"
            controls = service.controls(sent, voice, {"rate": sent.speed, "emotion": taken}) if taken else controls
        sse = sent.stream_format == "sse"
        asked = service.asked(sent, sent.input, controls, sent.response_format)
        return service.respond(asked, sse, headers)

    @routes.get("/models")
    async def models() -> dict[str, Any]:
        """Lists the model."""
        return {"object": "list", "data": [_model(name, service)]}

    @routes.get("/models/{model:path}")
    async def model(model: str) -> dict[str, Any]:
        """Describes the model."""
        check_model(model, name)
        return _model(model, service)

    @routes.get("/audio/voices")
    async def voices() -> dict[str, Any]:
        """Lists the voices."""
        names = voice_names(tts.speakers, tts.emotions)
        return {"object": "list", "voices": [{"id": voice, "name": voice} for voice in names]}

    return routes


def check_model(model: str, name: str) -> None:
    """Raises `Refused` for a model that is not served; OpenAI's own names stand for the one that is."""
    known = ("", name, *OPENAI_MODELS)
    if model not in known and not model.startswith(OPENAI_MODELS[-1]):  # which has a date behind it
        message = f"model: {model[:80]!r} is not served here; {name} is, also by the names {', '.join(OPENAI_MODELS)}"
        raise Refused(404, message, "model", "model_not_found")


def emotion_in(instructions: str, emotions: Sequence[str]) -> str | None:
    """Finds the emotion that is named in a text, as a word of its own; None: none, or several."""
    words = set(re.findall(r"\w+", instructions.casefold()))
    named = [emotion for emotion in emotions if emotion.casefold() in words]
    return named[0] if len(named) == 1 else None


def _model(name: str, service: Service) -> dict[str, Any]:
    own = {"emotion_sources": service.emotion_sources}
    return {"id": name, "object": "model", "created": 0, "owned_by": "espnet_mtl"} | own
