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
from espnet_mtl.listening.answers import AnswerRow, read_answer_rows
from espnet_mtl.listening.trials import AB, EMOTION, MOS, NO_PREFERENCE, RATINGS
from espnet_mtl.system.files import write_text

FIGURES = {MOS: "MOS", AB: "preference", EMOTION: "accuracy"}
"""What the figure of each test is called."""
ANSWER_SCORES = {
    MOS: {str(rating): float(rating) for rating in range(1, len(RATINGS) + 1)},
    AB: {"a": 1.0, "b": 0.0, NO_PREFERENCE: 0.5},
}
"""Score of each answer for the (first) system; that of an emotion depends on the one that was meant."""


@dataclass(frozen=True)
class ScoredAnswer:
    """One answer as a number.

    Attributes:
        system: The system that the score is for.
        against: The system that it was compared with in an A/B test, else "".
        score: Rating, preference (1, ½ or 0), or 1 for the right emotion, else 0.
        text: The sentence.
    """

    system: str
    against: str
    score: float
    text: str

    def turned(self) -> ScoredAnswer:
        """The same preference as seen from the other system."""
        return ScoredAnswer(self.against, self.system, 1 - self.score, self.text)


@dataclass(frozen=True)
class SystemFigure:
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
    answers: list[ScoredAnswer] = []
    for path in paths:
        answers += _scored_answers(kind, path)
    if not answers:
        raise UserError(f"no answers in {output}/{kind}_*.csv; run this command without --analyze first")
    if kind == AB:
        answers += [answer.turned() for answer in answers]
    by_system: dict[tuple[str, str], list[ScoredAnswer]] = {}
    for answer in answers:
        by_system.setdefault((answer.system, answer.against), []).append(answer)
    figures = [_figure(by_system[names]) for names in sorted(by_system)]
    systems = [figure.json(FIGURES[kind].lower()) for figure in figures]
    content = {"test": kind, "listeners": len(paths), "systems": systems}
    write_text(output / f"analysis_{kind}.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return _table(kind, figures)


def _scored_answers(kind: str, path: Path) -> Iterator[ScoredAnswer]:
    """The answers of one listener."""
    for line, row in read_answer_rows(path):
        score = _score(kind, row, f"{path}:{line}")
        yield ScoredAnswer(row["system"], row["system_b"], score, row["text"])


def _score(kind: str, row: AnswerRow, where: str) -> float:
    """An answer as a number; `where` is its file and line, for the error."""
    if kind == EMOTION:
        return float(row["answer"] == row["emotion"])
    if row["answer"] not in ANSWER_SCORES[kind]:
        raise UserError(f"{where}: answer {row['answer']!r}: expected one of {', '.join(ANSWER_SCORES[kind])}")
    return ANSWER_SCORES[kind][row["answer"]]


def _figure(answers: list[ScoredAnswer]) -> SystemFigure:
    """Sums up the answers that are about one system (A/B: about one pair)."""
    system, against = answers[0].system, answers[0].against
    scores = [answer.score for answer in answers]
    figure = interval(np.array(scores), [answer.text for answer in answers])
    assert figure is not None  # every score is finite
    p = _sign_test(scores) if against else None
    return SystemFigure(system, against, len(scores), figure, p)


def _sign_test(preferences: list[float]) -> float:
    """P-value of the two-sided sign test, ties left out; 1 where there are only ties."""
    wins, losses = preferences.count(1.0), preferences.count(0.0)
    if not wins + losses:
        return 1.0
    return float(binomtest(wins, wins + losses).pvalue)


def _table(kind: str, figures: list[SystemFigure]) -> str:
    """Lays the figures out in columns; one that is empty for every system is left out."""
    cells = [["system", "against", "answers", FIGURES[kind], "95 %", "p"]]
    for one in figures:
        p = "" if one.p is None else f"{one.p:.3g}"
        bounds = f"[{one.figure.low:.2f}, {one.figure.high:.2f}]"
        cells.append([one.system, one.against, str(one.answers), f"{one.figure.value:.2f}", bounds, p])
    columns = [column for column in zip(*cells, strict=True) if any(column[1:])]
    padded = []
    for column in columns:
        width = max(map(len, column))
        padded.append([cell.ljust(width) for cell in column])
    lines = ["  ".join(row).rstrip() for row in zip(*padded, strict=True)]
    return "\n".join(lines)
