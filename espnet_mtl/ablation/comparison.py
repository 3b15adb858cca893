"""Judging an ablation: seeds of one configuration are pooled, and every configuration is compared with the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from espnet_mtl.ablation.grid import Grid, Run, to_csv
from espnet_mtl.evaluation.cache import Arrays, cached, digest
from espnet_mtl.evaluation.evaluate import (
    Evaluation,
    decoded_directory,
    decoding_settings,
    evaluate,
    read_decoded,
    score_system,
)
from espnet_mtl.evaluation.judge import SOURCES, Judge, read_judge
from espnet_mtl.evaluation.metrics import Scores, metric
from espnet_mtl.evaluation.report.curves import read_curves
from espnet_mtl.evaluation.report.page import data_uri, render
from espnet_mtl.evaluation.report.plots import pareto_plot
from espnet_mtl.evaluation.report.table import Cell
from espnet_mtl.evaluation.speech_set import SpeechSet
from espnet_mtl.system.files import write_text

SHOWN = (
    "emotion_accuracy", "emotion_accuracy_cnn", "emotion_accuracy_prosody", "transfer_emotion_accuracy",
    "transfer_emotion_accuracy_cnn", "speaker_similarity", "mcd_db", "log_f0_rmse", "log_f0_sd_ratio",
    "duration_error", "phone_error_rate", "reference_emotion_accuracy", "reference_speaker_accuracy",
)  # fmt: skip
X, Y = "mcd_db", "emotion_accuracy"
"""Of the Pareto plot."""


@dataclass(frozen=True)
class Ablation:
    """What came out.

    Attributes:
        grid: What was trained.
        runs: Scores of each run.
        evaluation: Natural speech, and the variants with their seeds pooled, beside the first.
        step_s: Seconds of a training step of each run, the median.
    """

    grid: Grid
    runs: Mapping[Run, Scores]
    evaluation: Evaluation
    step_s: Mapping[Run, float]


def judge_all(grid: Grid, nj: int) -> Ablation:
    """Judges the speech of every run.

    Raises:
        UserError: A run has not spoken.
    """
    exps = {run: grid.exp / run.tag for run in grid.runs}
    settings, language = decoding_settings(exps[grid.runs[0]], grid.inference_config, grid.part)
    judge = read_judge(grid.dump, settings, language, nj, grid.part)
    natural_key = _natural_key(judge)
    runs = {
        run: _scores(exp, decoded_directory(exp, grid.inference_config, grid.part), judge, natural_key)
        for run, exp in exps.items()
    }
    variants = [pooled(name, [runs[Run(name, seed)] for seed in grid.seeds]) for name in grid.configs]
    natural = evaluate(judge, {})
    return Ablation(
        grid,
        runs,
        replace(natural, systems=variants, baseline=variants[0]),
        {run: _step_seconds(exp) for run, exp in exps.items()},
    )


def _natural_key(judge: Judge) -> str:
    """Hashes what all runs are judged by: natural speech, and code."""
    natural = [one for one in (judge.test, judge.train) if one]
    settings = {"vocoder": judge.vocoder, "language": judge.language, "labels": [one.described for one in natural]}
    return digest([*SOURCES, *(file for one in natural for file in _files(one))], settings)


def _files(speech: SpeechSet) -> list[Path]:
    return [*map(Path, speech.wavs), *(speech.directory / name for name in ("durations", "pitch.scp"))]


def _scores(exp: Path, directory: Path, judge: Judge, natural_key: str) -> Scores:
    """The scores of a run, kept beside its speech; recordings' features are not."""
    speech = read_decoded(directory)

    def build() -> Arrays:
        scores = score_system(exp.name, speech, judge, exp=exp)
        return {"heard": scores.heard, **{f"values.{name}": value for name, value in scores.values.items()}}

    key = digest(_files(speech), {"natural": natural_key, "labels": speech.described})
    arrays = cached(directory / "scores.npz", key, build)
    values = {name.removeprefix("values."): value for name, value in arrays.items() if name != "heard"}
    return Scores(exp.name, speech, [], values, arrays["heard"])


