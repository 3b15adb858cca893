"""Speech markup: a subset of SSML 1.1 (W3C 2010), with `mstts:express-as` for emotions, as other services have it.

Only the markup is read here. What it asks of a model is in `espnet_mtl.inference.request.marked`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler

from espnet_mtl.config.numbers import KNOBS, number_between
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.text.markup.values import Attributes, break_seconds, choice, number, pitch, pitch_range, rate, volume
from espnet_mtl.text.normal import speakable
from espnet_mtl.text.normalization.say_as import KINDS

BEFORE = (("<?", "?>"), ("<!--", "-->"), ("<!DOCTYPE", ">"))
"""How what may stand before the first element begins and ends."""
ROOT = re.compile(r"<speak(?=[\s/>])")
DECLARATION = re.compile(r"<\?xml\s[^<>]*\?>")
NO_LINE_END = re.compile(r"[^\r\n]")
LONGEST = 10**6
"""Characters of a markup: more are read out as a file of plain text."""
EMPHASIS = {
    "strong": {"rate": 0.8, "pitch": 2.0, "pitch_range": 1.4, "energy": 3.0},
    "moderate": {"rate": 0.9, "pitch": 1.0, "pitch_range": 1.2, "energy": 1.5},
    "none": {},
    "reduced": {"rate": 1.15, "pitch": -1.0, "pitch_range": 0.8, "energy": -2.0},
}
DEGREES = (0.0, 2.0)
ADDED = ("pitch", "energy")
"""Controls of which one inside another adds up; those of others multiply."""


@dataclass(frozen=True)
class Manner:
    """How a part of a text is to be said.

    Attributes:
        voice: A speaker, or a mixture; None: as the call says. So for all that follow.
        language: espeak's language.
        emotion: An emotion, or a mixture.
        intensity: Of the emotion.
        rate, pitch, pitch_range, energy: As in `espnet_mtl.Controls`, on top of those of the call.
    """

    voice: str | None = None
    language: str | None = None
    emotion: str | None = None
    intensity: float | None = None
    rate: float = 1.0
    pitch: float = 0.0
    pitch_range: float = 1.0
    energy: float = 0.0


@dataclass(frozen=True)
class Span:
    """A part of a text that is said in one manner.

    Attributes:
        text: What is written.
        manner: How it is said.
        phones: What is said for the text, in IPA.
        kind: What the text is (`espnet_mtl.text.normalization.say_as.KINDS`); "": plain text.
        form: The order of a date.
    """

    text: str
    manner: Manner
    phones: str | None = None
    kind: str = ""
    form: str = ""


@dataclass(frozen=True)
class Break:
    """A silence.

    Attributes:
        seconds: Its length; None: that of what ends here.
        ends: "sentence" or "paragraph", where one ends; "": nothing does.
    """

    seconds: float | None
    ends: str = ""


def is_markup(text: str) -> bool:
    """Tells whether a text is markup: its first element is `<speak>`. Nothing else is read as such."""
    place = _skipped(text, 0)
    while found := next((pair for pair in BEFORE if text.startswith(pair[0], place)), None):
        end = text.find(found[1], place)
        if end < 0:
            return False
        place = _skipped(text, end + len(found[1]))
    return ROOT.match(text, place) is not None


def _skipped(text: str, place: int) -> int:
    """Returns the place of the next character that is neither a space nor a byte order mark."""
    while place < len(text) and (text[place].isspace() or text[place] == "\ufeff"):
        place += 1
    return place


def read_markup(text: str) -> list[Span | Break]:
    """Reads markup.

    Raises:
        UserError: It is malformed, or has an element or a value that is not known: with line and column, and what would
            be right. Entities and document types are refused, since they can stand for any amount of text, or for
            files.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.sax import parseString

    if len(text) > LONGEST:
        raise UserError(f"markup: {len(text)} characters, at most {LONGEST} are read; plain text may be longer")
    text = unicodedata.normalize("NFC", text)
    start = _skipped(text, 0)
    # The text is decoded already, whatever encoding its declaration names
    if declaration := DECLARATION.match(text, start):
        start = declaration.end()
    document = _blank(text[:start]) + text[start:]
    handler = _Handler()
    try:
        parseString(document.encode(), handler, forbid_dtd=True)
    except SAXParseException as error:
        raise _error(error.getLineNumber(), error.getColumnNumber(), error.getMessage()) from error
    except DefusedXmlException as error:
        raise UserError("markup: document types and entities of one's own are not read: leave them out") from error
    return handler.items


def _blank(text: str) -> str:
    """Returns spaces in the place of a text, so that lines and columns of what comes after it stay."""
    return NO_LINE_END.sub(" ", text)


def _error(line: int | None, column: int | None, message: str) -> UserError:
    return UserError(f"markup, line {line}, column {(column or 0) + 1}: {message}")


