"""How each token is said: durations, pitch and energy, as a model predicts them and as a user changes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.config.numbers import KNOBS, MOST_FRAMES
from espnet_mtl.errors import UserError
from espnet_mtl.inference.contours import Edits
from espnet_mtl.inference.request.controls import Numbers
from espnet_mtl.inference.request.utterance import Utterance
from espnet_mtl.text.words import Word


class TimedWord(NamedTuple):
    """A word, and when it is said, in seconds from the beginning of the sound."""

    text: str
    start: float
    end: float


@dataclass
class Prosody:
    """How each token of an utterance is said. Change what you like, and give it to `Text2Speech.say`.

    Arrays have a number for each token, and one for the silence at the end.

    Attributes:
        tokens: The tokens of the text.
        words: Its words, and their tokens; none where token ids were given.
        durations: Frames of each token (T_text + 1,).
        pitch: F0 in Hz of each token (T_text + 1,), also of tokens without voice; None: the backbone predicts none.
        energy: What the network was told of each token's energy, as it is measured (T_text + 1,); None: nothing. It
            changes how the voice sounds, and little of how loud it is.
        gain: Gain in dB (T_text + 1,).
        frame: Seconds of a frame.
        utterance: What is said, and by whom.
    """

    tokens: list[str]
    words: list[Word]
    durations: NDArray[np.int64]
    pitch: Numbers | None
    energy: Numbers | None
    gain: Numbers
    frame: float
    utterance: Utterance | None = field(default=None, repr=False)

    @property
    def ends(self) -> Numbers:
        """Where each token ends, in seconds (T_text + 1,)."""
        return np.cumsum(self.durations).astype(np.float64) * self.frame

    @property
    def starts(self) -> Numbers:
        """Where each token begins, in seconds (T_text + 1,)."""
        return self.ends - np.asarray(self.durations) * self.frame

    @property
    def timed_words(self) -> list[TimedWord]:
        """The words, and when each is said."""
        starts, ends = self.starts.round(6).tolist(), self.ends.round(6).tolist()
        return [TimedWord(word.text, starts[word.first], ends[word.end - 1]) for word in self.words]

    def checked(self) -> Prosody:
        """Returns it with arrays of the right type.

        Raises:
            UserError: An array is not of one number a token and the end, or a number cannot be.
        """
        count = len(self.tokens) + 1
        durations = _row("durations", self.durations, count)
        if (durations < 0).any() or (durations != np.rint(durations)).any():
            raise UserError("prosody.durations: expected whole numbers of frames, 0 or more")
        if not durations.any() or durations.sum() > MOST_FRAMES * count:
            frames = f"1 to {MOST_FRAMES * count} frames in all"
            raise UserError(f"prosody.durations: expected {frames}, got {durations.sum():g}")
        pitch = None if self.pitch is None else _row("pitch", self.pitch, count)
        if pitch is not None and not (pitch > 0).all():
            raise UserError("prosody.pitch: expected frequencies in Hz above 0, also of tokens without voice")
        energy = None if self.energy is None else _row("energy", self.energy, count)
        gain = _row("gain", self.gain, count)
        low, high = KNOBS["energy"].limits
        if gain.min() < low or gain.max() > high:
            raise UserError(f"prosody.gain: expected {low:g} to {high:g} dB")
        return Prosody(
            self.tokens, self.words, durations.astype(np.int64), pitch, energy, gain, self.frame, self.utterance
        )

    def edits(self) -> Edits:
        """Returns edits that put this prosody in the place of a predicted one."""
        given: dict[str, Numbers] = {"durations": np.asarray(self.durations, dtype=np.float64)}
        if self.pitch is not None:
            given["pitch"] = np.log(self.pitch)
        if self.energy is not None:
            given["energy"] = self.energy
        return {name: _constant(values) for name, values in given.items()}


def _row(name: str, values: Any, count: int) -> Numbers:
    wanted = f"prosody.{name}: expected {count} finite numbers, one for each token and the end"
    try:
        if np.iscomplexobj(values):
            raise TypeError
        row = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{wanted}, got {values!r}") from error
    if row.shape != (count,):
        raise UserError(f"{wanted}, got the shape {row.shape}")
    if not np.isfinite(row).all():
        raise UserError(f"{wanted}, got {row.tolist()}")
    return row


def _constant(values: Numbers) -> Callable[[Numbers], Numbers]:
    return lambda predicted: values


def prosody_of(output: Mapping[str, NDArray[Any]], utterance: Utterance, frame: float) -> Prosody:
    """Gathers how an utterance was said.

    Args:
        output: Of a model: `duration` (T_text + 1,), and `pitch_denorm` and `energy_denorm` (T_text + 1[, 1]) where it
            predicts them.
        utterance: What was said.
        frame: Seconds of a frame.
    """
    durations = output["duration"].astype(np.int64)
    log_f0, energy = (_flat(output.get(f"{name}_denorm")) for name in ("pitch", "energy"))
    return Prosody(
        tokens=list(utterance.tokens),
        words=list(utterance.words),
        durations=durations,
        pitch=None if log_f0 is None else np.exp(log_f0),
        energy=energy,
        gain=np.zeros(len(durations)),
        frame=frame,
        utterance=utterance,
    )


def _flat(values: NDArray[Any] | None) -> Numbers | None:
    return None if values is None else values.flatten().astype(np.float64)


def utterance_of(prosody: Any, known: Mapping[str, Sequence[str]]) -> Utterance:
    """Returns the utterance that a prosody is of.

    Args:
        prosody: What a call returned.
        known: Names of the classes that the model knows, by their label, and its tokens.

    Raises:
        UserError: It is no prosody, or one of another model.
    """
    if not isinstance(prosody, Prosody) or not isinstance(prosody.utterance, Utterance):
        raise UserError(f"prosody: expected what a call returned as `prosody`, got {type(prosody).__name__}")
    utterance = prosody.utterance
    if prosody.tokens != utterance.tokens or utterance.known != known:
        raise UserError("prosody: its tokens are not those of its utterance, or it is of another model")
    return utterance
