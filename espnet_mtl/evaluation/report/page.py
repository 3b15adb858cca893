"""The report: one HTML page to look at and listen to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet_mtl.evaluation.encoders import encodes, plane, read_encoders, styles_of_recordings
from espnet_mtl.evaluation.metrics import METRICS
from espnet_mtl.evaluation.report.curves import Curve, ending, read_curves
from espnet_mtl.evaluation.report.faces import face_cards
from espnet_mtl.evaluation.report.players import Players
from espnet_mtl.evaluation.report.plots import curves_plot, map_plot, speech_plot
from espnet_mtl.evaluation.report.render import data_uri, render
from espnet_mtl.evaluation.report.table import Cell, MetricRow, columns, rows
from espnet_mtl.evaluation.result import Evaluation
from espnet_mtl.evaluation.scores import Scores
from espnet_mtl.system.files import whole_directory

TEMPLATE = "evaluation/report/report.html.j2"
NORMS = "gradient norms, by tap and task"
GAME = frozenset({"d", "real", "fake", "g", "fm"})
"""Figures of a discriminator (`espnet_mtl.model.heads.discriminator`)."""
SENTENCES, PLOTS, WORST = 2, 4, 8
"""How many sentences to listen to, spectrograms, and utterances farthest from natural speech the page shows."""
AUDIO_BYTES = 9_000_000
"""Of the players' audio in the page, encoded: the page stays below 15 MB."""
BREAKDOWN = (
    "mcd_db", "log_f0_rmse", "log_f0_sd_ratio", "emotion_accuracy", "emotion_accuracy_cnn",
    "transfer_emotion_accuracy", "speaker_similarity", "transfer_speaker_similarity", "phone_error_rate",
)  # fmt: skip
"""Metrics that are shown by emotion and by speaker."""


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
        players = Players(AUDIO_BYTES, temporary if audio_beside else None)
        html = render(TEMPLATE, _content(evaluation, exps, players))
        (temporary / "index.html").write_text(html, encoding="utf-8")
    return directory / "index.html"


def _content(evaluation: Evaluation, exps: Sequence[Path], players: Players) -> dict[str, Any]:
    first, table = _first(evaluation), rows(evaluation)
    return {
        "tag": first.title,
        "n_utterances": len(first.speech.utts),
        "n_sentences": len(set(first.speech.texts)),
        "columns": columns(evaluation),
        "rows": table,
        "groups": list(dict.fromkeys(row.metric.group for row in table)),
        "verdicts": _verdicts(evaluation, table),
        "breakdowns": [
            _breakdown(evaluation, "emotion", [one.speech.emotions for one in evaluation.all]),
            _breakdown(evaluation, "speaker", [one.speech.speakers for one in evaluation.all]),
        ],
        "worst": list(_worst(evaluation, players)),
        "faces": list(face_cards(evaluation, first, exps, players)),
        "sentences": [_grid(evaluation, sentence, players) for sentence in _sentences(first)],
        "plots": list(_plots(evaluation)),
        "confusions": [_confusion(scores) for scores in evaluation.all if scores.named_emotions.any()],
        "curves": list(_curves(exps)),
        "maps": list(_maps(evaluation, exps)),
        "held_out": evaluation.held_out,
        "durations": evaluation.durations,
        "cut_off": evaluation.cut_off,
        "configs": {exp.name: (exp / "config.yaml").read_text(encoding="utf-8") for exp in exps},
        "packages": evaluation.json()["packages"],
    }


def _first(evaluation: Evaluation) -> Scores:
    """The first system that is compared with the baseline, else the first one; natural speech where there is none."""
    return [*evaluation.compared, *evaluation.systems, *evaluation.references][0]


def _verdicts(evaluation: Evaluation, table: Sequence[MetricRow]) -> list[dict[str, Any]]:
    """What each compared system does surely better and worse than the baseline."""
    if evaluation.baseline is None:
        return []
    verdicts = []
    # In each row, the cells of the differences come after those of all systems.
    for place, system in enumerate(evaluation.compared, len(evaluation.all)):
        better = [row for row in table if row.cells[place].verdict == "better"]
        worse = [row for row in table if row.cells[place].verdict == "worse"]
        verdicts.append(
            {
                "title": system.title,
                "baseline": evaluation.baseline.title,
                "better": list(map(_name, better)),
                "worse": list(map(_name, worse)),
            }
        )
    return verdicts


def _name(row: MetricRow) -> str:
    return f"{row.metric.group.lower()} {row.metric.title}"


