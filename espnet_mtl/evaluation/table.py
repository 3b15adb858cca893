"""The figures of an evaluation as a plain aligned table."""

from __future__ import annotations

from collections.abc import Sequence

from espnet_mtl.evaluation.evaluate import Evaluation
from espnet_mtl.evaluation.intervals import Interval
from espnet_mtl.evaluation.metrics import METRICS


def headings() -> list[tuple[str, str]]:
    """Title and unit or direction of each metric's column."""
    return [
        (metric.title, f"{metric.unit} {'↑' if metric.higher_is_better else '↓'}".strip())
        for metric in METRICS.values()
    ]


def rows(evaluation: Evaluation) -> list[tuple[str, list[Interval | None]]]:
    """One row of figures per system, and with a baseline the row of paired differences."""
    table = [(scores.title, [scores.figure(name) for name in METRICS]) for scores in evaluation.systems]
    if evaluation.baseline:
        differences = [evaluation.experiment.difference(name, evaluation.baseline) for name in METRICS]
        table.append((f"{evaluation.experiment.title} − {evaluation.baseline.title}", differences))
    return table


def text_table(evaluation: Evaluation, width: int) -> str:
    """Lays the rows out for a terminal; intervals are left out where `width` columns cannot hold them."""
    wide = _aligned(_cells(evaluation, intervals=True))
    lines = wide if max(map(len, wide)) <= width else _aligned(_cells(evaluation, intervals=False))
    return "\n".join(lines)


def shown(figure: Interval | None, signed: bool = False) -> str:
    """A figure with three significant decimals; "–" for none."""
    return "–" if figure is None else f"{figure.value:{'+' if signed else ''}.3f}"


def bounds(figure: Interval | None, signed: bool = False) -> str:
    """The 95 % interval of a figure in brackets."""
    sign = "+" if signed else ""
    return "" if figure is None else f"[{figure.low:{sign}.2f}, {figure.high:{sign}.2f}]"


def _cells(evaluation: Evaluation, intervals: bool) -> list[list[str]]:
    titles, units = zip(*headings(), strict=True)
    cells = [["", *titles], ["", *units]]
    for number, (title, figures) in enumerate(rows(evaluation)):
        signed = number == len(evaluation.systems)
        row = [f"{shown(figure, signed)} {bounds(figure, signed) if intervals else ''}".strip() for figure in figures]
        cells.append([title, *row])
    return cells


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
