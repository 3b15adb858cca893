"""The report: one HTML page to look at and listen to."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import soundfile

from espnet_mtl.evaluation.evaluate import Evaluation
from espnet_mtl.evaluation.metrics import METRICS, Scores
from espnet_mtl.evaluation.report.curves import ending, read_curves
from espnet_mtl.evaluation.report.plots import curves_plot, map_plot, speech_plot
from espnet_mtl.evaluation.report.table import Cell, Row, columns, rows
from espnet_mtl.evaluation.style_map import ReferenceListener, has_reference, plane, styles_of
from espnet_mtl.system.files import whole_directory

PAGE = "evaluation/report/report.html.j2"
NORMS = "gradient norms, by tap and task"
SENTENCES, PLOTS, WORST = 2, 4, 8
AUDIO_BYTES = 9_000_000
"""Of the players' audio in the page, encoded: the page stays below 15 MB."""
BREAKDOWN = (
    "mcd_db", "log_f0_rmse", "log_f0_sd_ratio", "emotion_accuracy", "emotion_accuracy_cnn",
    "transfer_emotion_accuracy", "speaker_similarity", "transfer_speaker_similarity", "phone_error_rate",
)  # fmt: skip


def write_report(
    directory: Path, evaluation: Evaluation, exps: Sequence[Path] = (), audio_beside: bool = False
) -> Path:
    """Writes `index.html` in a directory, whole or not at all, and returns its path.

    Args:
        directory: Where the page goes; what was there is replaced.
        evaluation: What it shows.
        exps: exp/<tag> of the systems that were trained here, for their curves, styles and configurations.
        audio_beside: Whether all recordings are files beside the page instead of some inside it.
    """
    with whole_directory(directory) as temporary:
        audio = Audio(AUDIO_BYTES, temporary if audio_beside else None)
        (temporary / "index.html").write_text(render(PAGE, _content(evaluation, exps, audio)), encoding="utf-8")
    return directory / "index.html"


