"""What is said: a text, a voice and an emotion, as a caller names them, made into what a model takes."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.config.numbers import finite_number
from espnet_mtl.config.tables import label_tables
from espnet_mtl.config.trained import UNKNOWN
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.controls import Controls
from espnet_mtl.inference.request.inputs import (
    NEUTRAL,
    emotion_mixture,
    speaker_embedding,
    speaker_mixture,
    style_weights,
    token_ids,
    token_line,
)
from espnet_mtl.inference.request.language import choose_language, spoken_languages
from espnet_mtl.inference.request.length import check_length, check_words
from espnet_mtl.inference.request.network import Floats, Ids, Network
from espnet_mtl.inference.request.sources import EmotionSources
from espnet_mtl.system.unicode import find_name
from espnet_mtl.text.espeak import PUNCTUATION
from espnet_mtl.text.tokens import Tokenizer
from espnet_mtl.text.words import Word, words_of

Voice = dict[str, NDArray[Any] | None]


@dataclass(frozen=True, eq=False)
class Utterance:
    """What is said, as the model takes it.

    Attributes:
        ids: Token ids (T_text,).
        tokens: Their names.
        words: Words of the text, and their tokens; none where token ids were given.
        weights: Style weights (K,); None: the model has no style.
        voice: Numbers (1,) of speaker and language, a speaker embedding (D,), weights (1, speakers) of a mixture of
            voices; None where there is none.
        known: Names of the classes that the model knows, by their label, and its tokens: whose numbers the others are.
    """

    ids: Ids
    tokens: list[str]
    words: list[Word]
    weights: Floats | None
    voice: Voice
    known: Mapping[str, Sequence[str]]

    def token_weights(self) -> Floats:
        """Returns the style weights of each token and the end (T_text + 1, K); only where the model has a style."""
        assert self.weights is not None
        if self.weights.ndim == 1:
            return np.tile(self.weights, (len(self.ids) + 1, 1))
        # A style that changes along the text has none at its end
        return np.pad(self.weights, ((0, 1), (0, 0)))

    def speaker_weights(self, speakers: int) -> Floats:
        """Returns the weight of each speaker (speakers,); only where the model has speakers."""
        mixture = self.voice.get("speakers")
        if mixture is not None:
            return mixture[0]
        assert self.voice["sids"] is not None
        weights = np.zeros(speakers, dtype=np.float32)
        weights[self.voice["sids"][0]] = 1.0
        return weights


class UtteranceReader:
    """Reads what callers of a model want said.

    Args:
        network: What the model can do.
        args: Its config.yaml.
        max_tokens: The most tokens of one text.

    Attributes:
        tables: Names of the classes of each label.
        tokenizer: Makes tokens of a text.

    Raises:
        UserError: The configuration is damaged, or a file of it is missing.
    """

    def __init__(self, network: Network, args: Namespace, max_tokens: int):
        self.network, self.args, self.max_tokens = network, args, max_tokens
        self._sources = EmotionSources(network, args)
        self.tables = label_tables(args)
        self.known = {**self.tables, "token": list(args.token_list)}
        self.speaker_languages = spoken_languages(args)
        punctuation = not set(PUNCTUATION.values()).isdisjoint(args.token_list)
        self.tokenizer = Tokenizer.from_config(vars(args), args.token_type, args.bpemodel, punctuation)
        # It reads a model of pieces at its first text: now, where mistakes are told, and not in two threads at a time
        self.tokenizer.tokens("")
        self._number = {token: number for number, token in enumerate(args.token_list)}

    def read(
        self, text: Any, controls: Controls, sids: Any = None, spembs: Any = None, alpha: float = 1.0
    ) -> Utterance:
        """Reads what a caller wants said.

        Args:
            text: Text, or token ids (T_text,).
            controls: How to say it.
            sids: Speaker number, as in ESPnet.
            spembs: Speaker embedding (D,), as in ESPnet.
            alpha: Factor on durations.

        Raises:
            UserError: See `espnet_mtl.inference.text2speech.Text2Speech.__call__`.
        """
        weights = speaker_mixture(controls.speaker, sids, self.tables["speaker"])
        language = self.language(controls.language, int(weights.argmax()))
        slowest = alpha / float(np.min(controls.rate))
        ids = self.token_ids(text, language, slowest)
        return Utterance(
            ids=ids,
            tokens=[self.args.token_list[number] for number in ids.tolist()],
            words=words_of(text, language, self.tokenizer) if isinstance(text, str) else [],
            weights=self.style_weights(ids, controls),
            voice=self.voice(weights, language, spembs),
            known=self.known,
        )

    def of_tokens(self, tokens: list[str], words: list[Word], controls: Controls, language: str) -> Utterance:
        """Makes an utterance of tokens, which the model may not know."""
        speakers = speaker_mixture(controls.speaker, None, self.tables["speaker"])
        ids = self.numbers(tokens)
        weights = self.style_weights(ids, controls)
        return Utterance(ids, tokens, words, weights, self.voice(speakers, language, None), self.known)

    def language_of(self, controls: Controls) -> str:
        """Returns the language that controls ask for.

        Raises:
            UserError: An unknown speaker or language, or several can be meant.
        """
        return self.language(
            controls.language, int(speaker_mixture(controls.speaker, None, self.tables["speaker"]).argmax())
        )

    def tokens(self, text: str, language: str) -> list[str]:
        """Returns the tokens of a text, also those that the model does not know."""
        return self.tokenizer.tokens(self.tokenizer.line(text, language))

    def numbers(self, tokens: Sequence[str]) -> Ids:
        """Returns the token ids (T_text,) of tokens; those that the model does not know are `<unk>`."""
        unknown = self._number.get(UNKNOWN, 0)
        return np.array([self._number.get(token, unknown) for token in tokens], dtype=np.int64)

    def token_ids(self, text: Any, language: str, stretch: float = 1.0) -> Ids:
        """Returns the token ids (T_text,) of a text, or the given ones; `stretch` is a factor on durations."""
        if isinstance(text, str):
            check_words(text, self.max_tokens, stretch)
            line = token_line(text, language, self.tokenizer, self.args.token_list)
            ids = self.numbers(self.tokenizer.tokens(line))
        else:
            ids = token_ids(text, len(self.args.token_list))
        check_length("text", len(ids), self.max_tokens, stretch)
        return ids

    def check_emotion(self, controls: Controls) -> None:
        """Raises UserError for an emotion, an intensity or a reference that this model cannot have."""
        self.style_weights(None, controls)

    def style_weights(self, ids: Ids | None, controls: Controls) -> Floats | None:
        """Returns the weights (K,) of the styles; None where the model has none.

        Args:
            ids: The text (T_text,), which may suggest an emotion where none is asked for; None: it is not known.
            controls: How it is said.
        """
        emotion, intensity = controls.emotion, controls.intensity
        if not self.network.has_styles:
            if emotion is not None:
                raise UserError(f"unknown emotion {emotion!r}: this model has no emotions")
            if finite_number("intensity", intensity) != 1.0:
                raise UserError(f"intensity {intensity!r}: this model has no emotions")
            for source in controls.sources():
                raise UserError(f"{source}: this model has no emotions")
            return None
        if controls.sources():
            emotion = self.emotion_of_sources(controls)
        elif emotion is None and ids is not None and self.network.tells_emotion:
            emotion = self.named(self.network.emotion_of_text(ids))
        return self.emotion_weights(emotion, intensity)

    def emotion_of_sources(self, controls: Controls, most_seconds: float | None = None) -> dict[str, float]:
        """Returns how much of each emotion the recording or the face has that the emotion is taken from.

        Args:
            controls: They name a recording, a face or both.
            most_seconds: Longer videos of a face are refused; None: those that are longer than in training.

        Raises:
            UserError: An emotion is named as well, the model cannot tell it, or the recording or the face cannot be
                used.
        """
        if controls.emotion is not None:
            source = controls.sources()[0]
            raise UserError(f"emotion {controls.emotion!r} and {source}: both say the emotion: give one of them")
        return self.named(self._sources.weights(controls, most_seconds))

    def named(self, weights: Floats) -> dict[str, float]:
        """Returns style weights (K,) by the names of the emotions."""
        return dict(zip(self.tables["emotion"], weights.tolist(), strict=True))

    def emotion_weights(self, emotion: str | Mapping[str, float] | None, intensity: float) -> Floats:
        """Turns an emotion, or a mixture, into weights (K,); see `Text2Speech.emotion_weights`."""
        names = self.tables["emotion"]
        if emotion is None:
            emotion = NEUTRAL if NEUTRAL in names else dict.fromkeys(names, 1.0)
        return style_weights(emotion_mixture(emotion), intensity, names)

    def language(self, language: str | None, speaker: int) -> str:
        """Returns the language to speak, one of the model's: the given one, or that of the speaker of this number."""
        speakers, languages = self.tables["speaker"], self.tables["language"]
        name = speakers[speaker] if speakers else ""
        language = choose_language(language, name, self.args, self.speaker_languages, languages)
        known = languages or [self.args.language]
        return known[find_name("language", language, known)]

    def voice(self, speakers: Floats, language: str, spembs: Any) -> Voice:
        """Returns the voice of an `Utterance`, of weights (speakers,), a language and an embedding."""
        voice: Voice = dict.fromkeys(("sids", "lids", "spembs"))
        if self.network.has_speakers:
            voice["sids"] = speakers.argmax().reshape(1)
            if np.count_nonzero(speakers) > 1:
                voice["speakers"] = speakers[None]
        if self.network.has_languages:
            voice["lids"] = np.array([self.tables["language"].index(language)])
        voice["spembs"] = speaker_embedding(spembs, self.network.spk_embed_dim)
        return voice
