"""Whether the emotion of a face is said, and faces find their recordings: of faces as in training, and of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.corpora.demo import FACE_SIDE, SPEAKERS, Demo
from espnet_mtl.data.dump import MEDIA_SCP, VISUAL_SCP
from espnet_mtl.data.utterances import read_visual
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.encoder_metrics import matching
from espnet_mtl.evaluation.encoders import Encoders, encode_faces, styles_of_recordings
from espnet_mtl.evaluation.speech_set import SpeechSet
from espnet_mtl.system.audio_files import read_mono
from espnet_mtl.system.progress import progress
from espnet_mtl.visual.extractors.build import build_extractor
from espnet_mtl.visual.sources import source_of
from espnet_mtl.visual.unusable import UnusableVisual

from .emotions import functionals_said, named_right, recording_for
from .figures import Figures
from .probing import Probes
from .subject import Subject

NO_FACES = "this model has no visual encoder (style_conf.visual of its training YAML)"
STRANGER = "a stranger"
UNSEEN_STYLE = "sketched"
Face = str | NDArray[np.uint8]
"""A file, or crops (T, H, W)."""


@dataclass(frozen=True)
class Drawing:
    """A way of drawing the demo's faces anew.

    Attributes:
        title: What is new.
        person: Whose face; None: that of the speaker.
        style: How it is drawn; None: as the corpus has it.
        pictured: Whether it has to be found in a picture, as those of users.
    """

    title: str
    person: str | None = None
    style: str | None = None
    pictured: bool = False


DRAWINGS = {
    "person": Drawing("faces of somebody unseen", STRANGER),
    "style": Drawing("faces in an unseen style of drawing", style=UNSEEN_STYLE),
    "both": Drawing("faces of somebody unseen in an unseen style", STRANGER, UNSEEN_STYLE),
    "picture": Drawing("faces found in pictures", pictured=True),
}
PICTURE = (240, 320)
"""Height and width of a picture."""
PICTURED = (120, 200)
"""Least and largest side of a face in it."""
GREY = 120


def measure_faces(subject: Subject, probes: Probes, drawn: bool) -> Figures:
    """Measures what a model makes of the faces of the part.

    Args:
        subject: The model, and what it says.
        probes: They judge it.
        drawn: Whether the part is of the demo, whose faces are drawn anew as well, as training never saw them.

    Raises:
        UserError: The model has no visual encoder, the part no face, or it is not of the demo.
    """
    style = subject.tts.model.style
    if style is None or style.visual is None:
        raise UserError(NO_FACES)
    figures = Figures()
    part, faces = _part_with_faces(subject.part)
    titles = {"own": "faces of the set", **{name: drawing.title for name, drawing in DRAWINGS.items()}}
    labelled = _said_right(subject, probes, "by label", [{} for _ in subject.cells])
    texts = [cell.text for cell in subject.cells]
    figures.add("labelled", "emotion by label", labelled[0], texts)
    with TemporaryDirectory() as directory:
        kinds: dict[str, Mapping[str, Face]] = {"own": faces}
        if drawn:
            kinds |= {name: _drawn(part, drawing, Path(directory)) for name, drawing in DRAWINGS.items()}
        for kind, shown in kinds.items():
            seen = _add_encoded(figures, subject, part, shown, kind, titles[kind])
            random = np.random.default_rng(0)
            sources = [recording_for(cell, seen, random) for cell in subject.cells]
            _add_said(figures, subject, probes, sources, shown, kind, titles[kind], labelled[0])
    return figures


def _part_with_faces(part: SpeechSet) -> tuple[SpeechSet, dict[str, Face]]:
    """The utterances of a part that have a face, and their files."""
    usable, files = read_visual(part.directory / VISUAL_SCP), read_visual(part.directory / MEDIA_SCP)
    kept = part.where([utt in usable and utt in files for utt in part.utts])
    if not kept.utts:
        raise UserError(f"{part.directory / VISUAL_SCP}: names no face: run stages 1 to 3 with visual_extract")
    return kept, {utt: files[utt] for utt in kept.utts}


def _drawn(part: SpeechSet, drawing: Drawing, directory: Path) -> dict[str, Face]:
    """Draws the faces of the demo's utterances anew; pictures are written into the directory."""
    corpus = Demo(faceless=0.0)
    random = np.random.default_rng(0)
    listed = {utterance.id: utterance for utterance in corpus.utterances()}
    faces: dict[str, Face] = {}
    for utt, wav in zip(part.utts, part.wavs, strict=True):
        if utt not in listed:
            raise UserError(f"--drawn: {utt} is no utterance of the demo, with speakers {', '.join(SPEAKERS)}")
        samples, fs = read_mono(wav)
        side = int(random.integers(*PICTURED)) if drawing.pictured else FACE_SIDE
        crops = corpus.draw(listed[utt], len(samples) / fs, drawing.person, drawing.style, side)
        assert crops is not None
        faces[utt] = _picture(crops[0], random, directory / f"{utt}.png") if drawing.pictured else crops
    return faces


