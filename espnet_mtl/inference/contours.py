"""What controls make of durations, pitch and loudness along an utterance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.config.numbers import DAMAGED_DURATIONS, MOST_FRAMES
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.controls import Controls, Numbers
from espnet_mtl.inference.request.inputs import check_spoken
from espnet_mtl.inference.request.network import Floats
from espnet_mtl.text.espeak import SILENT

SEMITONE = np.log(2) / 12
"""In log Hz."""
MOST_SILENCE = 60.0
"""Seconds."""
Edits = dict[str, Callable[[Numbers], Numbers]]
"""What is made of predicted contours (T_text + 1,), by name: `durations` in frames, `pitch` in log Hz, `energy` as
measured."""


def check_pauses(pauses: Numbers) -> None:
    """Raises UserError where the pauses of one utterance, in seconds, are too long in all.

    The network computes frames of silence as it does others, in memory that grows with the square of their number.
    """
    whole = float(np.nansum(pauses))
    if whole > MOST_SILENCE:
        raise UserError(f"pause: {whole:g} s of silence within one utterance, at most {MOST_SILENCE:g} s")


def edits_of(controls: Controls, tokens: Sequence[str], frame: float) -> Edits:
    """Returns what controls make of predicted contours.

    Args:
        controls: The user's.
        tokens: The tokens of the text.
        frame: Seconds of a frame.

    Returns:
        Edits of arrays (T_text + 1,): durations in frames, pitch in log Hz; those that change nothing are left out.

    Raises:
        UserError: A control has numbers for another count of tokens.
    """
    count = len(tokens)
    rate, pause = controls.per_token("rate", count), controls.per_token("pause", count)
    shift, spread = controls.per_token("pitch", count), controls.per_token("pitch_range", count)
    silent = np.array([token in SILENT for token in tokens] + [False])
    edits: Edits = {}
    if pause is not None:
        check_pauses(np.where(silent, pause, 0.0))
    if rate is not None or pause is not None:

        def edit_durations(frames: Numbers) -> Numbers:
            exact = frames if rate is None else frames / rate
            if pause is not None:
                exact = np.where(silent & ~np.isnan(pause), pause / frame, exact)
            return whole_frames(exact)

        edits["durations"] = edit_durations
    if shift is not None or spread is not None:

        def edit_pitch(log_f0: Numbers) -> Numbers:
            if spread is not None:
                log_f0 = stretched_pitch(log_f0, spread, silent)
            return log_f0 if shift is None else log_f0 + shift * SEMITONE

        edits["pitch"] = edit_pitch
    return edits


def edited_contours(predicted: Mapping[str, NDArray[np.floating]], edits: Edits, alpha: float) -> dict[str, Numbers]:
    """Returns how the tokens of one text are to be said: what was predicted, as the controls change it.

    Args:
        predicted: `durations` in frames, `pitch` in log Hz, `energy` as measured, of each token and the end (N,).
        edits: What the controls make of them.
        alpha: Factor on durations.

    Returns:
        `duration`, `pitch_denorm` and `energy_denorm` (N,), by ESPnet's names.

    Raises:
        UserError: The durations are no speech.
    """
    durations = predicted["durations"].astype(np.float64)
    if not np.isfinite(durations).all() or durations.sum() > MOST_FRAMES * len(durations):
        raise UserError(DAMAGED_DURATIONS)
    durations = np.rint(durations * alpha)
    if "durations" in edits:
        durations = edits["durations"](durations)
    if durations.sum() > MOST_FRAMES * len(durations):
        raise UserError(DAMAGED_DURATIONS)
    check_spoken(durations.astype(np.int64))
    said = {"duration": durations}
    for name in ("pitch", "energy"):
        values = predicted[name].astype(np.float64)
        said[f"{name}_denorm"] = edits[name](values) if name in edits else values
    return said


def whole_frames(exact: Numbers) -> Numbers:
    """Rounds durations so that each token ends on the frame nearest to its exact end: the errors do not add up."""
    ends = np.rint(np.cumsum(exact))
    return np.diff(ends, prepend=0.0)


def stretched_pitch(log_f0: Numbers, factor: Numbers, silent: NDArray[np.bool_]) -> Numbers:
    """Moves pitch (N + 1,) away from its mean over the spoken tokens by a factor each; the last one is the end."""
    spoken = ~silent
    spoken[-1] = False
    mean = log_f0[spoken].mean() if spoken.any() else log_f0.mean()
    return mean + factor * (log_f0 - mean)


def gain_factors(gain: Numbers, durations: NDArray[np.int64], samples: int) -> Numbers:
    """Makes factors (samples,) on a waveform of a gain in dB for each token (N,), linear between their centres.

    Args:
        gain: (N,).
        durations: Parts of the waveform's length that belong to each token (N,), such as frames.
        samples: Length of the waveform.
    """
    spoken = durations > 0
    centres = (np.cumsum(durations) - durations / 2)[spoken] * (samples / durations.sum())
    decibels = np.interp(np.arange(samples), centres, gain[spoken])
    factors: Numbers = 10 ** (decibels / 20)
    return factors


def frame_log_f0(durations: NDArray[np.int64], log_f0: NDArray[np.floating]) -> Floats | None:
    """Interpolates log F0 linearly between the centres of tokens.

    Args:
        durations: Of each token, in frames (N,).
        log_f0: Logarithm of F0 in Hz of each token (N,).

    Returns:
        Log F0 in Hz of each frame (T,); None where there is no frame.
    """
    spoken = durations > 0
    if not spoken.any():
        return None
    ends = durations.cumsum()
    centres = ends - durations / 2
    frames = np.arange(ends[-1]) + 0.5
    return np.interp(frames, centres[spoken], log_f0[spoken]).astype(np.float32)
