"""What the controls of rate, pitch, its range and energy do to the sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.measures.features import analyze
from espnet_mtl.evaluation.measures.prosody import log_f0_deviation
from espnet_mtl.system.progress import progress

from .figures import Figures
from .subject import Cell, Subject, samples_of

VALUES = {
    "rate": (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0),
    "pitch": (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0),
    "pitch_range": (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0),
    "energy": (-12.0, -6.0, -3.0, 0.0, 3.0, 6.0, 12.0),
}
"""Over these, the order and the size of what is measured are judged."""
BEYOND = {"rate": (0.25, 4.0), "pitch": (-12.0, 12.0), "pitch_range": (0.0, 3.0), "energy": (-30.0, 20.0)}
"""Shown besides, to see where a control ends."""
NEUTRAL = {"rate": 1.0, "pitch": 0.0, "pitch_range": 1.0, "energy": 0.0}
TOLERANCE = 0.1
"""By how much of it the size may differ from what was asked for."""


class Sound:
    """A waveform (T_wav,), and its F0 in Hz every 5 ms, 0 where unvoiced."""

    def __init__(self, wave: NDArray[np.float64], fs: int):
        self.wave = wave
        self.f0 = analyze(wave, fs, full=False).f0


def rate(plain: Sound, changed: Sound) -> float:
    """Returns how much faster speech became."""
    return len(plain.wave) / len(changed.wave)


def pitch(plain: Sound, changed: Sound) -> float:
    """Returns the median shift of F0, in semitones, of frames with a voice in both; NaN where there is none."""
    frames = min(len(plain.f0), len(changed.f0))
    before, after = plain.f0[:frames], changed.f0[:frames]
    voiced = (before > 0) & (after > 0)
    if not voiced.any():
        return np.nan
    return float(np.median(12 * np.log2(after[voiced] / before[voiced])))


def pitch_range(plain: Sound, changed: Sound) -> float:
    """Returns by how much the standard deviation of log F0 grew."""
    return log_f0_deviation(changed.f0) / log_f0_deviation(plain.f0)


def energy(plain: Sound, changed: Sound) -> float:
    """Returns by how many dB the level rose."""
    return float(10 * np.log10(np.mean(changed.wave**2) / np.mean(plain.wave**2)))


MEASURES: dict[str, Callable[[Sound, Sound], float]] = {
    "rate": rate,
    "pitch": pitch,
    "pitch_range": pitch_range,
    "energy": energy,
}


def measure_knobs(subject: Subject) -> Figures:
    """Measures every control on every sentence: the order of what is measured, its size, and each value."""
    cells = subject.cells
    measured: dict[str, list[list[float]]] = {name: [] for name in VALUES}
    for rows in progress(_measured(subject, cells), "controls", len(cells)):
        for name, row in rows.items():
            measured[name].append(row)
    figures, texts = Figures(), [cell.text for cell in cells]
    for name, rows in measured.items():
        _add(figures, name, np.array(rows), texts)
    return figures


def _measured(subject: Subject, cells: list[Cell]) -> Iterator[dict[str, list[float]]]:
    """Yields for each cell what is measured of each control at `VALUES`, then at `BEYOND`."""
    for cell in cells:
        plain = Sound(samples_of(subject.say(cell)), subject.tts.fs)
        rows = {}
        for name, measure in MEASURES.items():
            row = []
            for value in (*VALUES[name], *BEYOND[name]):
                said = subject.say(cell, **{name: value})
                row.append(measure(plain, Sound(samples_of(said), subject.tts.fs)))
            rows[name] = row
        yield rows


def _add(figures: Figures, name: str, measured: NDArray[np.float64], texts: list[str]) -> None:
    """Adds the figures of a control, from what was measured (N, values)."""
    values = np.array(VALUES[name])
    judged = measured[:, : len(values)]
    correlations = np.array([rank_correlation(values, row) for row in judged])
    figures.add(f"{name}_rank_correlation", f"`{name}`: rank correlation", correlations, texts)
    changed = values != NEUTRAL[name]
    ratios = judged[:, changed] / values[changed]
    # An utterance without F0 says nothing of it
    right = np.where(np.isfinite(ratios).all(1), (abs(ratios - 1) <= TOLERANCE).mean(1), np.nan)
    figures.add(f"{name}_right_size", f"`{name}`: sounds within 10 % of the size", right, texts)
    asked = (*VALUES[name], *BEYOND[name])
    rows = [_value_row(value, measured[:, column]) for column, value in enumerate(asked)]
    figures.details.setdefault("values", {})[name] = rows


def rank_correlation(values: NDArray[np.float64], measured: NDArray[np.float64]) -> float:
    """Spearman's rank correlation (N,); NaN where something was not measured, or never changes."""
    from scipy.stats import spearmanr

    if not np.isfinite(measured).all() or np.ptp(measured) == 0:
        return np.nan
    return float(spearmanr(values, measured).statistic)


def _value_row(value: float, measured: NDArray[np.float64]) -> dict[str, float]:
    """What was measured (N,) where `value` was asked for: the median, the middle 80 %, and the share of right size."""
    known = measured[np.isfinite(measured)]
    if not len(known):
        return {"asked": value}
    low, median, high = np.percentile(known, [10, 50, 90])
    right = np.abs(known - value) <= TOLERANCE * abs(value)
    row = {"asked": value, "median": median, "low": low, "high": high, "right": right.mean()}
    return {name: round(float(number), 5) for name, number in row.items()}


def values_tables(figures: Figures) -> str:
    """A table for each control: the value, the median and the middle 80 % of what is measured, and what is right."""
    lines = []
    for name, rows in figures.details["values"].items():
        lines += ["", f"| `{name}` | measured: median | 10th to 90th percentile | within 10 % |", "|---|---|---|---|"]
        for row in sorted(rows, key=lambda row: row["asked"]):
            lines.append(f"| {row['asked']:g} | {_value_cells(row)} |")
    return "\n".join(lines)


def _value_cells(row: dict[str, float]) -> str:
    if "median" not in row:
        return "– | | "
    return f"{row['median']:.2f} | {row['low']:.2f} to {row['high']:.2f} | {row['right']:.2f}"
