"""LJSpeech (Ito and Johnson 2017, public domain), and any corpus of one voice in its layout."""

from __future__ import annotations

from pathlib import Path

from espnet_mtl.corpora.base import Corpus, Utterance, find_root, normalized, with_speaker
from espnet_mtl.corpora.split import SplitPolicy
from espnet_mtl.errors import UserError
from espnet_mtl.system.paths import MOST_BYTES
from espnet_mtl.text.delimited import numbered_values
from espnet_mtl.text.normal import normal_text


class LJSpeech(Corpus):
    """Reads `metadata.csv` (`id|raw text|normalized text`, neither header nor quoting) and `wavs/<id>.wav` or `.flac`.

    Args:
        root: Its directory.
        speaker: Name of the voice.
        emotion: Label of every utterance, e.g. neutral; none: unlabelled.
        language: espeak's language of the texts.
        dev: Number of sentences of dev; below 1: share of all sentences.
        test: The same for test.
        seed: Seed of the split.
    """

    def __init__(
        self,
        root: str | Path = "",
        speaker: str = "LJ",
        emotion: str | None = None,
        language: str = "en-us",
        dev: float = 0.02,
        test: float = 0.02,
        seed: int = 0,
    ):
        super().__init__()
        self.root = find_root("ljspeech", root)
        self.speaker, self.emotion, self.language = str(speaker), emotion, language
        self.policy = SplitPolicy(dev, test, seed=seed)

    def utterances(self) -> list[Utterance]:
        path = self.root / "metadata.csv"
        listed = []
        for number, values in numbered_values(path, "|"):
            listed.append(self._utterance(f"{path}:{number}", values))
        return sorted(listed, key=lambda utterance: utterance.id)

    def _utterance(self, where: str, values: list[str]) -> Utterance:
        name, *texts = values
        if len(texts) not in (1, 2):
            raise UserError(f"{where}: expected 'id|text|normalized text', got {len(values)} values")
        if not 0 < len(name.encode()) <= MOST_BYTES:
            raise UserError(f"{where}: {name[:40]!r} is no id: it names a file, in 1 to {MOST_BYTES} bytes")
        flac = self.root / "wavs" / f"{name}.flac"
        audio = flac if flac.is_file() else flac.with_suffix(".wav")
        text = normal_text(texts[-1])
        utt = with_speaker(name, self.speaker)
        return Utterance(utt, self.speaker, text, normalized(text), self.emotion, self.language, audio)
