"""Turns of a conversation: a voice whose emotion does not jump from one to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from espnet_mtl.config.numbers import number_between
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.controls import Controls, chosen_controls
from espnet_mtl.inference.request.inputs import input_errors
from espnet_mtl.inference.request.network import Ids
from espnet_mtl.text.markup.reader import is_markup, read_markup
from espnet_mtl.text.markup.sentences import joined
from espnet_mtl.text.sentences import sentences_of

if TYPE_CHECKING:
    from espnet_mtl.inference.base import BaseText2Speech


class Conversation:
    """A speaker of a conversation, such as an assistant. What it said before still colours what it says next.

    The mood m is a mixture of emotions. A turn whose emotion is e is said with, and leaves behind, the exponentially
    weighted mean of all turns, m ← memory · m + (1 - memory) · e.

        >>> assistant = Conversation(tts, speaker="f2", memory=0.6)
        >>> for part in assistant.say("I am so sorry to hear that.", emotion="sad"):
        ...     play(part["wav"])
        >>> for part in assistant.say("Let me look for another train."):
        ...     play(part["wav"])

    Args:
        tts: The model, which must have emotions. Several conversations may share it.
        memory: Share of the mood before that a turn keeps, 0 (none) to 1 (it never changes).
        controls: How it speaks, as in a call: `speaker`, `rate`, …, or all in one as `controls`.

    Attributes:
        mood: The weight of each emotion; they sum to 1. None before the first turn.

    Raises:
        UserError: The memory is no number from 0 to 1, the model has no emotions, or a control cannot be.
    """

    @input_errors()
    def __init__(self, tts: BaseText2Speech, memory: float = 0.5, *, controls: Controls | None = None, **named: Any):
        self.memory = number_between("memory", memory, 0.0, 1.0)
        if not tts.reader.network.has_styles:
            raise UserError("this model has no emotions, which a conversation keeps")
        self.tts = tts
        self.controls = chosen_controls(controls, named)
        self.mood: dict[str, float] | None = None

    def say(
        self, text: str, emotion: str | Mapping[str, float] | None = None, intensity: float = 1.0, seed: int = 0
    ) -> Iterator[dict[str, Any]]:
        """Says a turn; the mood changes at once, whoever reads the sound when.

        Args:
            text: What to say, of any length; or markup, whose own emotions are as it says.
            emotion: The emotion of the turn, as in a call; None: as the text suggests where the model has learned to
                tell, else that of `controls`, else neutral.
            intensity: How much of the mood is heard, as in a call.
            seed: As in a call.

        Returns:
            Its sentences, as `Text2Speech.stream` yields them.

        Raises:
            UserError: As `Text2Speech.stream`; the mood then stays as it was.
        """
        with input_errors():
            mood = self._next_mood(text, emotion)
        controls = replace(self.controls.with_emotion(mood), intensity=intensity)
        parts = self.tts.stream(text, controls=controls, seed=seed)
        self.mood = mood
        return parts

    def _next_mood(self, text: Any, emotion: Any) -> dict[str, float]:
        controls = replace(self.controls, intensity=1.0)
        if emotion is not None:
            controls = controls.with_emotion(emotion)
        reader = self.tts.reader
        ids = None
        if controls.emotion is None and not controls.sources() and reader.network.tells_emotion:
            ids = self._beginning(text, reader.language_of(controls))
        weights = reader.style_weights(ids, controls)
        assert weights is not None
        turn = reader.named(weights)
        if self.mood is None:
            return turn
        return {name: self.memory * self.mood[name] + (1 - self.memory) * weight for name, weight in turn.items()}

    def _beginning(self, text: Any, language: str) -> Ids:
        """Returns the tokens of the first sentence, by which the emotion of a turn is told."""
        if not isinstance(text, str):
            raise UserError(f"text: expected a string, got {type(text).__name__}")
        plain = " ".join(joined(read_markup(text)).split()) if is_markup(text) else text
        first = next(sentences_of(plain, language), None)
        if first is None:
            raise UserError("text: there is nothing to say")
        return self.tts.reader.token_ids(first.text, language)
