"""The figures of an evaluation as a plain aligned table: a row for each metric, a column for each system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from espnet_mtl.evaluation.measures.intervals import Interval
from espnet_mtl.evaluation.metrics import Metric, metric
from espnet_mtl.evaluation.result import Evaluation


@dataclass(frozen=True)
class Cell:
    """A figure and its 95 % interval as text; "–" and nothing where there is no figure.

    Attributes:
        verdict: Of a difference: "better" or "worse" where the interval leaves out zero, else "".
    """

    value: str
    interval: str
    verdict: str = ""

    @classmethod
    def of(cls, metric: Metric, figure: Interval | None) -> Cell:
        """Rounds to the digits of the metric."""
        value, bounds = _shown(metric, figure, "")
        return cls(value, bounds)

    @classmethod
    def difference(cls, metric: Metric, figure: Interval | None) -> Cell:
        """The same with its sign, and whether it is better or worse."""
        value, bounds = _shown(metric, figure, "+")
        if figure is None or figure.low <= 0 <= figure.high or metric.best not in ("↑", "↓"):
            return cls(value, bounds)
        better = (figure.value > 0) == (metric.best == "↑")
        return cls(value, bounds, "better" if better else "worse")


def _shown(metric: Metric, figure: Interval | None, sign: str) -> tuple[str, str]:
    """A figure and its interval as text; `sign` is "+" where positive numbers have one."""
    if figure is None:
        return "–", ""
    form = f"{sign}.{metric.digits}f"
    return f"{figure.value:{form}}", f"[{figure.low:{form}}, {figure.high:{form}}]"


@dataclass(frozen=True)
class MetricRow:
    """A metric and its figure for each column."""

    metric: Metric
    cells: list[Cell]

    @property
    def title(self) -> str:
        """The metric with unit and direction."""
        direction = f"→ {self.metric.best}" if self.metric.best.isdigit() else self.metric.best
        parts = [self.metric.title, self.metric.unit, direction]
        return " ".join(part for part in parts if part)


def columns(evaluation: Evaluation) -> list[str]:
    """Title of each column: the systems, then the paired differences to the baseline."""
    titles = [one.title for one in evaluation.all]
    if evaluation.baseline:
        titles += [f"{one.title} − {evaluation.baseline.title}" for one in evaluation.compared]
    return titles


def rows(evaluation: Evaluation) -> list[MetricRow]:
    """One row per metric that applies to any system."""
    table = []
    # A dictionary, not a set, keeps the order of the metrics.
    names = dict.fromkeys(chain.from_iterable(one.figures for one in evaluation.all))
    for name in names:
        cells = [Cell.of(metric(name), one.figures.get(name)) for one in evaluation.all]
        if any(cell.interval for cell in cells):
            differences = [Cell.difference(metric(name), one.get(name)) for one in evaluation.differences.values()]
            table.append(MetricRow(metric(name), [*cells, *differences]))
    return table


def text_table(evaluation: Evaluation, width: int) -> str:
    """Lays the rows out for a terminal; intervals are left out where `width` columns cannot hold them."""
    lines = _aligned(_cells(evaluation, intervals=True))
    if max(map(len, lines)) > width:
        lines = _aligned(_cells(evaluation, intervals=False))
    return "\n".join(lines)


def _cells(evaluation: Evaluation, intervals: bool) -> list[list[str]]:
    """Text of the cells, a list for each line: the heads, then the metrics below the name of their group."""
    cells = [["", *columns(evaluation)]]
    group = ""
    for row in rows(evaluation):
        if row.metric.group != group:
            group = row.metric.group
            cells.append([group.upper()])
        if intervals:
            shown = [f"{cell.value} {cell.interval}".strip() for cell in row.cells]
        else:
            shown = [cell.value for cell in row.cells]
        cells.append([row.title, *shown])
    return cells


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Lines of cells in columns of equal width; a line may have fewer cells than there are columns."""
    widths = [max(map(len, column)) for column in zip_longest(*cells, fillvalue="")]
    lines = []
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join(padded).rstrip())
    return lines
