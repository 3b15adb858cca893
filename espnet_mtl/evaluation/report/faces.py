"""Faces beside the speech that they go with, for the report."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from numpy.typing import NDArray

from espnet_mtl.data.dump import MEDIA_SCP, VISUAL_NOTE, VISUAL_SCP
from espnet_mtl.data.kaldi import read_optional
from espnet_mtl.data.utterances import read_visual
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.encoders import encodes, read_encoders, styles_of_faces
from espnet_mtl.evaluation.report.players import Players
from espnet_mtl.evaluation.report.render import data_uri
from espnet_mtl.evaluation.result import Evaluation
from espnet_mtl.evaluation.scores import Scores
from espnet_mtl.evaluation.speech_set import SpeechSet
from espnet_mtl.inference.sets.decoding import STYLE_SOURCES
from espnet_mtl.visual.extractors.build import build_extractor
from espnet_mtl.visual.sources import source_of
from espnet_mtl.visual.unusable import UnusableVisual

SIDE = 96
"""Pixels of a picture."""
NAMED = 2
"""How many of the emotions that a face is seen as are named."""


@dataclass(frozen=True)
class FaceCard:
    """A face, and an utterance that goes with it.

    Attributes:
        title: Who speaks in which emotion.
        face: Whose face it is.
        picture: It, as the address of an image.
        seen: What the visual encoder sees in it: emotions and their shares, the largest first.
        text: What is said.
        players: By whom, and the addresses of the recordings.
    """

    title: str
    face: str
    picture: str
    seen: list[tuple[str, float]]
    text: str
    players: list[tuple[str, str]]


def face_cards(evaluation: Evaluation, scores: Scores, exps: Sequence[Path], players: Players) -> Iterator[FaceCard]:
    """Yields an utterance for each emotion, each by another speaker where there is one, with a face that can be shown.

    That is the face that gave the emotion, where faces did, and else that of the natural recording.

    Args:
        evaluation: What is shown.
        scores: Its first system.
        exps: exp/<tag> of the systems: one with a visual encoder says what it sees.
        players: Of the recordings.
    """
    natural, speech = evaluation.references[0].speech, scores.speech
    usable, files = _faces_to_show(natural.directory)
    owners = dict(zip(natural.utts, natural.speakers, strict=True))
    sources = read_optional(speech.directory / STYLE_SOURCES)
    seen_in = _seen(natural, exps)
    speakers = sorted(set(speech.speakers))
    for number, emotion in enumerate(sorted(set(speech.emotions) - {""})):
        for place in _places(speech, emotion, speakers[number % len(speakers)]):
            utt = speech.utts[place]
            source = sources.get(utt, utt)
            shown = source in usable and source in files and source in owners
            picture = picture_of(files[source]) if shown else None
            if picture is None:
                continue
            yield FaceCard(
                title=f"{speech.speakers[place]}, {emotion}",
                face=f"face of {owners[source]}",
                picture=picture,
                seen=seen_in.get(source, []),
                text=speech.texts[place],
                players=players.of(evaluation, utt),
            )
            break


def _faces_to_show(natural: Path) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Reads which utterances have a face that stage 3 could use, and its file; none where these are no pictures."""
    note = natural.parent / VISUAL_NOTE
    if note.is_file() and json.loads(note.read_text(encoding="utf-8"))["extractor"] == "embedding":
        return {}, {}
    return read_visual(natural / VISUAL_SCP), read_visual(natural / MEDIA_SCP)


def _places(speech: SpeechSet, emotion: str, speaker: str) -> list[int]:
    """Places of the utterances of an emotion, those of a speaker first."""
    places = [place for place, own in enumerate(speech.emotions) if own == emotion]
    return sorted(places, key=lambda place: speech.speakers[place] != speaker)


def _seen(natural: SpeechSet, exps: Sequence[Path]) -> Mapping[str, list[tuple[str, float]]]:
    """What the first model with a visual encoder sees in each face; nothing where no model has one."""
    for exp in exps:
        if encodes(exp, "visual"):
            styles = styles_of_faces(read_encoders(exp, "visual"), natural)
            return {utt: _largest(styles.names, row) for utt, row in zip(natural.utts, styles.weights, strict=True)}
    return {}


def _largest(names: Sequence[str], weights: NDArray) -> list[tuple[str, float]]:
    """The emotions of most weight (K,)."""
    order = (-weights).argsort()[:NAMED]
    return [(names[number], float(weights[number])) for number in order]


def picture_of(path: str) -> str | None:
    """Returns the middle frame of a face as the address of an image; None where nothing can be shown of it.

    Nor can it where OpenCV, which finds the face in a picture, is missing: a report is made without it.
    """
    extractor = build_extractor("crops", {"size": SIDE})
    try:
        frames = extractor(source_of(path))
    except (UnusableVisual, UserError):
        return None
    return _as_image(frames[len(frames) // 2].reshape(SIDE, SIDE))


def _as_image(greys: NDArray) -> str:
    """Greys (H, W) from 0 to 1, as the address of an image."""
    from matplotlib.image import imsave

    file = io.BytesIO()
    imsave(file, greys, cmap="gray", vmin=0, vmax=1, format="png")
    return data_uri("image/png", file.getvalue())
