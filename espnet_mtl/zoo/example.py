"""How a model is called: the example that its card and the recipe show."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from espnet_mtl.config.schema import SPEAKER_LANGUAGES
from espnet_mtl.errors import UserError
from espnet_mtl.labels import format_mixture

LIKED = "happy"


def example_voice(config: Mapping[str, Any]) -> dict[str, str]:
    """Chooses a voice that a model has: options of a call and their values.

    Args:
        config: The model's config.yaml; what it does not have, the example leaves out.
    """
    voice = {}
    if speakers := config.get("speakers"):
        voice["speaker"] = speakers[-1]
    emotions = [name for name in config.get("emotions") or () if _is_plain(name)]
    if emotions:
        voice["emotion"] = LIKED if LIKED in emotions else emotions[-1]
    languages = config.get("languages") or []
    if len(languages) > 1:
        own = (config.get(SPEAKER_LANGUAGES) or {}).get(voice.get("speaker")) or languages
        default = config.get("language")
        voice["language"] = default if default in own else own[0]
    return voice


def example_arguments(voice: Mapping[str, str]) -> str:
    """Writes options of a call in Python, after others; see `example_voice`."""
    return "".join(f", {option}={json.dumps(name, ensure_ascii=False)}" for option, name in voice.items())


def _is_plain(emotion: str) -> bool:
    """Tells whether an emotion can be named alone, and is not read as a mixture."""
    try:
        format_mixture({emotion: 1.0})
    except UserError:
        return False
    return True


def example_command(python: str, model: str, text: str, output: str, config: Mapping[str, Any]) -> str:
    """Writes a command for the shell that speaks with a model; names may hold spaces and quotes.

    Args:
        python: The interpreter.
        model: What `--model` takes.
        text: What to say.
        output: The file to write.
        config: The model's config.yaml.
    """
    options = {"model": model, "text": text, **example_voice(config), "output": output}
    return shlex.join([python, "-m", "espnet_mtl.bin.synthesize", *_words(options)])


def _words(options: Mapping[str, str]) -> Sequence[str]:
    words = []
    for name, value in options.items():
        # After a space, a value that begins like an option would be taken for one
        words += [f"--{name}={value}"] if value.startswith("-") else [f"--{name}", value]
    return words
