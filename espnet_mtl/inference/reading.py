"""Long texts, sentence by sentence: memory does not grow with them, and the first sound comes early."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from espnet_mtl.config.numbers import KNOBS
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.controls import Controls, Numbers, check_backbone
from espnet_mtl.inference.request.inputs import input_errors
from espnet_mtl.inference.request.length import ROUNDING, check_length
from espnet_mtl.inference.request.marked import read_marked
from espnet_mtl.inference.request.utterance import Utterance
from espnet_mtl.inference.word_edits import WordEdit, check_word, edited
from espnet_mtl.text.markup.reader import is_markup, read_markup
from espnet_mtl.text.markup.sentences import marked_sentences
from espnet_mtl.text.normal import check_unicode, speakable
from espnet_mtl.text.sentences import parts_of, sentences_of

if TYPE_CHECKING:
    from espnet_mtl.inference.base import BaseText2Speech

FADE = 0.004
"""Seconds over which a part begins and ends, so that nothing clicks where parts meet."""
SHOWN = 40


class Part(NamedTuple):
    """A part of a text, and how it is said.

    Attributes:
        text: What is said.
        pause: Seconds of silence behind it.
        controls: How.
        utterance: What is said as the model takes it, where it was markup; None: the text is read when it is said.
        before: Seconds of silence before it.
        edits: Words of it that are said otherwise than predicted.
    """

    text: str
    pause: float
    controls: Controls
    utterance: Utterance | None = None
    before: float = 0.0
    edits: Sequence[WordEdit] = ()


def plan(tts: BaseText2Speech, text: Any, controls: Controls) -> Iterator[Part]:
    """Splits a text, or markup, into parts that a model can say.

    What is wrong with the controls, or with the markup, is told at once; a text is read as its parts are asked for, so
    that the first one need not wait for the others.

    Args:
        tts: The model.
        text: The text.
        controls: How it is said.

    Raises:
        UserError: There is nothing to say, the markup is wrong, a control is for single tokens, or one cannot be.
    """
    if not isinstance(text, str):
        raise UserError(f"text: expected a string, got {type(text).__name__}")
    check_unicode("text", text)
    for name in KNOBS:
        if np.ndim(getattr(controls, name)):
            raise UserError(f"{name}: a text of several sentences takes one number, not one a token")
    check_backbone(controls, tts.train_args.tts)
    language = tts.reader.language_of(controls)
    if controls.sources() and controls.emotion is None:
        # Once, not again for every sentence
        controls = controls.with_emotion(tts.reader.emotion_of_sources(controls))
    tts.reader.check_emotion(controls)
    if is_markup(text):
        parts: Iterator[Part] = iter(_parts_of_markup(tts, text, controls, language))
    else:
        parts = _parts_of_text(tts, text, controls, language)
    first = next(parts, None)
    if first is None:
        lost = tts.reader.tokenizer.unspeakable(text, language)
        raise UserError("text: there is nothing to say" + (lost and f": espeak's {language} does not read {lost}"))
    return chain([first], parts)


def _parts_of_text(tts: BaseText2Speech, text: str, controls: Controls, language: str) -> Iterator[Part]:
    stretch = tts.decode_conf["alpha"] / float(controls.rate)  # type: ignore[arg-type]
    most = tts.max_tokens * (1 + ROUNDING) / max(1.0, stretch)

    def tokens(part: str) -> int:
        return len(tts.reader.tokens(part, language)) if speakable(part) else 0

    for sentence in sentences_of(text, language):
        lost = tts.reader.tokenizer.unspeakable(sentence.text, language)
        if lost:
            logging.warning(f"text {sentence.text!r}: espeak's {language} does not read {lost}: left out")
            continue
        parts = list(parts_of(sentence.text, tokens, most))
        for number, part in enumerate(parts, 1):
            # A single word may be too long
            check_length(repr(part[:SHOWN]), tokens(part), tts.max_tokens, stretch)
            yield Part(part, sentence.pause if number == len(parts) else 0.0, controls)


def _parts_of_markup(tts: BaseText2Speech, text: str, controls: Controls, language: str) -> list[Part]:
    parts = []
    for sentence in marked_sentences(read_markup(text), language):
        try:
            utterance, own = read_marked(tts.reader, sentence, controls)
            check_backbone(own, tts.train_args.tts)
            stretch = tts.decode_conf["alpha"] / float(np.min(own.rate))
            check_length("text", len(utterance.ids), tts.max_tokens, stretch)
        except UserError as error:
            raise UserError(f"markup, {sentence.text[:SHOWN]!r}: {error}") from error
        parts.append(Part(sentence.text, sentence.pause, own, utterance, sentence.before))
    return parts


def with_edits(tts: BaseText2Speech, parts: Iterable[Part], edits: Sequence[WordEdit]) -> Iterator[Part]:
    """Gives each part of a text the edits of its words; the text is read to its end, so that all is checked at once.

    Raises:
        UserError: An edit is of a word or a sentence that there is not.
    """
    changed = []
    for number, part in enumerate(parts):
        own = [edit for edit in edits if edit.sentence == number]
        if own:
            utterance = part.utterance or _utterance(tts, part)
            for edit in own:
                check_word(edit, utterance.words)
            part = part._replace(utterance=utterance, edits=own)
        changed.append(part)
    for edit in edits:
        if edit.sentence >= len(changed):
            count = len(changed)
            raise UserError(f"edits: the text has {count} sentences, from 0; there is no sentence {edit.sentence}")
    return iter(changed)


def read_parts(tts: BaseText2Speech, parts: Iterable[Part], seed: int) -> Iterator[dict[str, Any]]:
    """Says the parts of a text, each with the silence behind it.

    Args:
        tts: The model.
        parts: The parts.
        seed: Of what the network draws.

    Yields:
        What a call returns, with `text`, what is said, `start`, when it begins in the whole, and `before`, how much
        silence it begins with, both in seconds.

    Raises:
        UserError: A part cannot be said.
    """
    start = 0.0
    with input_errors():
        for part in parts:
            output = _said(tts, part, seed)
            yield output | {"text": part.text, "start": start, "before": part.before}
            start += len(output["wav"]) / tts.fs


def _utterance(tts: BaseText2Speech, part: Part) -> Utterance:
    return tts.reader.read(part.text, part.controls, alpha=tts.decode_conf["alpha"])


def _said(tts: BaseText2Speech, part: Part, seed: int) -> dict[str, Any]:
    try:
        output = tts.speak(part.utterance or _utterance(tts, part), part.controls, seed)
        if part.edits:
            output = tts.say(edited(output["prosody"], part.edits), seed=seed)
    except UserError as error:
        raise UserError(f"{part.text[:SHOWN]!r}: {error}") from error
    faded = tts.scaled(output["wav"], fade_factors(len(output["wav"]), tts.fs))
    output["wav"] = tts.padded(faded, round(part.before * tts.fs), round(part.pause * tts.fs))
    return output


def fade_factors(samples: int, fs: int) -> Numbers:
    """Makes factors (samples,) that fade a waveform in and out."""
    length = min(round(FADE * fs), samples // 2)
    ramp = np.linspace(0.0, 1.0, length)
    factors = np.ones(samples)
    factors[:length] = ramp
    factors[samples - length :] = ramp[::-1]
    return factors