def _breakdown(evaluation: Evaluation, label: str, names: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Figures of each system by emotion or speaker.

    Args:
        evaluation: What is shown.
        label: "emotion" or "speaker".
        names: The emotion or speaker of each utterance, for each of `evaluation.all`.
    """
    groups: dict[str, list[tuple[str, list[Cell]]]] = {}
    for name in sorted(set().union(*names) - {""}):
        groups[name] = []
        for scores, labels in zip(evaluation.all, names, strict=True):
            chosen = np.array(labels) == name
            cells = [Cell.of(METRICS[metric], scores.figure(metric, chosen)) for metric in BREAKDOWN]
            groups[name].append((scores.title, cells))
    return {"label": label, "metrics": [METRICS[metric] for metric in BREAKDOWN], "groups": groups}


def _curves(exps: Sequence[Path]) -> Iterator[dict[str, str]]:
    """Training curves of each experiment that logged some."""
    for exp in exps:
        panels = _panels(read_curves(exp))
        if panels:
            yield {"title": exp.name, "image": data_uri("image/png", curves_plot(panels, [NORMS]))}


def _panels(logged: dict[str, dict[str, Curve]]) -> list[tuple[str, dict[str, Curve]]]:
    """Losses, accuracies, task weights, and what the gradients of tasks do to each other: title and curves of each."""
    main: dict[str, Curve] = {}
    for part, curves in logged.items():
        for name in ("l1", "tts"):
            if f"{name}_loss" in curves:
                main[f"{name} {part}"] = curves[f"{name}_loss"]
    train, valid = logged.get("train", {}), logged.get("valid", {})
    norms = ending(train, "_norm")
    norms.pop("grad", None)  # that of the whole model, which ESPnet logs
    shares = ending(train, "_share")
    panels = {
        "spectrogram and whole TTS loss": main,
        "task losses, validation": ending(valid, "_loss"),
        "accuracies, validation": ending(valid, "_acc"),
        "discriminators, validation": {name: curve for name, curve in valid.items() if name.split("_")[-1] in GAME},
        "task weights λ w": ending(train, "_weight"),
        NORMS: norms,
        "cosines of gradients, by tap": ending(train, "_cos"),
        # A share that is always 1 is that of a task alone at its tap.
        "shares of gradients": {name: curve for name, curve in shares.items() if (curve[:, 1] != 1).any()},
    }
    return [(title, curves) for title, curves in panels.items() if curves]


def _maps(evaluation: Evaluation, exps: Sequence[Path]) -> Iterator[dict[str, str]]:
    """Styles of natural test speech, in each model that has a reference encoder."""
    speech = evaluation.references[0].speech
    for exp in exps:
        if not encodes(exp, "reference"):
            continue
        styles = styles_of_recordings(read_encoders(exp, "reference"), speech)
        image = map_plot(plane(styles.vectors), {"by emotion": speech.emotions, "by speaker": speech.speakers})
        yield {"title": exp.name, "image": data_uri("image/png", image)}


def _sentences(scores: Scores) -> list[str]:
    """The sentences that come in most speaker and emotion combinations."""
    return [sentence for sentence, _ in Counter(scores.speech.texts).most_common(SENTENCES)]


def _grid(evaluation: Evaluation, sentence: str, players: Players) -> dict[str, Any]:
    """Players of one sentence by speaker and emotion; `unseen` marks pairs that are not in the training speech."""
    first = _first(evaluation)
    unseen = np.isfinite(first.values["transfer_emotion_accuracy"])
    speech = first.speech
    speakers: dict[str, list[dict[str, Any]]] = {}
    for i, utt in enumerate(speech.utts):
        if speech.texts[i] == sentence:
            cell = {"emotion": speech.emotions[i], "unseen": unseen[i], "players": players.of(evaluation, utt)}
            speakers.setdefault(speech.speakers[i], []).append(cell)
    return {"text": sentence, "speakers": speakers}


def _plots(evaluation: Evaluation) -> Iterator[dict[str, str]]:
    """Spectrograms and F0 of one utterance for each of the first emotions, each by another speaker."""
    speech, natural = _first(evaluation).speech, evaluation.references[0]
    speakers = sorted(set(speech.speakers))
    emotions = sorted(set(speech.emotions) - {""})[:PLOTS]
    for number, emotion in enumerate(emotions):
        speaker = speakers[number % len(speakers)]
        for utt, pair, text in zip(speech.utts, speech.pairs, speech.texts, strict=True):
            if pair == (speaker, emotion) and utt in natural.speech.utts:
                image = data_uri("image/png", _plot(evaluation, utt))
                yield {"title": f"{speaker}, {emotion}: {text}", "image": image}
                break


def _plot(evaluation: Evaluation, utt: str) -> bytes:
    """Spectrograms and F0 of an utterance by natural speech and by every system that has it."""
    shown = []
    for scores in (evaluation.references[0], *evaluation.systems):
        if utt in scores.speech.utts:
            shown.append((scores.title, scores.features[scores.speech.utts.index(utt)]))
    return speech_plot(shown)


def _confusion(scores: Scores) -> dict[str, Any]:
    """Share of each intended emotion that the probe on functionals names so, for labelled utterances."""
    intended, named = np.array(scores.speech.emotions), scores.named_emotions
    names = sorted({*intended, *named} - {""})
    table: dict[str, list[float]] = {}
    for name in names:
        answers = named[intended == name]
        if len(answers):
            table[name] = [float(np.mean(answers == other)) for other in names]
    return {"title": scores.title, "names": names, "table": table}


def _worst(evaluation: Evaluation, players: Players) -> Iterator[dict[str, Any]]:
    """The utterances of most mel-cepstral distortion."""
    first = _first(evaluation)
    speech, mcd = first.speech, first.values["mcd_db"]
    order = np.argsort(-np.nan_to_num(mcd, nan=-1))[:WORST]
    for i in order.tolist():
        if np.isfinite(mcd[i]):
            yield {
                "mcd": f"{mcd[i]:.2f}",
                "who": f"{speech.speakers[i]}, {speech.emotions[i]}",
                "text": speech.texts[i],
                "players": players.of(evaluation, speech.utts[i]),
            }