def pooled(title: str, seeds: Sequence[Scores]) -> Scores:
    """Joins the scores of several seeds; each utterance is there once for each."""
    columns = {
        name: [value for one in seeds for value in getattr(one.speech, name)]
        for name in ("wavs", "texts", "speakers", "emotions", "languages")
    }
    utts = [f"{utt}@{number}" for number, one in enumerate(seeds) for utt in one.speech.utts]
    speech = SpeechSet(seeds[0].speech.directory, utts, **columns)
    values = {name: np.concatenate([one.values[name] for one in seeds]) for name in seeds[0].values}
    return Scores(title, speech, [], values, np.concatenate([one.heard for one in seeds]))


def _step_seconds(exp: Path) -> float:
    curve = read_curves(exp).get("train", {}).get("train_time")
    return float(np.median(curve[:, 1])) if curve is not None else float("nan")


def write_ablation(directory: Path, ablation: Ablation) -> Path:
    """Writes `runs.csv` (a row for each run), `table.csv` (for each variant) and `index.html`; returns the page."""
    write_text(directory / "runs.csv", to_csv([_run_row(ablation, run) for run in ablation.runs]))
    write_text(directory / "table.csv", to_csv([_variant_row(ablation, one) for one in ablation.evaluation.all]))
    write_text(directory / "index.html", render("ablation/ablation.html.j2", _content(ablation)))
    return directory / "index.html"


def _run_row(ablation: Ablation, run: Run) -> dict[str, object]:
    figures = ablation.runs[run].figures
    values = {name: round(figure.value, 5) if figure else "" for name, figure in figures.items()}
    return {"variant": run.variant, "seed": run.seed, **values, "step_s": round(ablation.step_s[run], 4)}


def _variant_row(ablation: Ablation, scores: Scores) -> dict[str, object]:
    row: dict[str, object] = {"variant": scores.title}
    differences = ablation.evaluation.differences.get(scores.title, {})
    for name, figure in scores.figures.items():
        for prefix, one in (("", figure), ("difference_", differences.get(name))):
            bounds = one.json() if one else dict.fromkeys(("value", "low", "high"), "")
            row |= {f"{prefix}{name}_{key}".removesuffix("_value"): value for key, value in bounds.items()}
    return row


def step_ratio(ablation: Ablation, variant: str) -> float | None:
    """Step time of a variant relative to the first one's, seed by seed, the median."""
    first = next(iter(ablation.grid.configs))
    ratios = [ablation.step_s[Run(variant, s)] / ablation.step_s[Run(first, s)] for s in ablation.grid.seeds]
    return float(np.median(ratios)) if np.isfinite(ratios).all() else None


def _content(ablation: Ablation) -> dict[str, Any]:
    evaluation = ablation.evaluation
    shown = [name for name in SHOWN if any(one.figures.get(name) for one in evaluation.systems)]
    lines = []
    for one in evaluation.all:
        differences = evaluation.differences.get(one.title, {})
        trained = one.title in ablation.grid.configs
        lines.append(
            {
                "title": one.title,
                "cells": [Cell.of(metric(name), one.figures.get(name)) for name in shown],
                "differences": [Cell.difference(metric(name), differences.get(name)) for name in shown],
                "step": step_ratio(ablation, one.title) if trained else None,
                "config": (ablation.grid.configs[one.title]).read_text(encoding="utf-8") if trained else "",
            }
        )
    points = [(s.title, x, y) for s in evaluation.systems if (x := s.figures.get(X)) and (y := s.figures.get(Y))]
    labels = (f"{metric(X).title} ({metric(X).unit}), lower is better", f"emotion {metric(Y).title}, higher is better")
    return {
        "baseline": evaluation.systems[0].title,
        "part": ablation.grid.part,
        "seeds": list(ablation.grid.seeds),
        "n_sentences": len(set(evaluation.systems[0].speech.texts)),
        "metrics": [metric(name) for name in shown],
        "lines": lines,
        "pareto": data_uri("image/png", pareto_plot(points, labels)) if points else None,
    }
