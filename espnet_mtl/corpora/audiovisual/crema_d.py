"""CREMA-D: English acted emotional speech, 91 actors, twelve sentences (Cao et al. 2014, IEEE TAC 5(4); ODbL)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from espnet_mtl.corpora.base import Corpus, Utterance, emotion_name, find_root
from espnet_mtl.corpora.split import SplitPolicy
from espnet_mtl.errors import UserError, shown
from espnet_mtl.labels import format_mixture
from espnet_mtl.text.delimited import read_rows

TEXTS = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
EMOTION_OF_LETTER = {"A": "angry", "D": "disgusted", "F": "fearful", "H": "happy", "N": "neutral", "S": "sad"}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high"}
"""Intensities; X or XX is none."""
NAME = re.compile(rf"(\d{{4}})_({'|'.join(TEXTS)})_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX?)")

VIDEOS = "VideoFlash"
"""Directory of the videos, where they were downloaded, too."""
VOTES = Path("processedResults/summaryTable.csv")
"""What most raters said of each recording, where it was downloaded, too."""
NO_VOTE = ("", "NA")
VOICE, FACE = "VoiceVote", "FaceVote"
"""Its columns of raters who only heard, and only saw."""


class CremaD(Corpus):
    """Reads the names of the recordings below `AudioWAV/`: `1001_DFA_ANG_XX` is actor, sentence, emotion and level.

    Their videos are those of the same names below `VideoFlash/`; any of them may be missing. What most raters said who
    only heard, or only saw, is from `processedResults/summaryTable.csv`, where that is there; ties are mixtures in
    equal parts. `emotion` is what the actor was asked for.

    Twelve sentences are too few for train to hold every phone of the others.

    Args:
        root: Its directory.
        dev: Number of sentences of dev; below 1: share of all sentences.
        test: The same for test.
        seed: Seed of the split.
    """

    def __init__(self, root: str | Path = "", dev: float = 1, test: float = 2, seed: int = 0):
        super().__init__()
        self.root = find_root("crema_d", root)
        self.policy = SplitPolicy(dev, test, seed=seed)

    def utterances(self) -> list[Utterance]:
        self.dropped = {}
        listed = []
        votes = _votes(self.root / VOTES)
        form = "<actor>_<sentence>_<emotion>_<level>, such as 1001_DFA_ANG_XX"
        for path, parts in self.named(self.root / "AudioWAV", NAME, form):
            actor, sentence, emotion, level = parts.groups()
            own = Utterance(path.stem, actor, TEXTS[sentence], sentence, emotion_name(emotion), "en-us", path)
            video = self.root / VIDEOS / f"{path.stem}.flv"
            voice, face = votes.get(path.stem, (None, None))
            listed.append(
                replace(
                    own,
                    visual=video if video.is_file() else None,
                    intensity=LEVELS.get(level),
                    emotion_voice=voice,
                    emotion_face=face,
                )
            )
        return listed


def _votes(path: Path) -> dict[str, tuple[str | None, str | None]]:
    """Reads what most raters said by voice and by face, by the name of the recording; none without the table.

    Raises:
        UserError: A vote is none, or a recording has two lines.
    """
    rows = read_rows(path, ("FileName", VOICE, FACE)) if path.is_file() else []
    votes: dict[str, tuple[str | None, str | None]] = {}
    lines: dict[str, int] = {}
    for number, row in rows:
        where = f"{path}:{number}"
        name = row["FileName"]
        first = lines.setdefault(name, number)
        if first != number:
            raise UserError(f"{where}: FileName {shown(name)} is that of line {first}, too: leave one of them")
        votes[name] = (_vote(where, VOICE, row[VOICE]), _vote(where, FACE, row[FACE]))
    return votes


def _vote(where: str, column: str, vote: str) -> str | None:
    """Reads a letter, or of a tie several (`A:D`); "" and "NA" are none."""
    if vote in NO_VOTE:
        return None
    letters = vote.split(":")
    for letter in letters:
        if letter not in EMOTION_OF_LETTER or letters.count(letter) > 1:
            form = "a letter, or different ones with ':' between them"
            raise UserError(f"{where}: {column} {vote!r}: expected {form}, of {' '.join(EMOTION_OF_LETTER)}")
    return format_mixture({EMOTION_OF_LETTER[letter]: 1 / len(letters) for letter in letters})
