"""What the routes of both dialects share: the model, its voices, and who speaks when."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from espnet_mtl.errors import UserError
from espnet_mtl.inference.base import BaseText2Speech
from espnet_mtl.inference.request.controls import Controls
from espnet_mtl.inference.request.inputs import seed_number
from espnet_mtl.inference.word_edits import WordEdit
from espnet_mtl.server.answers import Refused
from espnet_mtl.server.jobs import Job, Jobs, Make, QueueFull
from espnet_mtl.server.metrics import Metrics
from espnet_mtl.server.options import ServerOptions
from espnet_mtl.server.response import SpeechResponse
from espnet_mtl.server.routes.fields import ControlFields, SpeechRequest
from espnet_mtl.server.speech import Asked, read_base64, speak
from espnet_mtl.server.voices import read_voice
from espnet_mtl.server.watch import Tally

FILES = {"reference": "a recording", "visual": "a picture or a video"}
"""What the fields of a request hold whose emotion is taken."""


class Service:
    """A model that is served.

    Args:
        tts: The model.
        options: What whoever runs the server decides.
    """

    def __init__(self, tts: BaseText2Speech, options: ServerOptions):
        self.tts, self.options = tts, options
        self.jobs = Jobs(options.workers, options.queue)
        self.metrics = Metrics(self.jobs)

    @property
    def emotion_sources(self) -> list[str]:
        """Names the fields of a request that the model can take an emotion from."""
        network = self.tts.reader.network
        there = {"reference": network.has_reference, "visual": network.has_visual}
        return [name for name in FILES if there[name]]

    def controls(self, sent: ControlFields, voice: str | None, given: Mapping[str, Any]) -> Controls:
        """Returns the controls of a request.

        Args:
            sent: The request.
            voice: A voice, which names a speaker, an emotion, or both; None: it names none.
            given: Controls that the dialect has by other names.

        Raises:
            UserError: Two fields say the same, or a control cannot be.
        """
        controls = sent.controls()
        speaker, emotion = (None, None) if voice is None else read_voice(voice, self.tts.speakers, self.tts.emotions)
        for name, value in (("speaker", speaker), ("emotion", emotion), *given.items()):
            if value is None:
                continue
            if name in controls:
                raise UserError(f"{name}: another field of this request says it, too: leave one of them out")
            controls[name] = value
        return Controls(**controls)

    def asked(self, sent: ControlFields, text: str, controls: Controls, format: str, whole: bool = False) -> Asked:
        """Returns what a request asks for.

        Args:
            sent: The request, of which the recording, the face, the seed and the edits are taken.
            text: The text, or markup.
            controls: How to say it.
            format: One of `FORMATS`.
            whole: See `Asked`.

        Raises:
            Refused: The text is too long.
            UserError: A file is no base64, the seed is none, or a number of an edit cannot be.
        """
        field = "input" if isinstance(sent, SpeechRequest) else "text"
        most = self.options.characters
        if len(text) > most:
            message = f"{field}: {len(text)} characters, at most {most} are taken: send the text in parts"
            raise Refused(400, message, field, "string_above_max_length")
        files = {}
        for name, what in FILES.items():
            content = getattr(sent, name)
            if content is not None:
                files[name] = read_base64(name, content, what)
        return Asked(
            text,
            field,
            controls,
            **files,
            visual_seconds=self.options.visual_seconds,
            seed=seed_number(sent.seed),
            format=format,
            whole=whole,
            edits=[WordEdit(**edit.model_dump()) for edit in sent.edits],
        )

    def start(self, make: Make) -> Job:
        """Puts a job into the line.

        Raises:
            QueueFull: There is no place.
        """
        try:
            return self.jobs.start(make)
        except QueueFull:
            self.metrics.rejected.labels("queue full").inc()
            raise

    def respond(self, asked: Asked, sse: bool = False, headers: Mapping[str, str] | None = None) -> SpeechResponse:
        """Has a text spoken.

        Args:
            asked: The request.
            sse: See `SpeechResponse`.
            headers: Of the answer.

        Raises:
            QueueFull: There is no place in the waiting line.
        """
        tally = Tally(characters=len(asked.text), format=asked.format)
        deadline = asyncio.get_running_loop().time() + self.options.seconds
        job = self.start(lambda: speak(self.tts, asked, tally))
        return SpeechResponse(job, asked, tally, deadline, sse, headers or {})
