"""EmoDB: German acted emotional speech, ten sentences (Burkhardt et al. 2005, Interspeech; CC0)."""

from __future__ import annotations

import re
from pathlib import Path

from espnet_mtl.corpora.base import Corpus, Utterance, emotion_name, find_root
from espnet_mtl.corpora.split import SplitPolicy
from espnet_mtl.text.delimited import read_rows

EMOTION_OF_LETTER = {
    "W": "angry",
    "L": "bored",
    "E": "disgusted",
    "A": "fearful",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
TEXTS = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Blatt Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
"""What is spoken; code lists write a05 with "Stück Papier"."""
MEN = ("03", "10", "11", "12", "15")
NAME = re.compile(rf"(\d\d)({'|'.join(TEXTS)})([WLEAFTN])([a-z])")


class EmoDB(Corpus):
    """Reads the names of the recordings below `wav/`: `03a01Fa` is speaker 03, sentence a01, happiness, version a.

    Where there is a `metadata.csv` with utt_id and text, its texts (of cut copies) go before the fixed ones; its
    speaker and emotion must be those of the name.
    Ten sentences are too few for train to hold every phone of the others.

    Args:
        root: Its directory.
        dev: Number of sentences of dev; below 1: share of all sentences.
        test: The same for test.
        seed: Seed of the split.
    """

    def __init__(self, root: str | Path = "", dev: float = 1, test: float = 2, seed: int = 0):
        super().__init__()
        self.root = find_root("emodb", root)
        self.policy = SplitPolicy(dev, test, seed=seed)

    def utterances(self) -> list[Utterance]:
        self.dropped = {}
        table = self.root / "metadata.csv"
        rows = read_rows(table, ("utt_id", "text")) if table.is_file() else []
        known = {row["utt_id"]: row for _, row in rows}
        listed = []
        form = "<speaker><sentence><emotion><version>, such as 03a01Fa"
        for path, parts in self.named(self.root / "wav", NAME, form):
            speaker, sentence, letter, _ = parts.groups()
            emotion = EMOTION_OF_LETTER[letter]
            row = known.get(path.stem, {})
            labelled = row.get("speaker", speaker), emotion_name(row.get("emotion", emotion))
            if labelled != (speaker, emotion):
                self.dropped[path.stem] = f"id/label mismatch: {table.name} says {' '.join(labelled)}"
                continue
            text = row.get("text", TEXTS[sentence])
            gender = "m" if speaker in MEN else "f"
            listed.append(Utterance(path.stem, speaker, text, sentence, emotion, "de", path, gender=gender))
        return listed
