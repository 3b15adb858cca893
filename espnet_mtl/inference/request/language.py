"""The language in which a model speaks a text."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from espnet_mtl.config.schema import SPEAKER_LANGUAGES
from espnet_mtl.errors import UserError
from espnet_mtl.system.unicode import normal_name


def spoken_languages(args: Namespace) -> dict[str, list[str]]:
    """Names the languages of each speaker, as training heard them; none of a model trained before they were noted.

    Raises:
        UserError: A model's configuration says something else than languages by speaker.
    """
    spoken = getattr(args, SPEAKER_LANGUAGES, None) or {}
    if not isinstance(spoken, Mapping) or not all(_is_names(languages) for languages in spoken.values()):
        raise UserError(f"{SPEAKER_LANGUAGES}: expected a list of languages by speaker, got {spoken!r}")
    return {normal_name(str(speaker)): list(languages) for speaker, languages in spoken.items()}


def _is_names(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value)


def choose_language(
    given: Any, speaker: str, args: Namespace, spoken: Mapping[str, Sequence[str]], languages: Sequence[str]
) -> str:
    """Returns the language to speak.

    Without a given one it is the only one of the speaker, else, where it is among them, that of the configuration.

    Args:
        given: What the caller asks for; None: nothing.
        speaker: Name of the speaker.
        args: The model's configuration.
        spoken: The languages of each speaker (`spoken_languages`).
        languages: The model's languages; none where the data name none.

    Raises:
        UserError: The given one is no name, or several can be meant.
    """
    if given is not None:
        if not given or not isinstance(given, str):
            raise UserError(f"language: expected espeak's name of a language, such as 'en-us', got {given!r}")
        return given
    own = spoken.get(normal_name(speaker))
    choice = own or languages or [args.language]
    if len(choice) == 1:
        return choice[0]
    if args.language in choice:
        return args.language
    who = f"speaker {speaker!r}" if own else "this model"
    raise UserError(f"language: {who} speaks {', '.join(choice)}: choose one of them")
