"""Markup on the page: where a mistake in it is, and examples that a model can say."""

from __future__ import annotations

import re
import unicodedata
from html import escape

from espnet_mtl.inference.base import BaseText2Speech
from espnet_mtl.registry import BACKBONES

PLACE = re.compile(r"markup, line (\d+), column (\d+): ")
AROUND = 1
"""Lines that are shown above and below the one with the mistake."""
SPEAK = '<speak version="1.1" xmlns:mstts="http://www.w3.org/2001/mstts">\n'
LINE_ENDS = re.compile(r"\r\n|\r|\n")
TAG = re.compile(r"""</?(?:[^<>"']|"[^"<]*"|'[^'<]*')*>?""")
"""An attribute may hold a `>`."""


def marked_mistake(text: str, message: str) -> str:
    """Returns HTML that shows where in a markup a mistake is; "": the message does not say it.

    Args:
        text: The markup.
        message: Of `espnet_mtl.text.markup.reader.read_markup`.
    """
    found = PLACE.match(message)
    if not found:
        return ""
    line, column = int(found[1]), int(found[2])
    # As XML has lines; Python knows more ends of them. The reader sees composed characters
    lines = LINE_ENDS.split(unicodedata.normalize("NFC", text))
    first, last = max(1, line - AROUND), min(len(lines), line + AROUND)
    rows = [_row(number, lines[number - 1], column if number == line else 0) for number in range(first, last + 1)]
    place = f'<div class="mark-place" data-line="{line}" data-column="{column}">line {line}, column {column}</div>'
    reason = f'<p class="mark-why">{escape(message[found.end() :])}</p>'
    return f'<div class="mark" role="alert">{place}<pre>{"".join(rows)}</pre>{reason}</div>'


def _row(number: int, line: str, column: int) -> str:
    shown = escape(line)
    if column:
        begin = min(column - 1, max(0, len(line) - 1))
        tag = TAG.match(line, begin)
        end = tag.end() if tag else begin + 1
        shown = f"{escape(line[:begin])}<mark>{escape(line[begin:end]) or ' '}</mark>{escape(line[end:])}"
    kind = ' class="mark-line"' if column else ""
    return f"<span{kind}><i>{number}</i>{shown}\n</span>"


def examples(tts: BaseText2Speech) -> dict[str, str]:
    """Returns markup that shows what a model can do, by a name for each."""
    found = {"Pauses": _pauses()}
    if BACKBONES.spec(tts.train_args.tts).contours:
        found["Emphasis"] = _emphasis()
    if len(tts.emotions) > 1:
        found["Emotions"] = _emotions(tts.emotions)
    if len(tts.speakers) > 1:
        found["Voices"] = _voices(tts.speakers)
    return found


def _pauses() -> str:
    return f'{SPEAK}  The train leaves at noon.\n  <break time="800ms"/>\n  Nobody is on it.\n</speak>'


def _emphasis() -> str:
    strong = '<emphasis level="strong">noon</emphasis>'
    slow = '<prosody rate="slow" pitch="-3st">Nobody is on it.</prosody>'
    return f"{SPEAK}  The train leaves at {strong}.\n  {slow}\n</speak>"


def _emotions(emotions: list[str]) -> str:
    first, last = (escape(name, quote=True) for name in (emotions[0], emotions[-1]))
    one = f'<mstts:express-as style="{first}">The train leaves at noon.</mstts:express-as>'
    other = f'<mstts:express-as style="{last}">Nobody is on it.</mstts:express-as>'
    return f"{SPEAK}  {one}\n  {other}\n</speak>"


def _voices(speakers: list[str]) -> str:
    first, last = (escape(name, quote=True) for name in (speakers[0], speakers[-1]))
    one = f'<voice name="{first}">The train leaves at noon.</voice>'
    other = f'<voice name="{last}">Nobody is on it.</voice>'
    return f"{SPEAK}  {one}\n  {other}\n</speak>"
