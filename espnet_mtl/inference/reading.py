"""Long texts, sentence by sentence: memory does not grow with them, and the first sound comes early."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from espnet_mtl.config.numbers import KNOBS
from espnet_mtl.errors import UserError
from espnet_mtl.inference.controls import Controls, check_backbone
from espnet_mtl.inference.inputs import InputError
from espnet_mtl.inference.length import check_length
from espnet_mtl.inference.marked import read_marked
from espnet_mtl.inference.reference import reference_weights
from espnet_mtl.inference.utterance import Utterance
from espnet_mtl.registry import BACKBONES
from espnet_mtl.text.markup.reader import is_markup, read_markup
from espnet_mtl.text.markup.sentences import marked_sentences
from espnet_mtl.text.normal import check_unicode
from espnet_mtl.text.sentences import parts_of, sentences_of

if TYPE_CHECKING:
    from espnet_mtl.inference.text2speech import Text2Speech

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
    """

    text: str
    pause: float
    controls: Controls
    utterance: Utterance | None = None


def plan(tts: Text2Speech, text: Any, controls: Controls) -> list[Part]:
    """Splits a text, or markup, into parts that a model can say.

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
    # Whatever is wrong with the controls is told before the first sentence is said
    check_backbone(controls, tts.train_args.tts, BACKBONES.spec(tts.train_args.tts).contours)
    language = tts.reader.language_of(controls)
    if controls.reference is not None and controls.emotion is None:
        heard = reference_weights(tts.model, tts.train_args, controls.reference)
        controls = replace(controls, reference=None, emotion=dict(zip(tts.emotions, heard.tolist(), strict=True)))
    tts.reader.style_weights(torch.zeros(1, dtype=torch.long, device=tts.device), controls)
    parts = _parts_of_markup(tts, text, controls) if is_markup(text) else _parts_of_text(tts, text, controls, language)
    if not parts:
        raise UserError("text: there is nothing to say")
    return parts


def _parts_of_text(tts: Text2Speech, text: str, controls: Controls, language: str) -> list[Part]:
    stretch = tts.decode_conf["alpha"] / float(controls.rate)  # type: ignore[arg-type]
    limit = tts.max_tokens / max(1.0, stretch)

    def fits(part: str) -> bool:
        # To make phones of a whole book takes minutes
        return len(part.split()) <= limit and len(tts.reader.tokens(part, language)) <= limit

    parts: list[Part] = []
    for sentence in sentences_of(text, language):
        *firsts, last = parts_of(sentence.text, fits)
        parts += [Part(part, 0.0, controls) for part in firsts]
        parts.append(Part(last, sentence.pause, controls))
    for part in parts:
        if not fits(part.text):  # a single word
            tokens = len(tts.reader.tokens(part.text, language))
            check_length(repr(part.text[:SHOWN]), tokens, tts.max_tokens, stretch)
    return parts


def _parts_of_markup(tts: Text2Speech, text: str, controls: Controls) -> list[Part]:
    items = read_markup(text)
    parts = []
    for sentence in marked_sentences(items, tts.reader.language_of(controls)):
        try:
            utterance, own = read_marked(tts.reader, sentence, controls)
            check_backbone(own, tts.train_args.tts, BACKBONES.spec(tts.train_args.tts).contours)
            stretch = tts.decode_conf["alpha"] / float(np.min(own.rate))
            check_length("text", len(utterance.ids), tts.max_tokens, stretch)
        except UserError as error:
            raise UserError(f"markup, {sentence.text[:SHOWN]!r}: {error}") from error
        parts.append(Part(sentence.text, sentence.pause, own, utterance))
    return parts


def read_parts(tts: Text2Speech, parts: Sequence[Part], seed: int) -> Iterator[dict[str, Any]]:
    """Says the parts of a text, each with the silence behind it.

    Yields:
        What a call returns, with `text`, what is said, and `start`, when it begins in the whole, in seconds.
    """
    start = 0.0
    for part in parts:
        try:
            if part.utterance is None:
                output = tts(part.text, controls=part.controls, seed=seed)
            else:
                output = tts.speak(part.utterance, part.controls, seed)
        except UserError as error:
            raise InputError(f"{part.text[:SHOWN]!r}: {error}") from error
        output["wav"] = with_silence(output["wav"], part.pause, tts.fs)
        yield output | {"text": part.text, "start": start}
        start += len(output["wav"]) / tts.fs


def with_silence(wave: Tensor, seconds: float, fs: int) -> Tensor:
    """Fades a waveform (T_wav,) in and out, and puts silence behind it."""
    samples = min(round(FADE * fs), len(wave) // 2)
    ramp = torch.linspace(0, 1, samples, dtype=wave.dtype, device=wave.device)
    faded = wave.clone()
    faded[:samples] *= ramp
    faded[len(wave) - samples :] *= ramp.flip(0)
    return torch.cat([faded, faded.new_zeros(round(seconds * fs))])
