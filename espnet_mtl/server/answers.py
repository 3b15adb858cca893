"""Answers to requests that are refused, in OpenAI's form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError, StarletteHTTPException

from espnet_mtl.errors import UserError, one_of, ran_out_of_memory
from espnet_mtl.server.jobs import QueueFull
from espnet_mtl.server.routes.fields import PiperRequest, SpeechRequest
from espnet_mtl.system.sockets import Send

FIELDS = (*SpeechRequest.model_fields, *PiperRequest.model_fields)
NAMED_FIELD = re.compile(r"(?:unknown )?(\w+)")
"""What an error is about comes first in its message."""
JSON = "expected a JSON object, with the header Content-Type: application/json"


class Refused(Exception):
    """A request that is refused.

    Args:
        status: HTTP's number.
        message: What is wrong, and what would be right.
        param: The field that is wrong.
        code: OpenAI's name of the mistake.
        headers: Of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(message)
        self.status, self.message, self.param, self.code, self.headers = status, message, param, code, headers

    def response(self) -> Response:
        """Returns the answer."""
        return Response(json.dumps(self.content()), self.status, self.headers, "application/json")

    def content(self) -> dict[str, Any]:
        """Returns OpenAI's object of an error; ASCII alone is written of it, whatever half characters were sent."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def of_mistake(error: UserError, text_field: str = "text") -> Refused:
    """Returns the answer to what cannot be said; the text is the field of a name."""
    message = re.sub(r"^text\b", text_field, str(error))
    if ran_out_of_memory(error):
        return Refused(503, message, headers={"Retry-After": "10"})
    found = NAMED_FIELD.match(message)
    return Refused(400, message, param=found[1] if found and found[1] in FIELDS else None)


def of_full_queue(error: QueueFull) -> Refused:
    """Returns the answer where no place is left."""
    return Refused(503, str(error), code="queue_full", headers={"Retry-After": str(error.retry_after)})


def of_validation(error: RequestValidationError) -> Refused:
    """Returns the answer to fields that are missing, unknown or of another type."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"] if part != "body"]
    if not path or first["type"] == "json_invalid":
        return Refused(400, JSON)
    name = path[0]
    if first["type"] == "extra_forbidden" and len(path) == 1:
        known = set(SpeechRequest.model_fields if "input" in (error.body or {}) else PiperRequest.model_fields)
        return Refused(400, str(one_of("field", name, known)), name[:80], "unknown_parameter")
    if first["type"] == "missing":
        return Refused(400, f"{name}: it is missing", name, "missing_required_parameter")
    inside = "".join(f"{part[:80]}: " for part in path[1:])
    return Refused(400, f"{name}: {inside}{first['msg']}", name)


async def send_refusal(send: Send, status: int, reason: str) -> None:
    """Refuses a request before the application reads it."""
    body = json.dumps(Refused(status, reason).content()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def refused(request: Request, error: Exception) -> Response:
    """Answers whatever the routes raise over a request."""
    if isinstance(error, Refused):
        return error.response()
    if isinstance(error, QueueFull):
        return of_full_queue(error).response()
    if isinstance(error, RequestValidationError):
        return of_validation(error).response()
    if isinstance(error, UserError):
        return of_mistake(error).response()
    assert isinstance(error, StarletteHTTPException)  # there is no such page, or not with this method
    message = JSON if error.status_code == 400 else f"{request.method} {request.url.path}: {error.detail}"
    return Refused(error.status_code, message, headers=error.headers).response()
