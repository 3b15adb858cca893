"""From a request to its sound, as a thread makes it."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from tempfile import NamedTemporaryFile
from typing import Any

from espnet_mtl.errors import UserError
from espnet_mtl.inference.base import BaseText2Speech
from espnet_mtl.inference.request.controls import Controls
from espnet_mtl.inference.word_edits import WordEdit
from espnet_mtl.server.formats import encoded_pieces
from espnet_mtl.server.options import VISUAL_SECONDS
from espnet_mtl.server.watch import Tally
from espnet_mtl.system.audio_files import measure
from espnet_mtl.visual.signatures import suffix_of
from espnet_mtl.visual.unusable import UnusableVisual

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
        visual: A picture or a video of a face whose emotion is taken, likewise.
        visual_seconds: The most of such a video.
        seed: Of what the network draws.
        format: One of `FORMATS`.
        whole: Whether the file is to say how long it is, and so is sent when it has been made.
        edits: Words that are said otherwise than predicted.
    """

    text: str
    field: str
    controls: Controls
    reference: bytes = b""
    visual: bytes = b""
    visual_seconds: float = VISUAL_SECONDS
    seed: int = 0
    format: str = "mp3"
    whole: bool = False
    edits: Sequence[WordEdit] = ()


def read_base64(field: str, text: str, what: str) -> bytes:
    """Reads the file that a field of a request has in base64.

    Args:
        field: The field.
        text: What it has.
        what: What the file is, for messages.

    Raises:
        UserError: It is no base64, or nothing.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise UserError(f"{field}: expected {what} in base64") from error
    if not data:
        raise UserError(f"{field}: the file is empty")
    return data


@contextmanager
def request_file(data: bytes, suffix: str = "") -> Iterator[str | None]:
    """Has what a request sent in a file for a while; None: it sent nothing.

    What is wrong with it is told without the name of the file, which its sender does not know, and without that of an
    option of training.
    """
    if not data:
        yield None
        return
    with NamedTemporaryFile(prefix="request", suffix=suffix) as file:
        file.write(data)
        file.flush()
        try:
            yield file.name
        except UserError as error:
            unknown = rf":? ?'?{re.escape(file.name)}'?| \(max_seconds\)"
            raise UserError(re.sub(unknown, "", str(error))) from error


def with_read_emotion(tts: BaseText2Speech, asked: Asked, tally: Tally) -> tuple[Asked, dict[str, float] | None]:
    """Reads the emotion of a request's recording and face.

    Args:
        tts: The model.
        asked: The request.
        tally: The time that it takes is added to it.

    Returns:
        The request with it in their place, and how much of each emotion it is; None: there is neither of them.

    Raises:
        UserError: They cannot be used, or the model has no encoder for them.
    """
    if not (asked.reference or asked.visual):
        return asked, None
    begin = time.perf_counter()
    suffix = _visual_suffix(asked.visual)
    with request_file(asked.reference) as recording, request_file(asked.visual, suffix) as face:
        if recording is not None:
            _check_length(recording)
        controls = replace(asked.controls, reference=recording, visual=face)
        emotion = tts.reader.emotion_of_sources(controls, asked.visual_seconds)
    tally.synthesis_s += time.perf_counter() - begin
    return replace(asked, controls=controls.with_emotion(emotion), reference=b"", visual=b""), emotion


def _visual_suffix(data: bytes) -> str:
    try:
        return suffix_of(data) if data else ""
    except UnusableVisual as error:
        raise UserError(f"visual: {error}") from error


def _check_length(recording: str) -> None:
    try:
        frames, _, fs = measure(recording)
    except UserError as error:
        raise UserError(f"reference {error}") from error
    if frames > MOST_REFERENCE_S * fs:
        raise UserError(f"reference: {frames / fs:.0f} s of sound, at most {MOST_REFERENCE_S:.0f} s are read")


def said_parts(tts: BaseText2Speech, asked: Asked, tally: Tally) -> Iterator[Mapping[str, Any]]:
    """Says the text of a request, sentence by sentence (`Text2Speech.stream`).

    Args:
        tts: The model.
        asked: The request.
        tally: What was made is added to it.

    Raises:
        UserError: It cannot be said.
    """
    asked, _ = with_read_emotion(tts, asked, tally)
    begin = time.perf_counter()
    parts = tts.stream(asked.text, controls=asked.controls, seed=asked.seed, edits=asked.edits)
    tally.synthesis_s += time.perf_counter() - begin
    return _counted(parts, tts.fs, tally)


def speak(tts: BaseText2Speech, asked: Asked, tally: Tally) -> Generator[bytes]:
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
    parts = said_parts(tts, asked, tally)
    waves = (tts.samples(part["wav"]) for part in parts)
    yield from encoded_pieces(waves, tts.fs, asked.format, asked.whole)


def _counted(parts: Iterator[Mapping[str, Any]], fs: int, tally: Tally) -> Iterator[Mapping[str, Any]]:
    begin = time.perf_counter()
    for part in parts:
        tally.synthesis_s += time.perf_counter() - begin
        tally.audio_s += len(part["wav"]) / fs
        tally.tokens += len(part["prosody"].tokens)
        tally.frames += int(part["prosody"].durations.sum())
        yield part
        begin = time.perf_counter()
