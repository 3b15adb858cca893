"""Judging an ablation: seeds of one configuration are pooled, and every configuration is compared with the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np

from espnet_mtl.ablation.grid import Grid, Run, to_csv
from espnet_mtl.config.load import read_yaml
from espnet_mtl.data.dump import VISUAL_SCP
from espnet_mtl.data.utterances import read_visual
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.cache import NamedArrays, cached, digest
from espnet_mtl.evaluation.code_key import code_key
from espnet_mtl.evaluation.evaluate import (
    decoded_directory,
    decoding_settings,
    evaluate,
    pitch_settings,
    read_decoded,
    score_system,
)
from espnet_mtl.evaluation.judge import Judge, read_judge
from espnet_mtl.evaluation.measures.intervals import Interval
from espnet_mtl.evaluation.metrics import metric
from espnet_mtl.evaluation.report.curves import read_curves
from espnet_mtl.evaluation.report.plots import pareto_plot
from espnet_mtl.evaluation.report.render import data_uri, render
from espnet_mtl.evaluation.report.table import Cell
from espnet_mtl.evaluation.result import Evaluation
from espnet_mtl.evaluation.scores import MetricValues, Scores
from espnet_mtl.evaluation.speech_set import SpeechSet
from espnet_mtl.system.files import write_text
from espnet_mtl.system.kaldi.matrix import file_and_offset

JUDGING = "espnet_mtl.evaluation.evaluate"
"""The module whose code makes the scores of a run."""
SHOWN = (
    "emotion_accuracy", "emotion_accuracy_cnn", "emotion_accuracy_prosody", "transfer_emotion_accuracy",
    "transfer_emotion_accuracy_cnn", "speaker_similarity", "mcd_db", "log_f0_rmse", "log_f0_sd_ratio",
    "duration_error", "phone_error_rate", "reference_emotion_accuracy", "reference_speaker_accuracy",
    "visual_emotion_accuracy", "visual_speaker_accuracy", "face_to_voice_recall_1", "voice_to_face_recall_1",
)  # fmt: skip
"""Metrics that the page shows; the CSV files have all."""
PARETO_X, PARETO_Y = "mcd_db", "emotion_accuracy"
"""Metrics of the Pareto plot."""


@dataclass(frozen=True)
class Ablation:
    """What came out.

    Attributes:
        grid: What was trained.
        runs: Scores by the title of the variant and the seed.
        evaluation: Natural speech, and the variants with their seeds pooled, beside the first.
        step_s: Seconds of a training step of each run, the median.
    """

    grid: Grid
    runs: Mapping[tuple[str, int], Scores]
    evaluation: Evaluation
    step_s: Mapping[Run, float]


def judge_all(grid: Grid, nj: int) -> Ablation:
    """Judges the speech of every run.

    Raises:
        UserError: The speech of a run is missing, or the natural speech has no utterance of it.
    """
    exps = {run: grid.exp / run.tag for run in grid.runs}
    first = exps[grid.runs[0]]
    settings, language = decoding_settings(first, grid.inference_configs[0], grid.part)
    pitch = pitch_settings(read_yaml(first / "config.yaml"))
    judge = read_judge(grid.natural or grid.dump, settings, language, nj, grid.part, pitch)
    judge_key = _judge_key(judge)
    runs: dict[tuple[str, int], Scores] = {}
    for seed, (title, (config, decoding)) in product(grid.seeds, grid.variants.items()):
        exp = exps[Run(config, seed)]
        directory = decoded_directory(exp, decoding, grid.part)
        scores = _scores(exp, directory, judge, judge_key)
        if not set(scores.speech.utts) & set(judge.test.utts):
            raise UserError(f"{judge.test.directory} has no utterance of {directory}: name the natural speech of it")
        runs[title, seed] = _of_speakers(scores, grid.speakers)
    variants = []
    for title in grid.variants:
        variants.append(pooled(title, [runs[title, seed] for seed in grid.seeds]))
    evaluation = evaluate(judge, {})
    references = [_of_speakers(one, grid.speakers) for one in evaluation.references]
    evaluation = replace(evaluation, references=references, systems=variants, baseline=variants[0])
    return Ablation(grid, runs, evaluation, step_s={run: _step_seconds(exp) for run, exp in exps.items()})


def _of_speakers(scores: Scores, speakers: Sequence[str]) -> Scores:
    """Keeps the scores of some speakers; of all, where none is named."""
    if not speakers:
        return scores
    kept = np.isin(scores.speech.speakers, speakers)
    values = {name: column[kept] for name, column in scores.values.items()}
    return Scores(scores.title, scores.speech.where(list(kept)), [], values, scores.named_emotions[kept])


def _judge_key(judge: Judge) -> str:
    """Hashes what all runs are judged by: natural speech, sampling rate, vocoder, language and code."""
    keys = [_speech_key(speech) for speech in (judge.test, judge.train) if speech]
    settings = {
        "code": code_key(JUDGING),
        "natural speech": keys,
        "fs": judge.fs,
        "vocoder": judge.vocoder,
        "pitch": dict(judge.pitch),
        "language": judge.language,
    }
    return digest(judge.vocoder_files, settings)


def _speech_key(speech: SpeechSet) -> str:
    """Hashes recordings, their labels, what is known of their tokens, and their faces."""
    known = [speech.directory / name for name in ("durations", "pitch.scp", VISUAL_SCP)]
    faces = {file_and_offset(place)[0] for place in read_visual(speech.directory / VISUAL_SCP).values()}
    return digest(speech.wavs, {"labels": speech.described}, optional=[*known, *sorted(faces)])


def _scores(exp: Path, directory: Path, judge: Judge, judge_key: str) -> Scores:
    """The scores of a run, kept beside its speech until speech, judge or code change; without its features."""
    speech = read_decoded(directory)

    def build() -> NamedArrays:
        scores = score_system(exp.name, speech, judge, exp=exp)
        values = {f"values.{name}": value for name, value in scores.values.items()}
        return {"named_emotions": scores.named_emotions, **values}

    # The encoders of the model are judged, too
    model = [exp / "config.yaml", *sorted(exp.glob("*.pth"))]
    key = digest([], {"judge": judge_key, "speech": _speech_key(speech)}, optional=model)
    arrays = cached(directory / "scores.npz", key, build)
    named_emotions = arrays.pop("named_emotions")
    values = {name.removeprefix("values."): value for name, value in arrays.items()}
    return Scores(exp.name, speech, [], values, named_emotions)


def pooled(title: str, seeds: Sequence[Scores]) -> Scores:
    """Joins the scores of several seeds; each utterance is there once for each."""
    utts: list[str] = []
    for number, one in enumerate(seeds):
        utts += [f"{utt}@{number}" for utt in one.speech.utts]
    speech = SpeechSet(
        seeds[0].speech.directory,
        utts,
        wavs=_joined(one.speech.wavs for one in seeds),
        texts=_joined(one.speech.texts for one in seeds),
        speakers=_joined(one.speech.speakers for one in seeds),
        emotions=_joined(one.speech.emotions for one in seeds),
        languages=_joined(one.speech.languages for one in seeds),
    )
    values: MetricValues = {}
    for name in seeds[0].values:
        values[name] = np.concatenate([one.values[name] for one in seeds])
    named_emotions = np.concatenate([one.named_emotions for one in seeds])
    return Scores(title, speech, [], values, named_emotions)


def _joined(columns: Iterable[list[str]]) -> list[str]:
    return list(chain.from_iterable(columns))


def _step_seconds(exp: Path) -> float:
    """Median seconds of a training step; NaN where nothing was logged."""
    curve = read_curves(exp).get("train", {}).get("train_time")
    return float(np.median(curve[:, 1])) if curve is not None else float("nan")


def write_ablation(directory: Path, ablation: Ablation) -> Path:
    """Writes `runs.csv` (a row for each run), `table.csv` (for each variant) and `index.html`; returns the page."""
    rows = [_run_row(ablation, title, seed) for seed, title in product(ablation.grid.seeds, ablation.grid.variants)]
    write_text(directory / "runs.csv", to_csv(rows))
    write_text(directory / "table.csv", to_csv([_variant_row(ablation, one) for one in ablation.evaluation.all]))
    write_text(directory / "index.html", render("ablation/ablation.html.j2", _content(ablation)))
    return directory / "index.html"


def _run_row(ablation: Ablation, title: str, seed: int) -> dict[str, object]:
    figures = ablation.runs[title, seed].figures
    values = {name: round(figure.value, 5) if figure else "" for name, figure in figures.items()}
    config, _ = ablation.grid.variants[title]
    step_s = ablation.step_s[Run(config, seed)]
    return {"variant": title, "seed": seed, **values, "step_s": round(step_s, 4)}


def _variant_row(ablation: Ablation, scores: Scores) -> dict[str, object]:
    row: dict[str, object] = {"variant": scores.title}
    differences = ablation.evaluation.differences.get(scores.title, {})
    for name, figure in scores.figures.items():
        row |= _columns(name, figure)
        row |= _columns(f"difference_{name}", differences.get(name))
    return row


def _columns(name: str, figure: Interval | None) -> dict[str, object]:
    """A figure and the bounds of its interval, rounded, by the name of the column; empty where there is none."""
    if figure is None:
        return {name: "", f"{name}_low": "", f"{name}_high": ""}
    rounded = figure.json()
    return {name: rounded["value"], f"{name}_low": rounded["low"], f"{name}_high": rounded["high"]}


def step_ratio(ablation: Ablation, variant: str) -> float | None:
    """Step time of a variant relative to the first one's, seed by seed, the median."""
    first = next(iter(ablation.grid.configs))
    config, _ = ablation.grid.variants[variant]
    seconds = [ablation.step_s[Run(config, seed)] for seed in ablation.grid.seeds]
    first_seconds = [ablation.step_s[Run(first, seed)] for seed in ablation.grid.seeds]
    ratios = np.array(seconds) / np.array(first_seconds)
    return float(np.median(ratios)) if np.isfinite(ratios).all() else None


