"""What happens when somebody presses a button of the page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import gradio

from espnet_mtl.config.numbers import KNOBS, STRETCH_SLIDER
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.inference.request.inputs import as_array
from espnet_mtl.registry import BACKBONES
from espnet_mtl.server.answers import Refused
from espnet_mtl.server.jobs import QueueFull
from espnet_mtl.server.page.code import Source, curl_command, python_code
from espnet_mtl.server.page.drawing import drawn_speech
from espnet_mtl.server.page.form import FILES, file_names, read_state, request_body
from espnet_mtl.server.page.marks import marked_mistake
from espnet_mtl.server.page.speaking import Said, say, sound_file
from espnet_mtl.server.page.spoken import Remembered, Spoken
from espnet_mtl.server.service import Service
from espnet_mtl.text.markup.reader import is_markup, read_markup
from espnet_mtl.text.normal import check_unicode

REFUSALS = (UserError, Refused, QueueFull)
"""What a request can come to but sound; each says why in its message."""
KINDS = ("flac", "mp3")
"""Files that are made when they are asked for; the WAV file is there already."""
EDIT_RANGES = {"pitch": KNOBS["pitch"].slider, "stretch": STRETCH_SLIDER, "gain": KNOBS["energy"].slider}
"""The least, the most and the step of what may be changed of a word."""
MOST_NAMED = 3
"""Emotions that are named of those that were heard in a recording, or that a text suggests."""


class Answer(NamedTuple):
    """What a button brings onto the page.

    Attributes:
        message: HTML: what is wrong, or remarkable.
        mistake: HTML that shows where a mistake in the markup is.
        result: What `result.js` shows.
        python, curl: Code that says the same.
    """

    message: Any
    mistake: Any
    result: Any
    python: Any
    curl: Any


class Callbacks:
    """The buttons of a page.

    Args:
        service: What speaks.
        names: Of the page's components, in the order of their values.
        remembered: What was said of late.
    """

    def __init__(self, service: Service, names: Sequence[str], remembered: Remembered):
        self._service, self._names, self._remembered = service, names, remembered
        self._source = Source.of(service.tts, service.options.model or service.options.name)
        self._editable = bool(BACKBONES.spec(service.tts.train_args.tts).contours)

    async def speak(self, request: gradio.Request, browser: str, *values: Any) -> Answer:
        """Says what is set on the page."""
        form = dict(zip(self._names, values, strict=True))
        try:
            state = read_state(browser)
        except UserError as error:
            return _refused(error, "")
        spoken = Spoken(request_body(form, state), file_names(state))
        return await self._answer(spoken, _address(request))

    async def speak_again(self, request: gradio.Request, browser: str) -> Answer:
        """Says what was said last, with words edited."""
        try:
            state = read_state(browser)
            spoken = self._remembered.find(state.get("said"))
        except UserError as error:
            return _refused(error, "")
        body = {name: value for name, value in spoken.body.items() if name != "edits"}
        if state.get("edits"):
            body["edits"] = state["edits"]
        return await self._answer(Spoken(body, spoken.files), _address(request))

    async def save(self, browser: str) -> tuple[str, dict[str, str] | None]:
        """Makes a file of what was said last; returns a message, and the file's kind and content in base64."""
        try:
            state = read_state(browser)
            spoken, kind = self._remembered.find(state.get("said")), state.get("kind")
            if kind not in KINDS:
                raise one_of("kind of file", kind, KINDS)
            content = await sound_file(self._service, {**spoken.body, "response_format": kind})
        except REFUSALS as error:
            return _warning(str(error)), None
        return "", {"kind": kind, "content": content}

    def check(self, text: str) -> str:
        """Reads markup while it is written; returns HTML that shows a mistake in it."""
        if not text.strip():
            return ""
        try:
            check_unicode("markup", text)
            if not is_markup(text):
                raise UserError("markup, line 1, column 1: the first element must be <speak>")
            read_markup(text)
        except UserError as error:
            return marked_mistake(text, str(error)) or _warning(str(error))
        return ""

    async def _answer(self, spoken: Spoken, address: str) -> Answer:
        body = spoken.body
        try:
            said = await say(self._service, body)
        except REFUSALS as error:
            return _refused(error, body["input"])
        # A long text takes a while to draw, in which others are to be answered
        drawn = await asyncio.to_thread(drawn_speech, self._service.tts, said.parts)
        result = drawn | {
            "said": self._remembered.keep(spoken),
            "edits": body.get("edits", []),
            "ranges": EDIT_RANGES if self._editable else None,
            "read": said.read,
            "from": _sources(body),
        }
        return Answer(
            message=self._note(body, said),
            mistake="",
            result=result,
            python=python_code(body, self._source, spoken.files),
            curl=curl_command(body, address, spoken.files),
        )

    def _note(self, body: Mapping[str, Any], said: Said) -> str:
        """Tells the emotion where the page does not set it: of a recording or a face, or as the text suggests."""
        tts = self._service.tts
        if said.read is not None:
            return _named(f"The emotion of the {_sources(body)}", said.read)
        suggested = bool(tts.emotions) and tts.reader.network.tells_emotion and "emotion" not in body
        if is_markup(body["input"]) or not suggested:
            return ""
        weights = as_array("weights", said.parts[0]["prosody"].utterance.weights, "numbers")
        return _named("The emotion that the text suggests", dict(zip(tts.emotions, weights.tolist(), strict=True)))


def _sources(body: Mapping[str, Any]) -> str:
    """Names what the emotion of a request is taken from; "": from nothing."""
    return " and ".join(what for field, what in FILES.items() if field in body)


def _named(what: str, shares: Mapping[str, float]) -> str:
    """Returns HTML that names the strongest emotions."""
    most = sorted(shares, key=lambda name: -shares[name])[:MOST_NAMED]
    named = ", ".join(f"{escape(name)} {100 * shares[name]:.0f} %" for name in most)
    return f'<div class="note">{what}: {named}</div>'


def _refused(error: UserError | Refused | QueueFull, text: str) -> Answer:
    """Returns what the page shows of a request that was not spoken; what was said last stays."""
    message = str(error).removeprefix("input: ")
    mistake = marked_mistake(text, message)
    kept = gradio.skip()
    return Answer("" if mistake else _warning(message), mistake, kept, kept, kept)


def _warning(message: str) -> str:
    return f'<div class="warning" role="alert">{escape(message)}</div>'


def _address(request: gradio.Request) -> str:
    """Returns the address of the server as this browser has it; its `Host` has been checked."""
    return f"{request.url.scheme}://{request.headers['host']}"
