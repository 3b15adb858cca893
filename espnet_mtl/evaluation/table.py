"""The figures of an evaluation as a plain aligned table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espnet_mtl.evaluation.evaluate import Evaluation
from espnet_mtl.evaluation.intervals import Interval
from espnet_mtl.evaluation.metrics import METRICS


@dataclass(frozen=True)
class Cell:
    """A figure and its 95 % interval as text; "–" and nothing where there is no figure."""

    value: str
    interval: str

    @classmethod
    def of(cls, metric: str, figure: Interval | None, sign: str = "") -> Cell:
        """Rounds to the digits of the metric; `sign` "+" shows the sign of what is positive, too."""
        if figure is None:
            return cls("–", "")
        form = f"{sign}.{METRICS[metric].digits}f"
        return cls(f"{figure.value:{form}}", f"[{figure.low:{form}}, {figure.high:{form}}]")


@dataclass(frozen=True)
class Row:
    """The figures of one system, or with `is_difference` of one minus another."""

    title: str
    cells: list[Cell]
    is_difference: bool = False


def headings() -> list[tuple[str, str]]:
    """Title and unit or direction of each metric's column."""
    return [
        (metric.title, f"{metric.unit} {'↑' if metric.higher_is_better else '↓'}".strip())
        for metric in METRICS.values()
    ]


def rows(evaluation: Evaluation) -> list[Row]:
    """One row of figures per system, and with a baseline the row of paired differences."""
    table = [
        Row(scores.title, [Cell.of(name, scores.figure(name)) for name in METRICS]) for scores in evaluation.systems
    ]
    if baseline := evaluation.baseline:
        differences = {name: evaluation.experiment.difference(name, baseline) for name in METRICS}
        cells = [Cell.of(name, figure, sign="+") for name, figure in differences.items()]
        table.append(Row(f"{evaluation.experiment.title} − {baseline.title}", cells, is_difference=True))
    return table


def text_table(evaluation: Evaluation, width: int) -> str:
    """Lays the rows out for a terminal; intervals are left out where `width` columns cannot hold them."""
    wide = _aligned(_cells(evaluation, intervals=True))
    lines = wide if max(map(len, wide)) <= width else _aligned(_cells(evaluation, intervals=False))
    return "\n".join(lines)


def _cells(evaluation: Evaluation, intervals: bool) -> list[list[str]]:
    titles, units = zip(*headings(), strict=True)
    cells = [["", *titles], ["", *units]]
    for row in rows(evaluation):
        shown = [f"{cell.value} {cell.interval if intervals else ''}".strip() for cell in row.cells]
        cells.append([row.title, *shown])
    return cells


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
