"""The figures of an evaluation as a plain aligned table: a row for each metric, a column for each system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espnet_mtl.evaluation.evaluate import Evaluation
from espnet_mtl.evaluation.measures.intervals import Interval
from espnet_mtl.evaluation.metrics import Metric, metric


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
        return cls(*_shown(metric, figure, ""))

    @classmethod
    def difference(cls, metric: Metric, figure: Interval | None) -> Cell:
        """The same with its sign, and what it means."""
        if figure is None or figure.low <= 0 <= figure.high or metric.best not in ("↑", "↓"):
            return cls(*_shown(metric, figure, "+"))
        better = (figure.value > 0) == (metric.best == "↑")
        return cls(*_shown(metric, figure, "+"), "better" if better else "worse")


def _shown(metric: Metric, figure: Interval | None, sign: str) -> tuple[str, str]:
    if figure is None:
        return "–", ""
    form = f"{sign}.{metric.digits}f"
    return f"{figure.value:{form}}", f"[{figure.low:{form}}, {figure.high:{form}}]"


@dataclass(frozen=True)
class Row:
    """A metric and its figure for each column."""

    metric: Metric
    cells: list[Cell]

    @property
    def title(self) -> str:
        """The metric with unit and direction."""
        direction = f"→ {self.metric.best}" if self.metric.best.isdigit() else self.metric.best
        return " ".join(filter(None, [self.metric.title, self.metric.unit, direction]))


def columns(evaluation: Evaluation) -> list[str]:
    """Title of each column: the systems, then the paired differences to the baseline."""
    differences = [f"{one.title} − {evaluation.baseline.title}" for one in evaluation.compared if evaluation.baseline]
    return [*(one.title for one in evaluation.all), *differences]


def rows(evaluation: Evaluation) -> list[Row]:
    """One row per metric that applies to any system."""
    table = []
    for name in dict.fromkeys(name for one in evaluation.all for name in one.figures):
        cells = [Cell.of(metric(name), one.figures.get(name)) for one in evaluation.all]
        if any(cell.interval for cell in cells):
            differences = [Cell.difference(metric(name), one.get(name)) for one in evaluation.differences.values()]
            table.append(Row(metric(name), [*cells, *differences]))
    return table


def text_table(evaluation: Evaluation, width: int) -> str:
    """Lays the rows out for a terminal; intervals are left out where `width` columns cannot hold them."""
    wide = _aligned(_cells(evaluation, intervals=True))
    lines = wide if max(map(len, wide)) <= width else _aligned(_cells(evaluation, intervals=False))
    return "\n".join(lines)


def _cells(evaluation: Evaluation, intervals: bool) -> list[list[str]]:
    cells, group = [["", *columns(evaluation)]], ""
    for row in rows(evaluation):
        if row.metric.group != group:
            group = row.metric.group
            cells.append([group.upper()])
        shown = [f"{cell.value} {cell.interval if intervals else ''}".strip() for cell in row.cells]
        cells.append([row.title, *shown])
    return cells


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in cells if i < len(row)) for i in range(len(cells[0]))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)).rstrip() for row in cells]
