"""ESD: English and Mandarin emotional speech, parallel sentences (Zhou et al. 2022, Speech Communication 137)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from espnet_mtl.corpora.base import Corpus, Utterance, find_root, recordings
from espnet_mtl.corpora.split import SplitPolicy
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.text.normal import normal_text

SENTENCES = 350
NUMBERED_EMOTIONS = ("neutral", "angry", "happy", "sad", "surprised")
"""In the order of the utterances' numbers, 350 of each."""
LABELS = {
    **{"neutral": "neutral", "angry": "angry", "happy": "happy", "sad": "sad", "surprise": "surprised"},
    **{"中立": "neutral", "生气": "angry", "快乐": "happy", "伤心": "sad", "惊喜": "surprised"},
}
LANGUAGES = {"en": "en-us", "zh": "cmn"}
LINE = re.compile(r"(\d{4})_(\d{6})\s+(?:(.*\S)\s+)?(\S+)")


class ESD(Corpus):
    """Reads `<speaker>/<speaker>.txt` in any of its encodings, and recordings flat or in train, test, evaluation.

    Args:
        root: Its directory.
        language: en (speakers 0011 to 0020), zh (0001 to 0010) or all.
        dev: Number of sentences of dev; below 1: share of all sentences.
        test: The same for test.
        seed: Seed of the split.
    """

    def __init__(self, root: str | Path = "", language: str = "all", dev: float = 20, test: float = 30, seed: int = 0):
        super().__init__()
        if language not in ("all", *LANGUAGES):
            raise one_of("language of corpus esd", language, ["all", *LANGUAGES])
        self.root, self.language = find_root("esd", root), language
        self.policy = SplitPolicy(dev, test, seed=seed)

    def utterances(self) -> list[Utterance]:
        self.dropped = {}
        tables = []
        for path in sorted(self.root.glob("????/????.txt")):
            if path.stem == path.parent.name and path.stem.isdecimal():
                tables.append(path)
        if not tables:
            raise UserError(f"{self.root}: no <speaker>/<speaker>.txt, such as 0011/0011.txt: is it the root of ESD?")
        listed = []
        for path in tables:
            if self.language in ("all", language_of(path.stem)):
                listed += self._of_speaker(path)
        return listed

    def _of_speaker(self, table: Path) -> list[Utterance]:
        language = language_of(table.stem)
        audio = {path.stem: path for path in recordings(table.parent)}
        listed = []
        for number, line in enumerate(decoded(table, language).splitlines(), 1):
            line = line.strip()
            if not line:
                continue
            parts = LINE.fullmatch(line)
            if not parts or not 1 <= int(parts[2]) <= SENTENCES * len(NUMBERED_EMOTIONS):
                raise UserError(f"{table}:{number}: expected '<speaker>_<number> text label', got {line!r}")
            utterance = self._utterance(table, language, parts, audio)
            if utterance:
                listed.append(utterance)
        return listed

    def _utterance(
        self, table: Path, language: str, parts: re.Match[str], audio: Mapping[str, Path]
    ) -> Utterance | None:
        """Reads a line; None where its label, the number of the utterance and its recording's place disagree."""
        speaker, number, text, label = parts.groups()
        utt, index = f"{speaker}_{number}", int(number) - 1
        emotion = NUMBERED_EMOTIONS[index // SENTENCES]
        if speaker != table.stem or LABELS.get(label.lower()) != emotion:
            self.dropped[utt] = f"id/label mismatch: {table.name} says {label}"
            return None
        path = audio.get(utt, table.parent / emotion.capitalize() / f"{utt}.wav")
        folder = path.relative_to(table.parent).parts[0]
        if LABELS.get(folder.lower(), emotion) != emotion:
            self.dropped[utt] = f"id/label mismatch: its recording is in {folder}"
            return None
        without_gaps = re.sub(r"\s+(?=[.,?!。，？！])", "", normal_text(text or ""))
        sentence = f"{language}{index % SENTENCES + 1:03d}"
        return Utterance(utt, speaker, without_gaps, sentence, emotion, LANGUAGES[language], path)


def language_of(speaker: str) -> str:
    """Returns the language of a speaker: Mandarin up to 0010."""
    return "zh" if int(speaker) <= 10 else "en"


def decoded(path: Path, language: str) -> str:
    """Reads a text whose encoding is not said: UTF-16 with or without a mark, UTF-8, or the language's 8-bit one.

    Raises:
        UserError: It is none of these.
    """
    data = path.read_bytes()
    eight_bit = {"zh": "gb18030", "en": "cp1252"}[language]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # byte order marks
        encodings: tuple[str, ...] = ("utf-16",)
    elif b"\0" in data:
        encodings = ("utf-16-le",)
    else:
        encodings = ("utf-8-sig", eight_bit)
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UserError(f"{path}: its text is neither UTF-16, UTF-8 nor {eight_bit}")
