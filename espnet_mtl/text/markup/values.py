"""Values of attributes of speech markup: words, factors, semitones, decibels and times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import log2

from espnet_mtl.config.numbers import KNOBS, number_between
from espnet_mtl.errors import UserError, one_of

BREAKS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.0}
"""Seconds."""
RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
PITCHES = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "default": 0.0, "high": 3.0, "x-high": 6.0}
"""Semitones."""
RANGES = {"x-low": 0.4, "low": 0.7, "medium": 1.0, "default": 1.0, "high": 1.4, "x-high": 1.8}
VOLUMES = {"silent": -60.0, "x-soft": -12.0, "soft": -6.0, "medium": 0.0, "default": 0.0, "loud": 4.0, "x-loud": 8.0}
"""Decibels."""
AMOUNT = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)\s*(%|st|dB|ms|s|)", re.I)

Attributes = Mapping[str, str]


def choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    """Returns a value that must be one of several."""
    if value not in choices:
        raise one_of(name, value, choices)
    return value


def number(name: str, text: str, limits: tuple[float, float]) -> float:
    """Reads a number between two limits."""
    try:
        value = float(text)
    except ValueError as error:
        raise UserError(f"{name}: expected a number from {limits[0]:g} to {limits[1]:g}, got {text!r}") from error
    return number_between(name, value, *limits)


def _amount(name: str, text: str, units: tuple[str, ...], example: str) -> tuple[str, float, str]:
    """Splits an amount such as +10% into its sign, number and unit."""
    found = AMOUNT.fullmatch(text.strip())
    if not found or found[3].lower() not in units:
        raise UserError(f"{name}: expected {example}, got {text!r}")
    return found[1], float(found[2]), found[3].lower()


def _factor(name: str, text: str, words: Mapping[str, float], example: str) -> float:
    """Reads a factor: a word, 1.2, 120%, or +20%, which is relative to what is outside."""
    if text in words:
        return words[text]
    sign, number, unit = _amount(name, text, ("%", ""), f"one of {', '.join(words)}, or {example}")
    if unit == "":
        if sign:
            raise UserError(f"{name}: expected a factor such as 1.2, or +20%, got {text!r}")
        return number
    signed = -number if sign == "-" else number
    return 1 + signed / 100 if sign else signed / 100


def rate(text: str) -> float:
    """Reads a rate, as a factor: slow, 1.2, 120% or +20%."""
    return number_between("rate", _factor("rate", text, RATES, "1.2, 120% or +20%"), *KNOBS["rate"].limits)


def pitch_range(text: str) -> float:
    """Reads a range of pitch, as a factor: high, 1.2, 120% or +20%."""
    return _factor("range", text, RANGES, "1.2, 120% or +20%")


def pitch(text: str) -> float:
    """Reads a shift of pitch in semitones: high, +2st or -10%."""
    if text in PITCHES:
        return PITCHES[text]
    sign, number, unit = _amount("pitch", text, ("st", "%"), f"one of {', '.join(PITCHES)}, or +2st or -10%")
    signed = -number if sign == "-" else number
    if unit == "st":
        return signed
    factor = 1 + signed / 100 if sign else signed / 100
    if factor <= 0:
        raise UserError(f"pitch: expected more than -100%, got {text!r}")
    return 12 * log2(factor)


def volume(text: str) -> float:
    """Reads a gain in dB: loud or +3dB."""
    if text in VOLUMES:
        return VOLUMES[text]
    sign, number, _ = _amount("volume", text, ("db",), f"one of {', '.join(VOLUMES)}, or +3dB or -6dB")
    return -number if sign == "-" else number


def break_seconds(given: Attributes) -> float:
    """Reads the length of a <break> in seconds: its time, or that of its strength."""
    strength = BREAKS[choice("strength", given.get("strength", "medium"), tuple(BREAKS))]
    if "time" not in given:
        return strength
    sign, number, unit = _amount("time", given["time"], ("ms", "s"), "a time such as 300ms or 1.5s")
    if sign == "-":
        raise UserError(f"time: expected a time such as 300ms or 1.5s, got {given['time']!r}")
    return number_between("time", number / 1000 if unit == "ms" else number, *KNOBS["pause"].limits)
