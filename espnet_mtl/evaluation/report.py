"""The report: one self-contained HTML page to look at and listen to."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from espnet_mtl.data.kaldi import whole_directory
from espnet_mtl.evaluation.evaluate import Evaluation
from espnet_mtl.evaluation.metrics import Scores
from espnet_mtl.evaluation.plots import speech_plot
from espnet_mtl.evaluation.table import headings, rows

PAGE = "report.html.j2"
SENTENCES, PLOTS, WORST = 2, 4, 8
AUDIO_BYTES = 9_000_000
"""Of the players' audio in the page, encoded: the page stays below 15 MB."""


def write_report(directory: Path, evaluation: Evaluation) -> Path:
    """Writes `index.html` in a directory, whole or not at all, and returns its path."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("espnet_mtl.evaluation", ".")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template(PAGE).render(_content(evaluation))
    with whole_directory(directory) as temporary:
        (temporary / "index.html").write_text(page, encoding="utf-8")
    return directory / "index.html"


def _content(evaluation: Evaluation) -> dict[str, Any]:
    experiment, audio = evaluation.experiment, Audio(AUDIO_BYTES)
    return {
        "tag": experiment.title,
        "n_utterances": len(experiment.speech.utts),
        "n_sentences": len(set(experiment.speech.texts)),
        "headings": headings(),
        "rows": rows(evaluation),
        "worst": list(_worst(evaluation, audio)),
        "sentences": [_grid(evaluation, sentence, audio) for sentence in _sentences(experiment)],
        "plots": list(_plots(evaluation)),
        "confusions": [_confusion(scores) for scores in evaluation.systems[1:]],
    }


class Audio:
    """Recordings as data URIs, until `limit` bytes are spent."""

    def __init__(self, limit: int):
        self.left = limit

    def players(self, evaluation: Evaluation, utt: str) -> list[tuple[str, str]]:
        """Title and data URI of an utterance by every system that has it, natural speech first."""
        systems = [evaluation.natural, evaluation.baseline, evaluation.experiment]
        found = [(s.title, s.speech.wavs[s.speech.utts.index(utt)]) for s in systems if s and utt in s.speech.utts]
        return [(title, uri) for title, path in found if (uri := self._uri(path))]

    def _uri(self, path: str) -> str:
        if self.left <= 0:
            return ""
        samples, fs = soundfile.read(path)
        file = io.BytesIO()
        soundfile.write(file, samples, fs, "PCM_16", format="FLAC")
        encoded = _data_uri("audio/flac", file.getvalue())
        self.left -= len(encoded)
        return encoded


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _sentences(scores: Scores) -> list[str]:
    """The sentences that come in most speaker and emotion combinations."""
    return [sentence for sentence, _ in Counter(scores.speech.texts).most_common(SENTENCES)]


def _grid(evaluation: Evaluation, sentence: str, audio: Audio) -> dict[str, Any]:
    """Players of one sentence by speaker and emotion; `unseen` marks pairs that training never heard."""
    experiment = evaluation.experiment
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
    speech, natural = evaluation.experiment.speech, evaluation.natural
    speakers = sorted(set(speech.speakers))
    for number, emotion in enumerate(sorted(set(speech.emotions) - {""})[:PLOTS]):
        wanted = (speakers[number % len(speakers)], emotion)
        utts = [utt for utt, pair in zip(speech.utts, speech.pairs, strict=True) if pair == wanted]
        if common := [utt for utt in utts if utt in natural.speech.utts]:
            systems = [natural, *([evaluation.baseline] if evaluation.baseline else []), evaluation.experiment]
            shown = [
                (s.title, s.analyses[s.speech.utts.index(common[0])]) for s in systems if common[0] in s.speech.utts
            ]
            text = speech.texts[speech.utts.index(common[0])]
            image = _data_uri("image/png", speech_plot(shown))
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
    experiment = evaluation.experiment
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
