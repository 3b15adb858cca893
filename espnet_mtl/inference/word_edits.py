"""Words that are said otherwise than the model predicts: higher, longer or louder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from espnet_mtl.config.numbers import FASTEST, KNOBS, SLOWEST, number_between, whole_number_from
from espnet_mtl.errors import UserError, shown
from espnet_mtl.inference.prosody import Prosody
from espnet_mtl.text.words import Word


@dataclass(frozen=True)
class WordEdit:
    """How one word of a text is to be said otherwise than predicted.

    Attributes:
        word: Number of the word in its sentence, from 0, as `Prosody.words` has them.
        sentence: Number of the sentence in the text, from 0, as `Text2Speech.stream` says them.
        pitch: Shift in semitones, -24 to 24.
        stretch: Factor on its length, 0.1 to 10.
        gain: In dB, -60 to 20.

    Raises:
        UserError: A number that is none or beyond its limits.
    """

    word: int
    sentence: int = 0
    pitch: float = 0.0
    stretch: float = 1.0
    gain: float = 0.0

    def __post_init__(self) -> None:
        whole_number_from("edits: word", self.word, 0)
        whole_number_from("edits: sentence", self.sentence, 0)
        number_between("edits: pitch", self.pitch, *KNOBS["pitch"].limits)
        number_between("edits: stretch", self.stretch, FASTEST, SLOWEST)
        number_between("edits: gain", self.gain, *KNOBS["energy"].limits)


def checked_edits(edits: Any) -> list[WordEdit]:
    """Returns edits as a list.

    Raises:
        UserError: They are no edits.
    """
    if not isinstance(edits, Sequence) or not all(isinstance(edit, WordEdit) for edit in edits):
        raise UserError(f"edits: expected a list of WordEdit, got {shown(edits)}")
    return list(edits)


def edited(prosody: Prosody, edits: Sequence[WordEdit]) -> Prosody:
    """Returns a prosody with words changed, for `Text2Speech.say`; the given one stays as it is.

        >>> prosody = tts("Good morning.")["prosody"]
        >>> wav = tts.say(edited(prosody, [WordEdit(1, pitch=3, stretch=1.5)]))["wav"]

    Args:
        prosody: Of one sentence.
        edits: What to change of its words.

    Raises:
        UserError: There is no such word, or pitch is to change where the model predicts none.
    """
    durations = prosody.durations.copy()
    pitch = None if prosody.pitch is None else prosody.pitch.copy()
    gain = prosody.gain.copy()
    for edit in checked_edits(edits):
        check_word(edit, prosody.words)
        word = prosody.words[edit.word]
        tokens = slice(word.first, word.end)
        # A token that was said is not lost, however short it gets
        shortest = np.minimum(durations[tokens], 1)
        durations[tokens] = np.maximum(shortest, np.rint(durations[tokens] * edit.stretch).astype(np.int64))
        gain[tokens] += edit.gain
        if pitch is not None:
            pitch[tokens] *= 2 ** (edit.pitch / 12)
        elif edit.pitch:
            raise UserError("edits: pitch: this model predicts none")
    return replace(prosody, durations=durations, pitch=pitch, gain=gain)


def check_word(edit: WordEdit, words: Sequence[Word]) -> None:
    """Raises UserError where a sentence lacks the word that an edit is of."""
    count = len(words)
    if edit.word >= count:
        raise UserError(f"edits: sentence {edit.sentence} has {count} words, from 0; there is no word {edit.word}")
