"""The server of a listening test."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel

from espnet_mtl.errors import UserError, system_error
from espnet_mtl.evaluation.report.render import render
from espnet_mtl.listening.answers import answers_path, read_answers, save_answer
from espnet_mtl.listening.trials import AB, EMOTION, MOS, ListeningTest
from espnet_mtl.system.audio_files import read_channels
from espnet_mtl.system.sockets import OwnPagesOnly, bind
from espnet_mtl.system.sound import encoded

TEMPLATE = "listening/page.html.j2"
QUESTIONS = {
    MOS: "How good is this speech?",
    AB: "Which speech do you prefer?",
    EMOTION: "Which emotion do you hear?",
}
NOT_STORED = {"Cache-Control": "no-store"}
SECURITY_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; media-src blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Answer(BaseModel):
    """What the page sends."""

    listener: str
    trial: int
    answer: str


def build_app(test: ListeningTest, host: str = "127.0.0.1") -> FastAPI:
    """Builds the server: `/` is the page, `/audio/<trial>/<side>` a recording, `/answer` takes answers.

    Nothing that it sends tells system, speaker, intended emotion or utterance. All state is in the answers on disk.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(OwnPagesOnly, host=host)

    # FastAPI's own answer repeats what was sent, which JSON cannot always say (NaN, half a character)
    @app.exception_handler(RequestValidationError)
    def refused(request: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": "expected what the page sends: a listener, a trial and an answer"}, 422)

    @app.get("/")
    def page(listener: str = "") -> HTMLResponse:
        content, status = _content(test, test.listener or listener)
        headers = {**NOT_STORED, "Content-Security-Policy": SECURITY_POLICY}
        return HTMLResponse(render(TEMPLATE, content), status, headers)

    @app.get("/audio/{trial}/{side}")
    def audio(trial: int, side: str, listener: str = "") -> Response:
        trials, sides = test.trials(test.listener or listener), _sides(test)
        if not 1 <= trial <= len(trials) or side not in sides:
            raise HTTPException(404, "no such recording")
        path = trials[trial - 1].wavs[sides.index(side)]
        try:
            content = _anonymous(path)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)  # not into the answer: its path tells the system
            raise HTTPException(500, "the recording of this trial cannot be read") from error
        return Response(content, media_type="audio/wav", headers=NOT_STORED)

    @app.post("/answer", status_code=204)
    def answer(sent: Answer) -> None:
        try:
            save_answer(test, test.listener or sent.listener, sent.trial, sent.answer)
        except UserError as error:
            raise HTTPException(400, str(error)) from error
        except OSError as error:
            raise HTTPException(507, system_error(error) or str(error)) from error

    return app


def serve(test: ListeningTest, host: str, port: int) -> None:
    """Serves a test until it is interrupted, and prints where.

    Raises:
        UserError: The address cannot be had.
    """
    listening = bind(host, port)
    print(f"Listening test: http://{host}:{listening.getsockname()[1]} (Ctrl-C ends it)", flush=True)
    uvicorn.Server(uvicorn.Config(build_app(test, host), log_level="warning")).run(sockets=[listening])


def _content(test: ListeningTest, listener: str) -> tuple[dict[str, Any], int]:
    """What the template shows, and the HTTP status."""
    content: dict[str, Any] = {"view": "name", "listener": listener, "error": ""}
    if not listener:
        return content, 200
    try:
        answers_path(test, listener)
    except UserError as error:
        return {**content, "error": str(error)}, 400
    try:
        answered = read_answers(test, listener)
    except UserError as error:
        return {**content, "view": "error", "error": str(error)}, 409
    n = len(test.trials(listener))
    content |= {"n": n, "question": QUESTIONS[test.kind], "choices": test.choices, "sides": _sides(test)}
    left = [number for number in range(1, n + 1) if number not in answered]
    if not left:
        return {**content, "view": "done", "trial": n}, 200
    return {**content, "view": "trial", "trial": left[0]}, 200


def _sides(test: ListeningTest) -> list[str]:
    """What the recordings of a trial are called."""
    return ["a", "b"] if test.kind == AB else ["a"]


def _anonymous(path: str) -> bytes:
    """The recording as 16-bit WAV, whatever its format and metadata, which might tell the systems apart."""
    samples, fs = read_channels(path)
    return encoded(samples, fs, "wav")
