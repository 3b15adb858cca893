"""JL corpus: New Zealand English acted emotional speech, four speakers (James et al. 2018, Interspeech; CC0)."""

from __future__ import annotations

import re
from pathlib import Path

from espnet_mtl.corpora.base import (
    Corpus,
    Utterance,
    emotion_name,
    find_root,
    normalized,
)
from espnet_mtl.corpora.split import SplitPolicy
from espnet_mtl.system.files import read_text
from espnet_mtl.text.normal import normal_text

NAME = re.compile(r"((?:fe)?male[12])_([a-z]+)_(\d+[ab])_([12])")


class JL(Corpus):
    """Reads recordings such as `female1_angry_10a_1.wav`, each with a text of the same name beside it.

    Args:
        root: Its directory; the recordings may lie in directories below it.
        dev: Number of sentences of dev; below 1: share of all sentences.
        test: The same for test.
        seed: Seed of the split.
    """

    def __init__(self, root: str | Path = "", dev: float = 0.1, test: float = 0.15, seed: int = 0):
        super().__init__()
        self.root = find_root("jl", root)
        self.policy = SplitPolicy(dev, test, seed=seed)

    def utterances(self) -> list[Utterance]:
        self.dropped = {}
        listed = []
        for path, parts in self.named(self.root, NAME, "<speaker>_<emotion>_<sentence>_<take>"):
            text = path.with_suffix(".txt")
            if not text.is_file():
                self.dropped[path.stem] = f"no text: {text.name} is not beside it"
            else:
                said = normal_text(read_text(text))
                speaker, label, _, _ = parts.groups()
                emotion, sentence = emotion_name(label), normalized(said)
                listed.append(Utterance(path.stem, speaker, said, sentence, emotion, "en-gb", path, gender=speaker[0]))
        return listed