class _Handler(ContentHandler):
    """Collects spans and breaks; `open` are the elements that are open, with their manners and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[Span | Break] = []
        self.open: list[_Element] = [_Element("", Manner(), {})]
        self.written = ""

    def startElement(self, name: str, attrs: Any) -> None:
        given = {key: attrs.getValue(key) for key in attrs.getNames()}
        self._end_of_text()
        try:
            outer = self.open[-1]
            _check_element(name, outer.name, given)
            self.open.append(_Element(name, _manner(outer.manner, name, given), given))
            if name in ENDS:
                self.items.append(Break(None, ENDS[name]))
            if name == "break":
                self.items.append(Break(break_seconds(given)))
        except UserError as error:
            raise self._here(f"<{name}>: {error}") from error

    def characters(self, content: str) -> None:
        self.written += content

    def endElement(self, name: str) -> None:
        if name == "phoneme" and not speakable(self.written):
            raise self._here("<phoneme>: write the word that is said so between its tags")
        self._end_of_text()
        self.open.pop()
        if name in ENDS:
            self.items.append(Break(None, ENDS[name]))

    def _end_of_text(self) -> None:
        """Makes a span of what was written since the last tag."""
        text, self.written = self.written, ""
        element = self.open[-1]
        given = element.given
        if element.name == "sub":
            text = given["alias"]
        if element.name == "break" and text.strip():
            raise self._here("<break> holds nothing: close it at once, <break/>")
        if text:
            phones = given["ph"] if element.name == "phoneme" else None
            kind, form = ("interpret-as", "format") if element.name == "say-as" else ("", "")
            self.items.append(Span(text, element.manner, phones, given.get(kind, ""), given.get(form, "")))

    def _here(self, message: str) -> UserError:
        locator = self._locator  # type: ignore[attr-defined]  # SAX sets it
        return _error(locator.getLineNumber(), locator.getColumnNumber(), message)


class _Element(NamedTuple):
    name: str
    manner: Manner
    given: Attributes


ENDS = {"p": "paragraph", "s": "sentence"}
ELEMENTS: Mapping[str, tuple[str, ...]] = {
    "speak": ("version", "xml:lang"),
    "p": ("xml:lang",),
    "s": ("xml:lang",),
    "voice": ("name", "xml:lang"),
    "lang": ("xml:lang",),
    "prosody": ("rate", "pitch", "range", "volume"),
    "emphasis": ("level",),
    "mstts:express-as": ("style", "styledegree"),
    "break": ("time", "strength"),
    "sub": ("alias",),
    "phoneme": ("alphabet", "ph"),
    "say-as": ("interpret-as", "format", "detail"),
}
"""Elements, and their attributes."""
REQUIRED = {
    "voice": ("name",),
    "mstts:express-as": ("style",),
    "sub": ("alias",),
    "phoneme": ("ph",),
    "say-as": ("interpret-as",),
    "lang": ("xml:lang",),
}
CLOSED = ("sub", "phoneme", "say-as", "break")
"""Elements that hold no others."""


def _check_element(name: str, outer: str, given: Attributes) -> None:
    """Raises UserError where an element or an attribute is none, or stands where it cannot."""
    if not outer and name != "speak":
        raise UserError("the first element must be <speak>")
    if outer and name == "speak":
        raise UserError("<speak> stands at the beginning alone")
    if outer in CLOSED:
        raise UserError(f"there can be no element inside <{outer}>")
    if name not in ELEMENTS:
        raise one_of("element", f"<{name}>", [f"<{known}>" for known in ELEMENTS])
    for key in given:
        if key not in ELEMENTS[name] and not key.startswith("xmlns"):
            raise one_of("attribute", key, ELEMENTS[name] or ("none",))
    for key in REQUIRED.get(name, ()):
        if not given.get(key, "").strip():
            raise UserError(f"the attribute {key} is missing")
    if name == "phoneme":
        choice("alphabet", given.get("alphabet", "ipa"), ("ipa",))
    if name == "say-as":
        choice("interpret-as", given["interpret-as"], KINDS)


def _manner(outer: Manner, name: str, given: Attributes) -> Manner:
    """Returns the manner inside an element."""
    manner = replace(outer, language=given["xml:lang"].lower()) if given.get("xml:lang") else outer
    if name == "voice":
        return replace(manner, voice=given["name"].strip())
    if name == "mstts:express-as":
        degree = given.get("styledegree")
        intensity = None if degree is None else number("styledegree", degree, DEGREES)
        return replace(manner, emotion=given["style"].strip(), intensity=intensity)
    if name == "emphasis":
        level = choice("level", given.get("level", "moderate"), tuple(EMPHASIS))
        return _changed(manner, EMPHASIS[level])
    if name == "prosody":
        readers = {"rate": rate, "pitch": pitch, "range": pitch_range, "volume": volume}
        controls = {"range": "pitch_range", "volume": "energy"}
        changes = {controls.get(key, key): readers[key](value) for key, value in given.items()}
        return _changed(manner, changes)
    return manner


def _changed(manner: Manner, changes: Mapping[str, float]) -> Manner:
    """Changes controls on top of what they are outside; the whole must be within their limits."""
    values: dict[str, Any] = {}
    for name, change in changes.items():
        outer = getattr(manner, name)
        whole = outer + change if name in ADDED else outer * change
        values[name] = number_between(name, whole, *KNOBS[name].limits)
    return replace(manner, **values)
