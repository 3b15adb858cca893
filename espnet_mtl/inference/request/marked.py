"""Markup as a model says it: tokens of the spans of a sentence, and what each of them asks for."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate, groupby
from typing import NamedTuple

import numpy as np

from espnet_mtl.config.numbers import KNOBS
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.controls import Controls, Numbers
from espnet_mtl.inference.request.length import check_words
from espnet_mtl.inference.request.network import Floats
from espnet_mtl.inference.request.utterance import Utterance, UtteranceReader
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.text.espeak import PAUSE, SILENT
from espnet_mtl.text.ipa import phones_of_ipa
from espnet_mtl.text.markup.reader import ADDED, Break, Manner, Span
from espnet_mtl.text.markup.sentences import MarkedSentence, joined, letters
from espnet_mtl.text.normal import speakable, spoken_text
from espnet_mtl.text.normalization.base import applied, place_after
from espnet_mtl.text.normalization.say_as import say_as
from espnet_mtl.text.splitting import SPACE
from espnet_mtl.text.tokens import Tokenizer, unknown_tokens
from espnet_mtl.text.words import Word, words_of

SMOOTHED = (0.25, 0.5, 0.25)
"""How much of an emotion its neighbouring tokens have, where it changes."""


class MarkedToken(NamedTuple):
    """A token, how it is to be said, and how long it is in seconds, where that is said (else NaN)."""

    token: str
    manner: Manner
    pause: float = np.nan


def read_marked(reader: UtteranceReader, sentence: MarkedSentence, controls: Controls) -> tuple[Utterance, Controls]:
    """Reads a sentence of markup.

    Args:
        reader: The model's.
        sentence: The sentence.
        controls: Those of the call, on top of which the markup's are.

    Returns:
        What is said, and controls with a number for each token.

    Raises:
        UserError: An unknown voice, emotion or language, or phones that the model does not have.
    """
    voices = [item.manner.voice for item in sentence.items if isinstance(item, Span) and speakable(item.text)]
    if voices[0] is not None:  # a sentence has one
        controls = replace(controls, speaker=voices[0])
    check_words(sentence.text, reader.max_tokens)
    base = reader.language_of(controls)
    # Where all of it is in another language, it is an utterance of that language
    asked = {item.manner.language for item in sentence.items if isinstance(item, Span) and speakable(item.text)}
    if len(asked) == 1:
        base = _language(reader, asked.pop(), base)

    def language(manner: Manner) -> str:
        return _language(reader, manner.language, base)

    tokens, words = _tokens(reader, said_as_asked(sentence, language), language)
    names = [token.token for token in tokens]
    if unknown := unknown_tokens(names, reader.args.token_list):
        logging.warning(f"text {sentence.text!r}: the model does not know {' '.join(unknown)}: read as <unk>")
    utterance = reader.of_tokens(names, words, controls, base)
    manners = [token.manner for token in tokens]
    weights = _weights(reader, utterance, manners, controls)
    pauses = np.array([token.pause for token in tokens])
    if controls.pause is not None:
        pauses = np.where(np.isnan(pauses), controls.pause, pauses)
    controls = replace(
        controls,
        rate=_numbers("rate", manners, controls),
        pitch=_numbers("pitch", manners, controls),
        pitch_range=_numbers("pitch_range", manners, controls),
        energy=_numbers("energy", manners, controls),
        pause=pauses,
    )
    return replace(utterance, weights=weights), controls


def said_as_asked(sentence: MarkedSentence, language: Callable[[Manner], str]) -> MarkedSentence:
    """Writes out what `<say-as>` asks for."""
    items = list(sentence.items)
    for number, item in enumerate(items):
        if isinstance(item, Span) and item.kind:
            before, after = joined(items[:number]), joined(items[number + 1 :])
            said = say_as(item.text, item.kind, language(item.manner), item.form, before, after)
            items[number] = replace(item, text=said, kind="")
    return replace(sentence, items=items)


def _language(reader: UtteranceReader, asked: str | None, base: str) -> str:
    """Returns the model's language for that of a span; `en-US`, which a page says, may be the model's `en`."""
    if asked is None:
        return base
    known = reader.tables["language"] or [reader.args.language]
    primary, _, _ = asked.partition("-")
    for name in (asked, primary):
        if name in map(normal_name, known):
            return name
    alike = [name for name in known if name.partition("-")[0] == primary]
    if alike:
        return base if base in alike else alike[0]
    raise UserError(f"xml:lang {asked!r}: this model speaks {', '.join(known)}")


def _tokens(
    reader: UtteranceReader, sentence: MarkedSentence, language: Callable[[Manner], str]
) -> tuple[list[MarkedToken], list[Word]]:
    """Makes tokens of spans; those of one language, without a silence between them, are read as one text."""
    tokens: list[MarkedToken] = []
    words: list[Word] = []
    before = ""
    kinds = groupby(sentence.items, lambda item: _kind(item, language))
    for (kind, spoken), group in kinds:
        items = list(group)
        if kind == "break":
            seconds = sum(item.seconds or 0.0 for item in items if isinstance(item, Break))
            _add_pause(reader, tokens, seconds)
            continue
        spans = [item for item in items if isinstance(item, Span)]
        before += joined(spans)
        if not speakable(joined(spans)):
            continue
        _add_space(reader, tokens, before[: len(before) - len(before.lstrip())])
        before = before[len(before.rstrip()) :]
        if kind == "phones":
            made, found = _given_phones(reader, spans)
        else:
            made, found = _read(reader, spans, spoken)
        words += [Word(word.text, len(tokens) + word.first, len(tokens) + word.end) for word in found]
        tokens += made
    return tokens, words


def _kind(item: Span | Break, language: Callable[[Manner], str]) -> tuple[str, str]:
    if isinstance(item, Break):
        return "break", ""
    return "phones" if item.phones else "text", language(item.manner)


def _add_pause(reader: UtteranceReader, tokens: list[MarkedToken], seconds: float) -> None:
    """Makes the silence behind the last token so long, or adds one; a sentence does not begin with silence."""
    if not tokens:
        return
    last = tokens[-1]
    if last.token in SILENT:
        whole = seconds + (0.0 if np.isnan(last.pause) else last.pause)
        most = KNOBS["pause"].limits[1]
        if whole > most:
            raise UserError(f"<break>: {whole:g} s of silence within a sentence, at most {most:g} s")
        tokens[-1] = last._replace(pause=whole)
        return
    known = [token for token in (PAUSE, ",", *sorted(SILENT)) if token in reader.args.token_list]
    if not known:
        raise UserError("<break>: this model has no token for a pause within a sentence")
    tokens.append(MarkedToken(known[0], last.manner, seconds))


def _add_space(reader: UtteranceReader, tokens: list[MarkedToken], written: str) -> None:
    """Puts the token of a space between characters that are read apart, where there is one between them."""
    if tokens and written and reader.args.token_type == "char" and SPACE in reader.args.token_list:
        tokens.append(MarkedToken(SPACE, tokens[-1].manner))


def _given_phones(reader: UtteranceReader, spans: Sequence[Span]) -> tuple[list[MarkedToken], list[Word]]:
    if reader.args.token_type != "phn":
        raise UserError(f"<phoneme>: this model reads {reader.args.token_type} tokens, not phones")
    tokens: list[MarkedToken] = []
    words = []
    for span in spans:
        assert span.phones is not None
        phones = phones_of_ipa(span.phones, reader.args.token_list)
        words.append(Word(span.text.strip(), len(tokens), len(tokens) + len(phones)))
        tokens += [MarkedToken(phone, span.manner) for phone in phones]
    return tokens, words


def _read(reader: UtteranceReader, spans: Sequence[Span], language: str) -> tuple[list[MarkedToken], list[Word]]:
    """Reads spans as one text, and finds for each token the span in which its word begins."""
    tokenizer = reader.tokenizer
    text = joined(spans)
    if tokenizer.token_type == "phn":
        ends = _said_ends(tokenizer, spans, language)
        spoken = spoken_text(tokenizer.said(text, language))
        phones = tokenizer.phones(text, language)
        names = [phone for phone, _ in phones]
        # Silence goes with what is before it
        before = [0, *accumulate(map(int, map(str.isalnum, spoken)))]
        starts: list[int | None] = [None if place is None else before[place[0]] for _, place in phones]
    else:
        ends = list(accumulate(letters(tokenizer.clean(span.text)) for span in spans))
        names = reader.tokens(text, language)
        starts = _starts(names)
    tokens = []
    current = 0
    for name, start in zip(names, starts, strict=True):
        if start is not None:
            current = min(int(np.searchsorted(ends, start, side="right")), len(spans) - 1)
        tokens.append(MarkedToken(name, spans[current].manner))
    return tokens, words_of(text, language, tokenizer)


def _said_ends(tokenizer: Tokenizer, spans: Sequence[Span], language: str) -> list[int]:
    """Counts the letters that are said up to the end of each span.

    What is said for several spans, such as $<emphasis>5</emphasis>, belongs to the one in which it begins.
    """
    clean = tokenizer.clean(joined(spans))
    edits = tokenizer.edits(clean, language)
    said = applied(clean, edits)
    before = [0, *accumulate(map(int, map(str.isalnum, clean)))]
    ends = []
    for written in accumulate(letters(tokenizer.clean(span.text)) for span in spans):
        place = place_after(bisect_left(before, written), edits)
        ends.append(letters(spoken_text(said[:place])))
    return ends


def _starts(names: Sequence[str]) -> list[int | None]:
    """Counts the letters before each token of characters or pieces; None of a token without a letter."""
    starts: list[int | None] = []
    before = 0
    for name in names:
        own = 0 if name == SPACE else letters(name)
        starts.append(before if own else None)
        before += own
    return starts


def _weights(
    reader: UtteranceReader, utterance: Utterance, manners: Sequence[Manner], controls: Controls
) -> Floats | None:
    """Returns style weights (T_text, K), smooth where the emotion changes; (K,) where it does not."""
    asked = {(manner.emotion, manner.intensity) for manner in manners}
    if utterance.weights is None or asked == {(None, None)}:
        for emotion, _ in asked:
            if emotion is not None:
                reader.style_weights(utterance.ids, replace(controls, emotion=emotion))  # says what is wrong
        return utterance.weights
    of_manner: dict[tuple[str | None, float | None], Floats] = {(None, None): utterance.weights}
    for emotion, intensity in asked - {(None, None)}:
        degree = controls.intensity if intensity is None else intensity
        own = replace(controls.with_emotion(emotion), intensity=degree)
        weights = reader.style_weights(utterance.ids, own)
        assert weights is not None
        of_manner[emotion, intensity] = weights
    rows = np.stack([of_manner[manner.emotion, manner.intensity] for manner in manners])
    if len(asked) == 1:
        first: Floats = rows[0]
        return first
    before, after = np.concatenate([rows[:1], rows[:-1]]), np.concatenate([rows[1:], rows[-1:]])
    smooth = SMOOTHED[0] * before + SMOOTHED[1] * rows + SMOOTHED[2] * after
    return smooth.astype(np.float32)


def _numbers(name: str, manners: Sequence[Manner], controls: Controls) -> Numbers:
    """Returns a control for each token: the call's, and the markup's on top of it, within the control's limits."""
    own = np.array([getattr(manner, name) for manner in manners], dtype=np.float64)
    outer = float(getattr(controls, name))
    whole = outer + own if name in ADDED else outer * own
    return np.clip(whole, *KNOBS[name].limits)