def _picture(face: NDArray[np.uint8], random: np.random.Generator, path: Path) -> str:
    """Writes a picture with a face (side, side) anywhere in it."""
    from PIL import Image

    picture = np.full(PICTURE, GREY, np.uint8)
    top, left = (int(random.integers(0, whole - len(face) + 1)) for whole in PICTURE)
    picture[top : top + len(face), left : left + len(face)] = face
    Image.fromarray(picture).save(path)
    return str(path)


def _add_encoded(
    figures: Figures, subject: Subject, part: SpeechSet, shown: Mapping[str, Face], kind: str, title: str
) -> SpeechSet:
    """Adds which emotions the visual encoder sees in faces, and whether they find their recordings.

    Returns:
        The utterances whose face was found.
    """
    args, model = subject.tts.train_args, subject.tts.model
    extractor = build_extractor(args.visual_extract, args.visual_extract_conf)
    frames, found = [], []
    for utt in progress(part.utts, title, len(part.utts)):
        try:
            frames.append(extractor(source_of(shown[utt])))
        except UnusableVisual:
            found.append(False)
        else:
            found.append(True)
    figures.add(f"{kind}_found", f"{title}: found", np.array(found, float), part.texts)
    part = part.where(found)
    encoders = Encoders(model, subject.tts.emotions, subject.tts.fs)
    faces = encode_faces(encoders, frames)
    named = np.array(faces.names)[faces.weights.argmax(1)]
    right = np.where(np.array(part.emotions) == "", np.nan, named == np.array(part.emotions))
    figures.add(f"{kind}_seen", f"{title}: emotion that the encoder sees", right, part.texts)
    if model.style.reference is None:
        figures.left_out[f"{kind}_matching"] = "this model has no reference encoder, which faces could be matched with"
        return part
    for name, values in matching(faces.vectors, styles_of_recordings(encoders, part).vectors).items():
        way, measured = name.split("_", 3)[0], name.split("_", 3)[3].replace("_", "@")
        ways = {"face": "face to voice", "voice": "voice to face"}
        statistic = np.median if measured == "rank" else np.mean
        figures.add(f"{kind}_{name}", f"{title}: {ways[way]}, {measured}", values, part.texts, statistic)
    figures.details["candidates"] = len(part.utts)
    return part


def _said_right(
    subject: Subject, probes: Probes, title: str, controls: Sequence[dict[str, Any]]
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Whether probes name emotion and speaker of what is said with controls rightly: (N,) each."""
    values = functionals_said(subject, subject.cells, title, controls)
    speakers = [cell.speaker for cell in subject.cells]
    emotions = [cell.emotion for cell in subject.cells]
    by_emotion = named_right(probes.emotion, values, speakers, emotions)
    by_speaker = None
    if probes.speaker is not None:
        by_speaker = named_right(probes.speaker, values, speakers, speakers)
    return by_emotion, by_speaker


def _add_said(
    figures: Figures,
    subject: Subject,
    probes: Probes,
    sources: Sequence[SpeechSet | None],
    shown: Mapping[str, Face],
    kind: str,
    title: str,
    labelled: NDArray[np.float64],
) -> None:
    """Adds how often the emotion of a face of somebody else is heard, and the speaker."""
    controls = []
    for source in sources:
        controls.append({"visual": shown[source.utts[0]], "emotion": None} if source else {})
    heard, speaker = _said_right(subject, probes, title, controls)
    counted = np.array([source is not None for source in sources])
    right = np.where(counted, heard, np.nan)
    texts = [cell.text for cell in subject.cells]
    figures.add(f"{kind}_said", f"{title}: emotion that is heard", right, texts)
    figures.add_ratio(f"{kind}_share", "the same, over emotion by label", right, labelled, texts)
    if speaker is not None:
        figures.add(f"{kind}_speaker", "the same, speaker accuracy", np.where(counted, speaker, np.nan), texts)
