"""MELD: English conversations of several, cut from the series "Friends" (Poria et al. 2019, ACL; GPL-3.0)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from espnet_mtl.corpora.audiovisual.soundtrack import with_soundtrack
from espnet_mtl.corpora.base import Corpus, Utterance, find_root, normalized
from espnet_mtl.corpora.split import SETS, SplitPolicy
from espnet_mtl.errors import UserError, one_of, shown
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.text.delimited import read_rows
from espnet_mtl.text.normal import normal_text
from espnet_mtl.visual.videos import import_av

COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")
VIDEOS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
"""What the published archives call the directories of the videos."""
EMOTIONS = {
    **{"neutral": "neutral", "surprise": "surprised", "fear": "fearful", "sadness": "sad", "joy": "happy"},
    **{"disgust": "disgusted", "anger": "angry"},
}
"""The project's names; that of joy is the one that other corpora have for it."""
EVERYBODY = "All"
"""Who speaks where several speak at once; it is also written #ALL#."""
C1 = range(0x80, 0xA0)
"""Control characters that some texts hold where Windows-1252 has quotation marks and dashes."""
DIGITS = 4
"""Of a number in an id, so that dialogues and their utterances sort as they were spoken."""
MOST_DIGITS = 9
"""Of a number in the tables: files and Python's numbers have limits of their own."""


class Meld(Corpus):
    """Reads `{train,dev,test}_sent_emo.csv`, and a video `dia<dialogue>_utt<utterance>.mp4` of each of their lines.

    Tables and videos lie as the published archives unpack: below the root, or below `train`, `dev` and `test` in it.
    The sound is that of the videos, and the sets are the corpus' own. Videos without a line are not read.

    Args:
        root: Its directory.
    """

    def __init__(self, root: str | Path = ""):
        super().__init__()
        self.root = find_root("meld", root)
        self.policy = SplitPolicy(0.1, 0.1, by="dialogue")

    def utterances(self) -> list[Utterance]:
        self.dropped = {}
        listed = []
        for split in SETS:
            listed += self._of_split(split)
        import_av()  # where it is missing, this is told before any work is done
        return sorted(listed, key=lambda utterance: utterance.id)

    def _of_split(self, split: str) -> list[Utterance]:
        table = self._place(f"{split}_sent_emo.csv", split)
        videos = self._place(VIDEOS[split], split, self.root / split)
        listed = []
        for number, row in read_rows(table, COLUMNS):
            utterance = _utterance(f"{table}:{number}", row, split, videos)
            if utterance.visual and utterance.visual.is_file():
                listed.append(utterance)
            else:
                self.dropped[utterance.id] = f"no video: {utterance.visual} is missing"
        return listed

    def _place(self, name: str, split: str, *others: Path) -> Path:
        """Finds a table or directory of a split.

        Raises:
            UserError: It is nowhere.
        """
        places: Iterable[Path] = (self.root / name, self.root / split / name, *others)
        for place in places:
            if place.exists():
                return place
        raise UserError(f"{self.root}: no {name} in it, nor in {split}: is it the root of MELD?")

    def materialize(self, utterance: Utterance, directory: Path) -> Utterance:
        return with_soundtrack(utterance, directory)


def _utterance(where: str, row: Mapping[str, str], split: str, videos: Path) -> Utterance:
    dialogue, utterance = (_number(where, column, row[column]) for column in ("Dialogue_ID", "Utterance_ID"))
    emotion = row["Emotion"].lower()
    if emotion not in EMOTIONS:
        raise UserError(f"{where}: {one_of('Emotion', row['Emotion'], EMOTIONS)}")
    speaker = speaker_name(row["Speaker"])
    if not speaker:
        raise UserError(f"{where}: Speaker {row['Speaker']!r}: expected a name")
    text = normal_text(repaired(row["Utterance"]))
    in_order = f"{split}_dia{dialogue:0{DIGITS}}"
    return Utterance(
        id=f"{speaker}_{in_order}_utt{utterance:0{DIGITS}}",
        speaker=speaker,
        text=text,
        sentence=normalized(text),
        emotion=EMOTIONS[emotion],
        language="en-us",
        dialogue=in_order,
        split=split,
        visual=videos / f"dia{dialogue}_utt{utterance}.mp4",
    )


def _number(where: str, column: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        raise UserError(f"{where}: {column} {shown(text)}: expected a whole number of {MOST_DIGITS} digits at most")
    return int(text)


def speaker_name(written: str) -> str:
    """Returns a name of letters, digits, `_`, `.` and `-`: `#ALL#` and `All` are one, and `Dr. Geller` is `Dr._Geller`.

    What is no letter or digit at either end is left out.
    """
    words = re.findall(r"[\w.-]+", normal_name(repaired(written)))
    name = "_".join(words).strip("_.-")
    return EVERYBODY if name.lower() == EVERYBODY.lower() else name


def repaired(text: str) -> str:
    """Returns a text with the characters of Windows-1252 in the place of control characters of the same codes."""
    letters = []
    for letter in text:
        code = bytes([ord(letter)]) if ord(letter) in C1 else b""
        letters.append(code.decode("cp1252", errors="ignore") if code else letter)
    return "".join(letters)
