"""CREMA-D: English acted emotional speech, 91 actors, twelve sentences (Cao et al. 2014, IEEE TAC 5(4); ODbL)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from espnet_mtl.corpora.base import Corpus, Utterance, emotion_name, find_root
from espnet_mtl.corpora.split import SplitPolicy

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
NAME = re.compile(rf"(\d{{4}})_({'|'.join(TEXTS)})_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX?)")

VIDEOS = "VideoFlash"
"""Directory of the videos, where they were downloaded, too."""


class CremaD(Corpus):
    """Reads the names of the recordings below `AudioWAV/`: `1001_DFA_ANG_XX` is actor, sentence, emotion and level.

    Their videos are those of the same names below `VideoFlash/`; any of them may be missing.

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
        form = "<actor>_<sentence>_<emotion>_<level>, such as 1001_DFA_ANG_XX"
        for path, parts in self.named(self.root / "AudioWAV", NAME, form):
            actor, sentence, emotion, _ = parts.groups()
            own = Utterance(path.stem, actor, TEXTS[sentence], sentence, emotion_name(emotion), "en-us", path)
            video = self.root / VIDEOS / f"{path.stem}.flv"
            listed.append(replace(own, visual=video if video.is_file() else None))
        return listed
