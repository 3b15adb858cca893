"""Code that says the same again: Python, and a call of the server."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import NamedTuple

from espnet_mtl.config.numbers import MAX_TOKENS
from espnet_mtl.inference.base import BaseText2Speech
from espnet_mtl.server.page.form import FILES, Body

OUTPUT = "speech.wav"
NOT_CONTROLS = ("input", "response_format", "edits", *FILES)
"""Fields of a request that Python has by other names, or not at all."""
WIDTH = 88


class Source(NamedTuple):
    """Where a model comes from.

    Attributes:
        package: Where `Text2Speech` is imported from.
        model: What it is loaded from.
        max_tokens: The most tokens of one utterance.
    """

    package: str
    model: str
    max_tokens: int = MAX_TOKENS

    @classmethod
    def of(cls, tts: BaseText2Speech, model: str) -> Source:
        """Returns that of a model which was loaded from `model`."""
        return cls(tts.package, model, tts.max_tokens)


def python_code(body: Body, source: Source, files: Mapping[str, str]) -> str:
    """Writes a script that says a request.

    Args:
        body: The request.
        source: The model.
        files: Names of the files of its fields, by the field.
    """
    options = "" if source.max_tokens == MAX_TOKENS else f", max_tokens={source.max_tokens}"
    imports = ["import numpy as np", "import soundfile", f"from {source.package} import Text2Speech"]
    arguments = {name: repr(value) for name, value in body.items() if name not in NOT_CONTROLS}
    for field, name in files.items():
        arguments[field] = repr(name)
    if body.get("edits"):
        imports.append("from espnet_mtl.inference.word_edits import WordEdit")
        arguments["edits"] = _edits(body["edits"])
    lines = [
        *imports,
        "",
        f"tts = Text2Speech.from_pretrained({source.model!r}{options})",
        f"text = {_text(body['input'])}",
        f"parts = tts.stream({_arguments(arguments)})",
        'wav = np.concatenate([tts.samples(part["wav"]) for part in parts])',
        f'soundfile.write("{OUTPUT}", wav, tts.fs)',
    ]
    return "\n".join(lines) + "\n"


def curl_command(body: Body, address: str, files: Mapping[str, str]) -> str:
    """Writes a command line that asks a server for a request.

    Args:
        body: The request.
        address: Of the server, such as http://127.0.0.1:8000.
        files: Names of the files of its fields, by the field.
    """
    call = f'curl {shlex.quote(f"{address}/v1/audio/speech")} -H "Content-Type: application/json"'
    sent = json.dumps({name: value for name, value in body.items() if name not in files}, ensure_ascii=False)
    if not files:
        return f"{call} \\\n  -d {shlex.quote(sent)} -o {OUTPUT}\n"
    # Files are too long for a command line, and go through a pipe
    written, before = [], sent.removesuffix("}")
    for field, name in files.items():
        opening = shlex.quote(f'{before}, "{field}": "')
        written += [f"printf %s {opening}", f"base64 -w 0 {shlex.quote(name)}"]
        before = '"'
    return f"({'; '.join(written)}; printf '\"}}') |\n  {call} -d @- -o {OUTPUT}\n"


def _text(text: str) -> str:
    """Returns a text as Python writes it, a line of it a line."""
    lines = text.splitlines(keepends=True)
    if len(lines) <= 1:
        return repr(text)
    written = "".join(f"    {line!r}\n" for line in lines)
    return f"(\n{written})"


def _edits(edits: list[dict[str, float]]) -> str:
    written = []
    for edit in edits:
        numbers = ", ".join(f"{name}={value!r}" for name, value in edit.items())
        written.append(f"WordEdit({numbers})")
    return f"[{', '.join(written)}]"


def _arguments(arguments: dict[str, str]) -> str:
    """Returns the arguments of the call, each in a line of its own where they are long."""
    written = ["text", *(f"{name}={value}" for name, value in arguments.items())]
    line = ", ".join(written)
    if len(line) <= WIDTH:
        return line
    return "\n" + "".join(f"    {argument},\n" for argument in written)