def render(page: str, content: Mapping[str, Any]) -> str:
    """Fills a template of this package."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("espnet_mtl", ".")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(page).render(content)


def _content(evaluation: Evaluation, exps: Sequence[Path], audio: Audio) -> dict[str, Any]:
    first, table = _first(evaluation), rows(evaluation)
    return {
        "tag": first.title,
        "n_utterances": len(first.speech.utts),
        "n_sentences": len(set(first.speech.texts)),
        "columns": columns(evaluation),
        "rows": table,
        "groups": list(dict.fromkeys(row.metric.group for row in table)),
        "verdicts": _verdicts(evaluation, table),
        "breakdowns": [_breakdown(evaluation, "emotion"), _breakdown(evaluation, "speaker")],
        "worst": list(_worst(evaluation, audio)),
        "sentences": [_grid(evaluation, sentence, audio) for sentence in _sentences(first)],
        "plots": list(_plots(evaluation)),
        "confusions": [_confusion(scores) for scores in evaluation.all if scores.heard.any()],
        "curves": [{"title": exp.name, "image": image} for exp in exps if (image := _curves(exp))],
        "maps": list(_maps(evaluation, exps)),
        "held_out": evaluation.held_out,
        "durations": evaluation.durations,
        "configs": {exp.name: (exp / "config.yaml").read_text(encoding="utf-8") for exp in exps},
        "packages": evaluation.json()["packages"],
    }


def _first(evaluation: Evaluation) -> Scores:
    """The first system that is compared with the baseline, else the first one; natural speech where there is none."""
    return [*evaluation.compared, *evaluation.systems, *evaluation.references][0]


def _verdicts(evaluation: Evaluation, table: Sequence[Row]) -> list[dict[str, Any]]:
    """What each compared system does surely better and worse than the baseline."""
    n_systems = len(evaluation.all)
    return [
        {
            "title": system.title,
            "baseline": evaluation.baseline.title if evaluation.baseline else "",
            **{
                verdict: [_name(row) for row in table if row.cells[n_systems + i].verdict == verdict]
                for verdict in ("better", "worse")
            },
        }
        for i, system in enumerate(evaluation.compared)
    ]


def _name(row: Row) -> str:
    return f"{row.metric.group.lower()} {row.metric.title}"


def _breakdown(evaluation: Evaluation, label: str) -> dict[str, Any]:
    """Figures of each system by emotion or speaker."""
    of = {one.title: np.array(getattr(one.speech, f"{label}s")) for one in evaluation.all}
    names = sorted({name for labels in of.values() for name in labels} - {""})
    groups = {
        name: [
            (one.title, [Cell.of(METRICS[metric], one.figure(metric, of[one.title] == name)) for metric in BREAKDOWN])
            for one in evaluation.all
        ]
        for name in names
    }
    return {"label": label, "metrics": [METRICS[metric] for metric in BREAKDOWN], "groups": groups}


def _curves(exp: Path) -> str:
    """Losses, accuracies, task weights, and what the gradients of tasks do to each other, over time."""
    logged = read_curves(exp)
    if not logged:
        return ""
    main = {
        f"{name} {part}": curves[f"{name}_loss"]
        for part, curves in logged.items()
        for name in ("l1", "tts")
        if f"{name}_loss" in curves
    }
    train, valid = logged.get("train", {}), logged.get("valid", {})
    panels = {
        "spectrogram and whole TTS loss": main,
        "task losses, validation": ending(valid, "_loss"),
        "accuracies, validation": ending(valid, "_acc"),
        "task weights λ w": ending(train, "_weight"),
        NORMS: {n: c for n, c in ending(train, "_norm").items() if n != "grad"},
        "cosines of gradients, by tap": ending(train, "_cos"),
        "shares of gradients": {n: c for n, c in ending(train, "_share").items() if (c[:, 1] != 1).any()},
    }
    shown = [(title, curves) for title, curves in panels.items() if curves]
    return data_uri("image/png", curves_plot(shown, [NORMS]))


def _maps(evaluation: Evaluation, exps: Sequence[Path]) -> Iterator[dict[str, str]]:
    """Styles of natural test speech, in each model that has a reference encoder."""
    speech = evaluation.references[0].speech
    for exp in filter(has_reference, exps):
        points = plane(styles_of(ReferenceListener(exp), speech).vectors)
        image = map_plot(points, {"by emotion": speech.emotions, "by speaker": speech.speakers})
        yield {"title": exp.name, "image": data_uri("image/png", image)}


class Audio:
    """Recordings for players: as data URIs until `limit` bytes are spent, or as files in `directory`."""

    def __init__(self, limit: int, directory: Path | None = None):
        self.left, self._directory = limit, directory

    def players(self, evaluation: Evaluation, utt: str) -> list[tuple[str, str]]:
        """Title and address of an utterance by every system that has it, natural speech first."""
        systems = [evaluation.references[0], *evaluation.systems]
        found = [(i, one.title, one.speech.wav(utt)) for i, one in enumerate(systems)]
        return [(title, uri) for i, title, path in found if path and (uri := self._address(path, f"{i}_{utt}"))]

    def _address(self, path: str, name: str) -> str:
        if self._directory is None and self.left <= 0:
            return ""
        samples, fs = soundfile.read(path)
        file = io.BytesIO()
        soundfile.write(file, samples, fs, "PCM_16", format="FLAC")
        if self._directory is not None:
            (self._directory / "audio").mkdir(exist_ok=True)
            (self._directory / f"audio/{name}.flac").write_bytes(file.getvalue())
            return f"audio/{quote(name)}.flac"
        encoded = data_uri("audio/flac", file.getvalue())
        self.left -= len(encoded)
        return encoded


def data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _sentences(scores: Scores) -> list[str]:
    """The sentences that come in most speaker and emotion combinations."""
    return [sentence for sentence, _ in Counter(scores.speech.texts).most_common(SENTENCES)]


def _grid(evaluation: Evaluation, sentence: str, audio: Audio) -> dict[str, Any]:
    """Players of one sentence by speaker and emotion; `unseen` marks pairs that training never heard."""
    experiment = _first(evaluation)
    speakers: dict[str, list[dict[str, Any]]] = {}
    unseen = np.isfinite(experiment.values["transfer_emotion_accuracy"])
    speech = experiment.speech
    for i, utt in enumerate(speech.utts):
        if speech.texts[i] == sentence:
            cell = {"emotion": speech.emotions[i], "unseen": unseen[i], "players": audio.players(evaluation, utt)}
            speakers.setdefault(speech.speakers[i], []).append(cell)
    return {"text": sentence, "speakers": speakers}


def _plots(evaluation: Evaluation) -> Iterator[dict[str, str]]:
    """Spectrograms and F0 of one utterance for each of the first emotions, each by another speaker."""
    speech, natural = _first(evaluation).speech, evaluation.references[0]
    speakers = sorted(set(speech.speakers))
    for number, emotion in enumerate(sorted(set(speech.emotions) - {""})[:PLOTS]):
        wanted = (speakers[number % len(speakers)], emotion)
        utts = [utt for utt, pair in zip(speech.utts, speech.pairs, strict=True) if pair == wanted]
        if common := [utt for utt in utts if utt in natural.speech.utts]:
            shown = [
                (one.title, one.analyses[one.speech.utts.index(common[0])])
                for one in (natural, *evaluation.systems)
                if common[0] in one.speech.utts
            ]
            text = speech.texts[speech.utts.index(common[0])]
            image = data_uri("image/png", speech_plot(shown))
            yield {"title": f"{wanted[0]}, {emotion}: {text}", "image": image}


def _confusion(scores: Scores) -> dict[str, Any]:
    """Share of each intended emotion that the probe on functionals named so, for labelled utterances."""
    intended = np.array(scores.speech.emotions)
    names = sorted((set(scores.speech.emotions) | set(scores.heard)) - {""})
    table = {
        name: [float(np.mean(scores.heard[intended == name] == heard)) for heard in names]
        for name in names
        if (intended == name).any()
    }
    return {"title": scores.title, "names": names, "table": table}


def _worst(evaluation: Evaluation, audio: Audio) -> Iterator[dict[str, Any]]:
    experiment = _first(evaluation)
    mcd = experiment.values["mcd_db"]
    order = [i for i in np.argsort(-np.nan_to_num(mcd, nan=-1))[:WORST] if np.isfinite(mcd[i])]
    for i in order:
        speech = experiment.speech
        yield {
            "mcd": f"{mcd[i]:.2f}",
            "who": f"{speech.speakers[i]}, {speech.emotions[i]}",
            "text": speech.texts[i],
            "players": audio.players(evaluation, speech.utts[i]),
        }
