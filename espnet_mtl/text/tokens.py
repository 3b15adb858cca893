"""From a text to tokens: the one place that stage 3, stage 4, training and synthesis share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from espnet_mtl.errors import UserError, one_of
from espnet_mtl.text.espeak import Token, phonemize_words
from espnet_mtl.text.faults import named, unread
from espnet_mtl.text.normal import normal_text, speakable
from espnet_mtl.text.normalization.base import Edit, applied
from espnet_mtl.text.normalization.verbalize import edits_of
from espnet_mtl.text.splitting import Splitter, splitter

TOKEN_TYPES = ("phn", "char", "bpe")
MOST_CACHED = 10_000
"""Lines of phones that are kept: parallel corpora say the same sentence again and again."""


class Tokenizer:
    """Turns a text into tokens in two steps: text -> line (`line`) -> tokens (`tokens`).

    The line is what the dump holds (`phones` for phones, else `text`) and what ESPnet's preprocessing reads, which does
    the second step in training and in synthesis. A text is cleaned once on its way, whatever the token type: phones
    are those of the cleaned text, so that the first step cleans; characters and pieces are made by the second step,
    which cleans as ESPnet does. No cleaner therefore has to be idempotent.

    Args:
        token_type: "phn", "char" or "bpe".
        language: espeak's language of texts that name none; for "phn".
        cleaner: ESPnet's cleaner of texts, such as "tacotron"; None: texts stay as they are.
        bpemodel: The sentencepiece model, for `tokens` of "bpe".
        punctuation: Whether marks at the ends of clauses are tokens, in place of pauses; for "phn".

    Raises:
        UserError: An unknown token type.
    """

    def __init__(
        self,
        token_type: str,
        language: str = "en-us",
        cleaner: str | None = None,
        bpemodel: str | Path | None = None,
        punctuation: bool = True,
    ):
        if token_type not in TOKEN_TYPES:
            raise one_of("token type", token_type, TOKEN_TYPES)
        self.token_type = token_type
        self.language = language
        self.cleaner = cleaner
        self.bpemodel = bpemodel
        self.punctuation = punctuation

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any],
        token_type: str,
        bpemodel: str | Path | None = None,
        punctuation: bool = True,
    ) -> Tokenizer:
        """Builds the tokenizer that a training config describes (`language`, `cleaner`)."""
        return cls(token_type, config["language"], config.get("cleaner"), bpemodel, punctuation)

    def line(self, text: str, language: str | None = None) -> str:
        """Returns the line that `tokens` and ESPnet's preprocessing read.

        Args:
            text: What to say.
            language: espeak's language; None: the tokenizer's.

        Raises:
            UserError: espeak does not know the language, there is nothing to speak, or the cleaner cannot be had.
        """
        if self.token_type != "phn":
            return normal_text(text)
        language = language or self.language
        lost = unread(self.clean(text), language)
        if lost:
            names = named(one.characters for one in lost)
            logging.warning(f"text {text!r}: espeak's {language} does not read {names}: left out")
        return " ".join(phone for phone, _ in self.phones(text, language))

    def phones(self, text: str, language: str) -> tuple[Token, ...]:
        """Returns the phones of a text as it is said, and where the word of each is (`phonemize_words`).

        Raises:
            UserError: As `line`.
        """
        return _phones(self.said(text, language), language, self.punctuation)

    def said(self, text: str, language: str) -> str:
        """Returns a text as espeak gets it for phones: clean, in words, without what espeak does not read.

        Raises:
            UserError: There is nothing else in it, or the cleaner cannot be had.
        """
        clean = self.clean(text)
        said = applied(clean, self.edits(clean, language))
        if not speakable(said) and (names := named(one.characters for one in unread(clean, language))):
            raise UserError(f"nothing to speak in the text {text!r}: espeak's {language} does not read {names}")
        return said

    def unspeakable(self, text: str, language: str) -> str:
        """Names the characters of a text that holds nothing but those that espeak does not read; "" of all others."""
        if self.token_type != "phn":
            return ""
        clean = self.clean(text)
        lost = named(one.characters for one in unread(clean, language))
        return "" if lost and speakable(applied(clean, self.edits(clean, language))) else lost

    def edits(self, clean: str, language: str) -> list[Edit]:
        """Finds what is said otherwise than a clean text has it, and what is left out."""
        edits = edits_of(clean, language)
        said = {place for edit in edits for place in range(edit.start, edit.end)}
        for one in unread(clean, language):
            if said.isdisjoint(range(one.start, one.end)):
                edits.append(Edit(one.start, one.end, " " if one.symbol else ""))
        return sorted(edits)

    def tokens(self, line: str) -> list[str]:
        """Splits a line as ESPnet's preprocessing does.

        Raises:
            UserError: The cleaner cannot be had, or the model of pieces is none.
        """
        if self.token_type != "phn":
            line = self.clean(line)
        return self._split(line)

    def clean(self, text: str) -> str:
        """Brings a text into its normal form, and cleans it.

        Raises:
            UserError: ESPnet has no such cleaner, or the cleaner needs a package that is not installed.
        """
        text = normal_text(text)
        if self.cleaner is None:
            return text
        try:
            return self._clean(text)
        except (RuntimeError, ImportError) as error:
            raise UserError(f"cleaner {self.cleaner!r}: {error}") from error

    @property
    def line_cleaner(self) -> str | None:
        """The cleaner that ESPnet's preprocessing applies to lines: none to phones, whose text is clean."""
        return None if self.token_type == "phn" else self.cleaner

    @cached_property
    def _clean(self) -> Callable[[str], str]:
        from espnet_mtl.system.imports.espnet import import_quietly  # loads torch

        return import_quietly("espnet2.text.cleaner").TextCleaner(self.cleaner)

    @cached_property
    def _split(self) -> Splitter:
        return splitter(self.token_type, self.bpemodel)


@lru_cache(MOST_CACHED)
def _phones(text: str, language: str, punctuation: bool) -> tuple[Token, ...]:
    return tuple(phonemize_words(text, language, punctuation))


def unknown_tokens(tokens: Sequence[str], token_list: Collection[str]) -> list[str]:
    """Names the tokens that a model would read as `<unk>`, in the order in which they first come."""
    known = set(token_list)
    return [token for token in dict.fromkeys(tokens) if token not in known]
