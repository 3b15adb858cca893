"""IEMOCAP: English dyadic emotional speech, scripted and improvised (Busso et al. 2008, LREV 42)."""

from __future__ import annotations

import re
from pathlib import Path

from espnet_mtl.corpora.base import Corpus, Utterance, emotion_name, find_root, normalized
from espnet_mtl.corpora.split import SplitPolicy
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.system.files import read_text
from espnet_mtl.text.normal import normal_text

CLASSES = {4: ("neu", "ang", "sad", "hap"), 6: ("neu", "ang", "sad", "hap", "exc", "fru")}
NAME = r"Ses0([1-5])[FM]_((?:impro\d\d|script\d\d_\d)[ab]?)_([FM])\d{3}"
LABEL = re.compile(rf"\[[\d.]+ - [\d.]+\]\t({NAME})\t(\w{{3}})\t\[([\d.]+), ([\d.]+), ([\d.]+)\]")
SPOKEN = re.compile(rf"({NAME}) \[[\d.]+-[\d.]+\]:\s*(.*)")
MARKERS = "MOCAP_rotated"
"""Directory of the places of markers on the face of whoever wore them in a dialogue, one of the two."""
MARKER = re.compile(r"\[[A-Z ]+\]")


class Iemocap(Corpus):
    """Reads `Session*/dialog/{EmoEvaluation,transcriptions}/*.txt` and `Session*/sentences/wav/<dialogue>/<utt>.wav`.

    Valence, activation and dominance (1 to 5) are kept in utt2vad; utterances whose majority label is not in the
    set of classes (`xxx`: no majority) stay in, unlabelled. What is seen of a speaker who wore markers is in
    `Session*/sentences/MOCAP_rotated/<dialogue>/<utt>.txt` (`espnet_mtl.visual.markers`).

    Args:
        root: Its directory, with Session1 to Session5.
        classes: 4 (neutral, angry, sad, happy) or 6 (also excited, frustrated).
        merge_excited: Whether excited counts as happy; none: with 4 classes.
        split_by: dialogue (a scenario and all its sessions), session or speaker.
        dev: Number of scenarios, sessions or speakers of dev; below 1: share of all.
        test: The same for test.
        seed: Seed of the split.
    """

    def __init__(
        self,
        root: str | Path = "",
        classes: int = 4,
        merge_excited: bool | None = None,
        split_by: str = "dialogue",
        dev: float = 0.1,
        test: float = 0.1,
        seed: int = 0,
    ):
        super().__init__()
        if classes not in tuple(CLASSES):  # which may be asked for anything
            raise one_of("classes of corpus iemocap", str(classes), map(str, CLASSES))
        self.root, self.classes = find_root("iemocap", root), CLASSES[classes]
        self.merge = classes == 4 if merge_excited is None else merge_excited
        self.policy = SplitPolicy(dev, test, seed=seed, by=split_by)

    def utterances(self) -> list[Utterance]:
        self.dropped = {}
        files = sorted(self.root.glob("Session[1-5]/dialog/EmoEvaluation/Ses*.txt"))
        if not files:
            raise UserError(f"{self.root}: no Session*/dialog/EmoEvaluation/*.txt: is it the root of IEMOCAP?")
        listed = []
        for file in files:
            listed += self._of_dialogue(file)
        return sorted(listed, key=lambda utterance: utterance.id)

    def _of_dialogue(self, labels: Path) -> list[Utterance]:
        session = labels.parents[2]
        texts = _texts(session / "dialog/transcriptions" / labels.name)
        listed = []
        for line_number, line in enumerate(read_text(labels, "latin-1").split("\n"), 1):
            if not line.startswith("["):
                continue
            found = LABEL.match(line)
            if not found:
                self.dropped[f"{labels.stem}:{line_number}"] = f"unreadable label line: {line.strip()}"
                continue
            name, number, scenario, gender, label, *vad = found.groups()
            speaker = f"Ses0{number}{gender}"
            utt = f"{speaker}_{name}"
            if name not in texts:
                self.dropped[utt] = "no transcription"
                continue
            markers = session / "sentences" / MARKERS / labels.stem / f"{name}.txt"
            valence, activation, dominance = map(float, vad)
            listed.append(
                Utterance(
                    id=utt,
                    speaker=speaker,
                    text=texts[name],
                    sentence=normalized(texts[name]),
                    emotion=self._emotion(label),
                    language="en-us",
                    audio=session / "sentences/wav" / labels.stem / f"{name}.wav",
                    dialogue=scenario.rstrip("ab"),
                    session=number,
                    gender=gender.lower(),
                    vad=(valence, activation, dominance),
                    visual=markers if markers.is_file() else None,
                )
            )
        return listed

    def _emotion(self, label: str) -> str | None:
        label = "hap" if label == "exc" and self.merge else label
        return emotion_name(label) if label in self.classes else None


def _texts(path: Path) -> dict[str, str]:
    """Reads `<utt> [start-end]: text`, without its markers such as [LAUGHTER]; lines without an id are left out."""
    texts = {}
    for line in read_text(path, "latin-1").split("\n"):
        spoken = SPOKEN.fullmatch(line)
        if spoken:
            utt, text = spoken[1], spoken[5]
            texts[utt] = normal_text(MARKER.sub(" ", text))
    return texts
