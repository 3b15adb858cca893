"""Voices, as clients name them: `f2`, `f2-happy`, `f2(.7)+m1(.3)`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from espnet_mtl.errors import UserError, one_of
from espnet_mtl.system.unicode import normal_name

DEFAULT = "default"
"""The voice that the model takes where nobody asks for one."""
SHARE = re.compile(r"(.+)\(([^()]*)\)")
FORMS = "a voice with an emotion: {0}-happy; a mixture: {0}(.7)+{1}(.3)"
Speaker = str | dict[str, float] | None


def voice_names(speakers: Sequence[str], emotions: Sequence[str]) -> list[str]:
    """Lists the voices of a model: each speaker, and each of them with each emotion."""
    names = []
    for speaker in speakers or [DEFAULT]:
        names.append(speaker)
        names += [f"{speaker}-{emotion}" for emotion in emotions]
    return names


def read_voice(voice: str, speakers: Sequence[str], emotions: Sequence[str]) -> tuple[Speaker, str | None]:
    """Reads a voice.

    Args:
        voice: A speaker, several with shares, with `-` and an emotion behind it or not.
        speakers: The model's.
        emotions: The model's.

    Returns:
        The speaker, or the share of each, as `Controls` take them (None: the model's first), and the emotion (None: the
        voice says nothing of it).

    Raises:
        UserError: There is no such speaker, or a share is no number.
    """
    whole = normal_name(voice)
    name, emotion = whole, None
    if not _is_speaker(whole, speakers):
        for known in sorted(emotions, key=len):  # an emotion may end as another one does
            before = whole.removesuffix(f"-{normal_name(known)}")
            if before != whole and _are_speakers(before, speakers):
                name, emotion = before, known
    if _is_speaker(name, speakers):
        return (None if name == DEFAULT and not _is_named(name, speakers) else name), emotion
    return _mixture(voice, name, speakers), emotion


def _is_named(name: str, speakers: Sequence[str]) -> bool:
    return name in map(normal_name, speakers)


def _is_speaker(name: str, speakers: Sequence[str]) -> bool:
    return name == DEFAULT or _is_named(name, speakers)


def _are_speakers(name: str, speakers: Sequence[str]) -> bool:
    return _is_speaker(name, speakers) or "+" in name or SHARE.fullmatch(name) is not None


def _mixture(voice: str, name: str, speakers: Sequence[str]) -> Speaker:
    shares: dict[str, float] = {}
    for part in name.split("+"):
        found = SHARE.fullmatch(part.strip())
        speaker = found[1].strip() if found else part.strip()
        if not _is_named(speaker, speakers):
            raise _unknown(voice, speakers)
        if speaker in shares:
            raise UserError(f"voice: {speaker} comes twice in the mixture")
        shares[speaker] = _share(speaker, found[2]) if found else 1.0
    return shares


def _share(speaker: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise UserError(f"voice: expected the share of {speaker} as a number, got {text[:40]!r}") from error


def _unknown(voice: str, speakers: Sequence[str]) -> UserError:
    known = speakers or [DEFAULT]
    return UserError(f"{one_of('voice', voice, known)}; {FORMS.format(known[0], known[-1])}")
