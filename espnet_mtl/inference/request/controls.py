"""How a text is to be said: the controls that Python, the command line and everything else share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.config.fields import known
from espnet_mtl.config.numbers import KNOBS, number_between
from espnet_mtl.errors import UserError
from espnet_mtl.registry import BACKBONES

Numbers = NDArray[np.float64]
Amount = float | Sequence[float] | NDArray[np.floating]
"""One number for the whole text, or one for each token."""


SOURCES = ("reference", "visual")
"""Controls whose emotion is taken, in place of one that is named."""
LACKING = "predicts neither durations nor pitch, which this changes: fastspeech2 and jets do"


@dataclass(frozen=True, eq=False)
class Controls:
    """How a text is to be said.

    `rate`, `pitch`, `pitch_range`, `energy` and `pause` are one number for the whole text, or one for each token
    (T_text,), as `Prosody.tokens` has them.

    Attributes:
        speaker: Name of the speaker, or a mixture such as `{"f2": 0.7, "m1": 0.3}` or `f2:0.7,m1:0.3`; None: the first.
        emotion: An emotion, or a mixture; None: as the text or the reference suggests (`Text2Speech.__call__`).
        intensity: Of the emotion: 0 is neutral, 1 all of it, above 1 exaggerates.
        reference: A recording whose emotion is taken, with the voice of `speaker`.
        visual: A picture or video of a face whose emotion is taken, or an array as `visual.scp` may name
            (docs/visual.md); with `reference`, both are weighed as the model has learned.
        language: espeak's language; None: the speaker's own.
        rate: Factor on the speed, 0.1 to 10: above 1 is faster.
        pitch: Shift of pitch in semitones, -24 to 24.
        pitch_range: Factor on how far pitch moves about its mean, 0 (monotone) to 5.
        energy: Gain in dB, -60 to 20.
        pause: Length of pauses within the text in seconds, 0 to 10; None, or NaN for a token: as predicted.

    Raises:
        UserError: A number that is none or beyond its limits.
    """

    speaker: str | Mapping[str, float] | None = None
    emotion: str | Mapping[str, float] | None = None
    intensity: float = 1.0
    reference: str | Path | None = None
    visual: str | Path | NDArray[Any] | None = None
    language: str | None = None
    rate: Amount = 1.0
    pitch: Amount = 0.0
    pitch_range: Amount = 1.0
    energy: Amount = 0.0
    pause: Amount | None = None

    def __post_init__(self) -> None:
        for name in KNOBS:
            # A copy: the caller's row may change, and these are checked
            object.__setattr__(self, name, _amount(name, getattr(self, name)))

    def sources(self) -> list[str]:
        """Names what the emotion is taken from, in place of its name."""
        return [name for name in SOURCES if getattr(self, name) is not None]

    def with_emotion(self, emotion: str | Mapping[str, float] | None) -> Controls:
        """Returns the same with an emotion in place of what it is taken from."""
        return replace(self, emotion=emotion, reference=None, visual=None)

    def changes(self) -> list[str]:
        """Names the controls that change a contour that the network predicts."""
        return [name for name, knob in KNOBS.items() if knob.contour and not _is_neutral(name, getattr(self, name))]

    def per_token(self, name: str, tokens: int) -> Numbers | None:
        """Returns a number for each token and the end (tokens + 1,); None where it changes nothing.

        Raises:
            UserError: There are numbers for another count of tokens.
        """
        given = getattr(self, name)
        if given is not None and np.ndim(given) and len(given) != tokens:
            raise UserError(f"{name}: expected one number, or {tokens}: one a token, got {len(given)}")
        if _is_neutral(name, given):
            return None
        values = np.asarray(given, dtype=np.float64)
        # The end of an utterance goes with its last token
        return np.append(values, values[-1]) if values.ndim else np.repeat(values, tokens + 1)


def _is_neutral(name: str, value: Amount | None) -> bool:
    neutral = KNOBS[name].neutral
    if value is None:
        return True
    return bool(np.all(np.isnan(value) if np.isnan(neutral) else np.equal(value, neutral)))


def _amount(name: str, value: Any) -> float | Numbers | None:
    """Returns a number within the limits of a control, or a row of them.

    Raises:
        UserError: It is neither.
    """
    if value is None and name == "pause":
        return None
    if not isinstance(value, (list, tuple, np.ndarray)) or (isinstance(value, np.ndarray) and not value.ndim):
        return _number(name, name, value)
    if not len(value):
        raise UserError(f"{name}: expected one number, or one for each token, got none")
    numbers = [_number(name, f"{name}[{index}]", number) for index, number in enumerate(value)]
    return np.array(numbers, dtype=np.float64)


def _number(name: str, place: str, value: Any) -> float:
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value.item()
    unchanged = name == "pause" and isinstance(value, Real) and value != value
    return np.nan if unchanged else number_between(place, value, *KNOBS[name].limits)


def chosen_controls(controls: Controls | None, named: Mapping[str, Any]) -> Controls:
    """Returns the controls of a call, given in one or by name.

    Raises:
        UserError: They are no controls, an unknown name, both are given, or a number cannot be.
    """
    known("control", named, [field.name for field in fields(Controls)])
    by_name = Controls(**named)
    if controls is None:
        return by_name
    if not isinstance(controls, Controls):
        raise UserError(f"controls: expected Controls, got {controls!r}")
    default = Controls()
    for name, value in named.items():
        if np.any(value != getattr(default, name)):
            raise UserError(f"controls and {name}: both say how to speak: give one of them")
    return controls


def check_backbone(controls: Controls, backbone: str) -> None:
    """Raises UserError for a control of a contour that the backbone does not predict."""
    contours = BACKBONES.spec(backbone).contours
    for name in controls.changes():
        if KNOBS[name].contour not in contours:
            raise UserError(f"{name}: {backbone} {LACKING}")


def check_sayable(backbone: str) -> None:
    """Raises UserError where a backbone cannot say a prosody that it is given."""
    if not BACKBONES.spec(backbone).contours:
        raise UserError(f"prosody: {backbone} {LACKING}")
