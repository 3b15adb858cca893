"""Numbers that a caller of a model gives: their limits, and checks that import nothing that takes long."""

from __future__ import annotations

from math import isfinite, nan
from numbers import Integral, Real
from typing import Any, NamedTuple

from espnet_mtl.errors import UserError

FASTEST, SLOWEST = 0.1, 10.0
"""Limits of the factor on durations: beyond them nothing is speech, and the number of frames has no end."""
MAX_TOKENS = 1000
"""The most tokens of one utterance: about a minute of speech. The shipped FastSpeech2 takes 1.1 GB more for it (5 s of
one core), 4.1 GB for twice as much, and has learned from recordings that are far shorter."""
MOST_FRAMES = 400
"""Frames of a token, on the average of an utterance: speech has about 10, and may be slowed down tenfold."""
DAMAGED_DURATIONS = (
    f"the model predicts negative durations, or more than {MOST_FRAMES} frames for each token: its weights are "
    "damaged, or too much is asked of it: take an intensity nearer to 1"
)
INTENSITIES = (-10.0, 10.0)
"""Beyond these a weight drowns what the model has learned; natural speech is from 0 to 2."""
INTENSITY_SLIDER = (0.0, 2.0, 0.05)
"""See `Knob.slider`."""
STRETCH_SLIDER = (0.4, 3.0, 0.05)
"""Of the length of a word, see `Knob.slider`."""


class Knob(NamedTuple):
    """A control of speech that is a number.

    Attributes:
        neutral: The number that changes nothing.
        limits: The least and the most.
        contour: What of the prediction it changes; "": nothing.
        meaning: What it is, in a few words.
        slider: The least and the most that a slider offers, where speech is natural or nearly so, and its step.
    """

    neutral: float
    limits: tuple[float, float]
    contour: str
    meaning: str
    slider: tuple[float, float, float]


KNOBS = {
    "rate": Knob(1.0, (1 / SLOWEST, 1 / FASTEST), "durations", "speed, 0.1 to 10; above 1 is faster", (0.5, 2.0, 0.05)),
    "pitch": Knob(0.0, (-24.0, 24.0), "pitch", "shift of pitch in semitones, -24 to 24", (-12.0, 12.0, 0.5)),
    "pitch_range": Knob(
        *(1.0, (0.0, 5.0), "pitch", "how far pitch moves, 0 (monotone) to 5; 1: as the model does", (0.0, 3.0, 0.05))
    ),
    "energy": Knob(0.0, (-60.0, 20.0), "", "gain in dB, -60 to 20", (-20.0, 12.0, 0.5)),
    "pause": Knob(
        nan, (0.0, 10.0), "durations", "length of pauses within the text in seconds, 0 to 10", (0.0, 2.0, 0.05)
    ),
}
"""Energy is a gain on the waveform, so that every backbone has it."""


def finite_number(name: str, value: Any) -> float:
    """Returns a number that is neither NaN nor infinite.

    Raises:
        UserError: `value` is something else.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)  # NumPy's numbers are Real, too
    try:
        number = float(value) if is_number else nan
    except OverflowError as error:  # not in the message: Python refuses to write numbers of thousands of digits
        raise UserError(f"{name}: expected a finite number, got one that is too large") from error
    if not isfinite(number):
        raise UserError(f"{name}: expected a finite number, got {value!r}")
    return number


def whole_number_from(name: str, value: Any, low: int) -> int:
    """Returns a whole number of at least `low`.

    Raises:
        UserError: `value` is something else.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < low:
        raise UserError(f"{name}: expected a whole number of at least {low}, got {value!r}")
    return int(value)


def number_between(name: str, value: Any, low: float, high: float) -> float:
    """Returns a number of an interval, whose ends are part of it.

    Raises:
        UserError: `value` is something else.
    """
    number = finite_number(name, value)
    if not low <= number <= high:
        raise UserError(f"{name}: expected a number from {low:g} to {high:g}, got {value!r}")
    return number
