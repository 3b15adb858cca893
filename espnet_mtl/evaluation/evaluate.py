"""Stage 7: decoded test speech of one or two experiments, judged; figures as JSON and as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet_mtl.config import DECODE_OPTIONS, read_yaml
from espnet_mtl.data.kaldi import require, write_text
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.analysis import Recording, analyze_all
from espnet_mtl.evaluation.judge import Judge
from espnet_mtl.evaluation.metrics import METRICS, Scores, score
from espnet_mtl.evaluation.speech_set import SpeechSet, read_speech_set

VERSION = 1


@dataclass(frozen=True)
class Evaluation:
    """Scores of an experiment, beside natural speech and a baseline."""

    experiment: Scores
    natural: Scores
    natural_vocoded: Scores
    baseline: Scores | None = None

    @property
    def systems(self) -> list[Scores]:
        """All systems, from natural speech to the experiment."""
        systems = [self.natural, self.natural_vocoded, self.baseline, self.experiment]
        return [scores for scores in systems if scores]

    def json(self) -> dict[str, Any]:
        """Returns what `metrics.json` holds; `metrics.schema.json` in this package describes it."""
        figures: dict[str, Any] = {"version": VERSION, "tag": self.experiment.title, **_figures(self.experiment)}
        figures |= {"natural": _figures(self.natural), "natural_vocoded": _figures(self.natural_vocoded)}
        if self.baseline:
            differences = {name: self.experiment.difference(name, self.baseline) for name in METRICS}
            shown = {name: figure.json() if figure else None for name, figure in differences.items()}
            figures["baseline"] = {"tag": self.baseline.title, **_figures(self.baseline), "difference": shown}
        return figures


def _figures(scores: Scores) -> dict[str, Any]:
    figures = {name: scores.figure(name) for name in METRICS}
    return {
        "n_utterances": len(scores.speech.utts),
        **{name: figure.json() if figure else None for name, figure in figures.items()},
    }


def evaluate(exp: Path, dump: Path, inference_config: Path, baseline: Path | None = None, nj: int = 1) -> Evaluation:
    """Judges the decoded test speech of an experiment and writes its metrics.json, and its baseline's.

    Args:
        exp: exp/<tag> (stages 5 and 6).
        dump: dump/raw (stages 2 and 3).
        inference_config: The decoding configuration; its name names the directory in `exp`.
        baseline: Another experiment to compare with.
        nj: Parallel processes.

    Raises:
        UserError: Something that an earlier stage makes is missing.
    """
    require([exp / "config.yaml"], "stage 5")
    config, inference = read_yaml(exp / "config.yaml"), read_yaml(inference_config)
    used = decoded_directory(exp, inference_config) / DECODE_OPTIONS
    inference = read_yaml(used) if used.is_file() else inference
    if not config.get("feats_extract_conf"):
        raise UserError(f"{exp / 'config.yaml'}: no feats_extract_conf, which says how spectrograms were made")
    directories = [decoded_directory(path, inference_config) for path in (exp, baseline) if path]
    sets = [read_speech_set(directory, "stage 6") for directory in directories]
    for directory in directories:
        require([directory / name for name in ("pitch.scp", "durations")], "stage 6")
    judge = Judge(dump, vocoder_settings(config, inference), nj)
    natural = score("natural", judge.test, judge.natural, judge)
    vocoded = score("natural vocoded", judge.test, judge.natural_vocoded, judge)
    scores = [_score(path.name, speech, judge) for path, speech in zip((exp, baseline), sets, strict=False) if path]
    evaluations = [Evaluation(one, natural, vocoded) for one in scores]
    if baseline:
        evaluations[0] = Evaluation(scores[0], natural, vocoded, scores[1])
    for evaluation, directory in zip(evaluations, directories, strict=True):
        write_text(directory / "metrics.json", json.dumps(evaluation.json(), indent=2) + "\n")
    return evaluations[0]


def decoded_directory(exp: Path, inference_config: Path) -> Path:
    """Where stage 6 puts the test set of an experiment."""
    return exp / inference_config.stem / "test"


def vocoder_settings(config: Mapping[str, Any], inference: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `build_vocoder` for the vocoder that stage 6 used, from training and decoding configurations."""
    griffin_lim = {key: inference[key] for key in ("griffin_lim_iters",) if key in inference}
    return {
        "features": config["feats_extract_conf"],
        "vocoder_config": inference.get("vocoder_config") or griffin_lim,
        "vocoder_file": inference.get("vocoder_file"),
    }


def _score(title: str, speech: SpeechSet, judge: Judge) -> Scores:
    analyses = analyze_all([Recording(path) for path in speech.wavs], judge.nj, f"speech of {title}")
    return score(title, speech, analyses, judge)
