"""Figures with their intervals, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.measures.intervals import Interval, Statistic, interval
from espnet_mtl.evaluation.measures.statistics import ratio_of_sums


@dataclass
class Figures:
    """What was measured.

    Attributes:
        rows: A figure for each name, with its title and on how many utterances it is.
        left_out: Why a row is not there, by its name.
        details: Whatever else is written to JSON, by name.
    """

    rows: dict[str, tuple[str, Interval | None, int]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def add(
        self, name: str, title: str, values: NDArray, sentences: Sequence[str], statistic: Statistic = np.mean
    ) -> None:
        """Adds a figure over utterances: their values (N,) or (N, D), NaN where it does not apply, and sentences."""
        values = np.asarray(values, dtype=np.float64)
        count = int(np.isfinite(values.reshape(len(values), -1)).any(1).sum())
        self.rows[name] = title, interval(values, sentences, statistic), count

    def add_ratio(self, name: str, title: str, values: NDArray, base: NDArray, sentences: Sequence[str]) -> None:
        """Adds the sum of values (N,) over that of others of the same utterances."""
        both = np.stack([values, base], 1).astype(np.float64)
        both[~np.isfinite(both).all(1)] = np.nan
        if np.nansum(both[:, 1]) > 0:
            self.add(name, title, both, sentences, ratio_of_sums)
        else:
            self.left_out[name] = "nothing to compare with: not one is right"

    def table(self) -> str:
        """The rows as Markdown, then what was left out, a line each."""
        lines = ["| measured | figure | 95 % interval | utterances |", "|---|---|---|---|"]
        for title, figure, count in self.rows.values():
            lines.append(f"| {title} | {shown(figure)} | {count} |")
        lines += [f"left out: {name}: {reason}" for name, reason in self.left_out.items()]
        return "\n".join(lines)

    def json(self) -> dict[str, Any]:
        """All of it, as it is written."""
        rows = {}
        for name, (title, figure, count) in self.rows.items():
            rows[name] = {"title": title, **(figure.json() if figure else {}), "utterances": count}
        return {"rows": rows, "left_out": self.left_out, **self.details}


def shown(figure: Interval | None) -> str:
    """A figure and its interval as two cells of a table."""
    if figure is None:
        return "– | "
    return f"{figure.value:.3f} | {figure.low:.3f} to {figure.high:.3f}"
