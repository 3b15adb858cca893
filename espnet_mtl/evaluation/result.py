"""What came out of an evaluation: the scores of systems beside natural speech, and metrics.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from espnet_mtl import __version__
from espnet_mtl.evaluation.measures.intervals import Interval
from espnet_mtl.evaluation.scores import Scores
from espnet_mtl.system.files import write_text

VERSION = 6
"""Of metrics.json: one more where its keys change."""
PACKAGES = ("espnet", "torch", "numpy", "scikit-learn", "pyworld", "librosa", "Resemblyzer")
JUDGES = ("distillmos", "speechmos", "onnxruntime", "faster-whisper")
"""Packages that may be missing; then so are their figures."""


@dataclass(frozen=True)
class Evaluation:
    """Scores of systems beside natural speech.

    Attributes:
        references: Natural speech and, where there is a vocoder, natural speech through it.
        systems: What is judged, in the order given.
        baseline: The one of `systems` that the others are compared with.
        held_out: How well each probe judges the natural training speech of folds that it was not trained on.
        durations: Where the durations of training are from, and how good they are (stage 3).
        cut_off: By title of a system whose training had not come to its end, how far it was.
    """

    references: list[Scores]
    systems: list[Scores]
    baseline: Scores | None
    held_out: Mapping[str, Mapping[str, float]]
    durations: Mapping[str, Any] | None = None
    cut_off: Mapping[str, str] = field(default_factory=dict)

    @property
    def all(self) -> list[Scores]:
        """References, then systems."""
        return [*self.references, *self.systems]

    @property
    def compared(self) -> list[Scores]:
        """The systems other than the baseline; none without one."""
        if self.baseline is None:
            return []
        return [one for one in self.systems if one is not self.baseline]

    @cached_property
    def differences(self) -> dict[str, dict[str, Interval | None]]:
        """By title of a compared system, each metric minus that of the baseline."""
        return {one.title: self._differences_of(one) for one in self.compared}

    def _differences_of(self, system: Scores) -> dict[str, Interval | None]:
        if self.baseline is None:
            return {}
        common = [name for name in system.values if name in self.baseline.values]
        return {name: system.difference(name, self.baseline) for name in common}

    def alone(self, system: Scores) -> Evaluation:
        """The evaluation of one of its systems."""
        return replace(self, systems=[system], baseline=None)

    def json(self) -> dict[str, Any]:
        """Returns what `metrics.json` holds; `metrics.schema.json` in this package describes it."""
        systems = {one.title: self._figures(one) for one in self.all}
        return {
            "version": VERSION,
            "references": [one.title for one in self.references],
            "baseline": self.baseline.title if self.baseline else None,
            "systems": systems,
            "durations": self.durations,
            "probes_held_out": {name: _rounded(figures) for name, figures in self.held_out.items()},
            "packages": _versions(),
        }

    def _figures(self, scores: Scores) -> dict[str, Any]:
        figures: dict[str, Any] = {
            "n_utterances": len(scores.speech.utts),
            "metrics": {name: _json(figure) for name, figure in scores.figures.items()},
        }
        if scores.title in self.cut_off:
            figures["training"] = self.cut_off[scores.title]
        if scores.title in self.differences:
            differences = self.differences[scores.title]
            figures["difference"] = {name: _json(figure) for name, figure in differences.items()}
        return figures


def _versions() -> dict[str, str]:
    """Versions of what measures, by package."""
    # Our own is the one that runs, which may be on PYTHONPATH and not be installed
    versions = {"espnet_mtl": __version__} | {name: version(name) for name in PACKAGES}
    for name in JUDGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def _json(figure: Interval | None) -> dict[str, float] | None:
    return figure.json() if figure else None


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in figures.items()}


def write_metrics(path: Path, evaluation: Evaluation) -> None:
    """Writes metrics.json."""
    write_text(path, json.dumps(evaluation.json(), indent=2) + "\n")
