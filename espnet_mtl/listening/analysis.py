"""What the answers say: figures per system with their 95 % intervals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.measures.intervals import Interval, interval
from espnet_mtl.listening.answers import Row, read_rows
from espnet_mtl.listening.trials import AB, EMOTION, MOS, NO_PREFERENCE, RATINGS
from espnet_mtl.system.files import write_text

FIGURES = {MOS: "MOS", AB: "preference", EMOTION: "accuracy"}
SCORES = {
    MOS: {str(rating): float(rating) for rating in range(1, len(RATINGS) + 1)},
    AB: {"a": 1.0, "b": 0.0, NO_PREFERENCE: 0.5},
}


@dataclass(frozen=True)
class Result:
    """The figure of one system.

    Attributes:
        system: Its name.
        against: The system that it was compared with in an A/B test, else "".
        answers: How many answers there are.
        figure: Mean rating, share of preferences (ties count half) or emotion accuracy.
        p: A/B: of the two-sided sign test without ties, else None.
    """

    system: str
    against: str
    answers: int
    figure: Interval
    p: float | None

    def json(self, name: str) -> dict[str, object]:
        """Returns the fields that apply, with the figure under `name`."""
        against = {"against": self.against, "p": self.p} if self.against else {}
        return {"system": self.system, **against, "answers": self.answers, name: self.figure.json()}


def analyze(kind: str, output: Path) -> str:
    """Analyzes the answers of all listeners, writes `analysis_<kind>.json` and returns a plain table.

    Args:
        kind: The test: "mos", "ab" or "emotion".
        output: Directory of the answers.

    Raises:
        UserError: There are no answers, or a file has something else.
    """
    paths = sorted(output.glob(f"{kind}_*.csv"))
    answers = [answer for path in paths for answer in _scored(kind, path)]
    if not answers:
        raise UserError(f"no answers in {output}/{kind}_*.csv; run this command without --analyze first")
    if kind == AB:
        answers += [((other, system), 1 - score, text) for (system, other), score, text in answers]
    results = [
        _result(*names, [answer[1:] for answer in answers if answer[0] == names])
        for names in sorted({names for names, _, _ in answers})
    ]
    systems = [result.json(FIGURES[kind].lower()) for result in results]
    content = {"test": kind, "listeners": len(paths), "systems": systems}
    write_text(output / f"analysis_{kind}.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return _table(kind, results)


def _scored(kind: str, path: Path) -> Iterator[tuple[tuple[str, str], float, str]]:
    """The two systems ("" for no second one), the score of the first, and the sentence."""
    for line, row in enumerate(read_rows(path), 2):
        yield (row["system"], row["system_b"]), _score(kind, row, f"{path}:{line}"), row["text"]


def _score(kind: str, row: Row, where: str) -> float:
    if kind == EMOTION:
        return float(row["answer"] == row["emotion"])
    if row["answer"] not in SCORES[kind]:
        raise UserError(f"{where}: answer {row['answer']!r}: expected one of {', '.join(SCORES[kind])}")
    return SCORES[kind][row["answer"]]


def _result(system: str, against: str, answers: list[tuple[float, str]]) -> Result:
    scores, sentences = zip(*answers, strict=True)
    figure = interval(np.array(scores), sentences)
    assert figure is not None  # every score is finite
    wins, losses = scores.count(1.0), scores.count(0.0)
    p = float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
    return Result(system, against, len(scores), figure, p if against else None)


def _table(kind: str, results: list[Result]) -> str:
    cells = [["system", "against", "answers", FIGURES[kind], "95 %", "p"]]
    for one in results:
        p = "" if one.p is None else f"{one.p:.3g}"
        bounds = f"[{one.figure.low:.2f}, {one.figure.high:.2f}]"
        cells.append([one.system, one.against, str(one.answers), f"{one.figure.value:.2f}", bounds, p])
    shown = [column for column in zip(*cells, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in shown]
    rows = zip(*shown, strict=True)
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
