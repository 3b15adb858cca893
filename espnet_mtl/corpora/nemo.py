"""nEMO: Polish acted emotional speech, parallel sentences (Christop 2024, LREC-COLING; CC BY-NC-SA 4.0)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.corpora.base import Corpus, Utterance, emotion_name, find_root, phones_of
from espnet_mtl.corpora.split import SplitPolicy
from espnet_mtl.text.delimited import read_rows

LANGUAGE = "pl"


class Nemo(Corpus):
    """Reads `data.tsv` and `samples/` as published, or a `metadata.csv` with utt_id, path, speaker, emotion, text.

    Args:
        root: Its directory.
        dev: Number of sentences of dev; below 1: share of all sentences.
        test: The same for test.
        seed: Seed of the split.
    """

    def __init__(self, root: str | Path = "", dev: float = 1 / 15, test: float = 2 / 15, seed: int = 0):
        super().__init__()
        self.root = find_root("nemo", root)
        self.policy = SplitPolicy(dev, test, seed=seed)

    def utterances(self) -> list[Utterance]:
        self.dropped = {}
        listed = []
        for utt, path, labels in sorted(self._entries(), key=lambda entry: entry[0]):
            utterance = self._utterance(utt, path, labels)
            if utterance:
                listed.append(utterance)
        return listed

    def _entries(self) -> list[tuple[str, str, dict[str, str]]]:
        """Id, path and labels of every line of the table."""
        if not (self.root / "data.tsv").is_file():
            rows = read_rows(self.root / "metadata.csv", ("utt_id", "path", "speaker", "emotion", "text"))
            return [(row["utt_id"], row["path"], row) for _, row in rows]
        columns = ("file_id", "speaker_id", "emotion", "raw_text")
        rows = read_rows(self.root / "data.tsv", columns, "\t")
        entries = []
        for _, row in rows:
            utt = Path(row["file_id"]).stem
            labels = {**row, "speaker": row["speaker_id"], "text": row["raw_text"]}
            entries.append((utt, f"samples/{utt}.wav", labels))
        return entries

    def _utterance(self, utt: str, path: str, labels: dict[str, str]) -> Utterance | None:
        speaker, emotion = labels["speaker"], labels["emotion"]
        of_id, _, rest = utt.partition("_")
        emotion_of_id, _, sentence = rest.partition("_")
        if (of_id, emotion_of_id) != (speaker, emotion):
            self.dropped[utt] = f"id/label mismatch: labelled {speaker} {emotion}"
            return None
        return Utterance(
            utt,
            speaker,
            labels["text"],
            sentence,
            emotion_name(emotion),
            LANGUAGE,
            self.root / path,
            gender=labels.get("gender", "")[:1] or None,
        )

    def units(self, utterances: Sequence[Utterance]) -> dict[str, frozenset[str]]:
        return phones_of(utterances)
