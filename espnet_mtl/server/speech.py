"""From a request to its sound, as a thread makes it."""

from __future__ import annotations

import base64
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
from espnet_mtl.server.watch import Tally
from espnet_mtl.system.audio_files import measure

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
        edits: Words that are said otherwise than predicted.
    """

    text: str
    field: str
    controls: Controls
    reference: bytes = b""
    seed: int = 0
    format: str = "mp3"
    whole: bool = False
    edits: Sequence[WordEdit] = ()


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


def said_parts(tts: BaseText2Speech, asked: Asked, tally: Tally) -> Iterator[Mapping[str, Any]]:
    """Says the text of a request, sentence by sentence (`Text2Speech.stream`).

    Args:
        tts: The model.
        asked: The request.
        tally: What was made is added to it.

    Raises:
        UserError: It cannot be said.
    """
    begin = time.perf_counter()
    with reference_file(asked.reference) as path:
        controls = asked.controls if path is None else replace(asked.controls, reference=path)
        # This reads the recording
        parts = tts.stream(asked.text, controls=controls, seed=asked.seed, edits=asked.edits)
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