def _content(ablation: Ablation) -> dict[str, Any]:
    """What the template shows."""
    evaluation = ablation.evaluation
    shown = [name for name in SHOWN if _applies(name, evaluation.systems)]
    return {
        "baseline": evaluation.systems[0].title,
        "part": ablation.grid.part,
        "seeds": list(ablation.grid.seeds),
        "n_sentences": len(set(evaluation.systems[0].speech.texts)),
        "metrics": [metric(name) for name in shown],
        "lines": [_line(ablation, scores, shown) for scores in evaluation.all],
        "pareto": _pareto(evaluation.systems),
    }


def _applies(name: str, variants: Sequence[Scores]) -> bool:
    """Tells whether any variant has a figure of a metric."""
    return any(scores.figures.get(name) for scores in variants)


def _line(ablation: Ablation, scores: Scores, shown: Sequence[str]) -> dict[str, Any]:
    """Figures of one variant, or of natural speech, and its configuration."""
    differences = ablation.evaluation.differences.get(scores.title, {})
    config = None
    if variant := ablation.grid.variants.get(scores.title):
        config = ablation.grid.configs[variant[0]]
    return {
        "title": scores.title,
        "cells": [Cell.of(metric(name), scores.figures.get(name)) for name in shown],
        "differences": [Cell.difference(metric(name), differences.get(name)) for name in shown],
        "step": step_ratio(ablation, scores.title) if config else None,
        "config": config.read_text(encoding="utf-8") if config else "",
    }


def _pareto(variants: Sequence[Scores]) -> str | None:
    """A plot of emotion over spectrum, as the address of an image; None where no variant has both figures."""
    points = []
    for scores in variants:
        x, y = scores.figures.get(PARETO_X), scores.figures.get(PARETO_Y)
        if x and y:
            points.append((scores.title, x, y))
    if not points:
        return None
    x_label = f"{metric(PARETO_X).title} ({metric(PARETO_X).unit}), lower is better"
    y_label = f"emotion {metric(PARETO_Y).title}, higher is better"
    return data_uri("image/png", pareto_plot(points, (x_label, y_label)))
