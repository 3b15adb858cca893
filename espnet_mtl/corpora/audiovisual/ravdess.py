"""RAVDESS: North American English acted speech, sound and video, 24 actors (Livingstone & Russo 2018, PLOS ONE 13(5)).

CC BY-NC-SA 4.0.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from espnet_mtl.corpora.audiovisual.soundtrack import with_soundtrack
from espnet_mtl.corpora.base import Corpus, Utterance, emotion_name, find_root
from espnet_mtl.corpora.split import SplitPolicy
from espnet_mtl.visual.videos import import_av

NAME = re.compile(r"(0[123])-((0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d))")
FORM = "<modality>-<channel>-<emotion>-<intensity>-<statement>-<repetition>-<actor>, such as 03-01-06-01-02-01-12"
SOUND, FILM = (".wav", ".flac"), (".mp4",)
WITH_SOUND, SILENT, SOUND_ALONE = "01", "02", "03"
"""Modalities."""
SONG = "02"
EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
INTENSITIES = {"01": "normal", "02": "strong"}
TEXTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}


class Ravdess(Corpus):
    """Reads names such as `03-01-06-01-02-01-12`, wherever below the root: videos (01), silent ones (02), sound (03).

    An utterance is what differs in the first number alone. It is heard from its recording, or else from its video, and
    seen in its video, or else in the silent one. Songs are not read, and a file that comes again is read once.

    There are two sentences, so that sets differ in their speakers: speakers of dev and test are not in train.

    Args:
        root: Its directory.
        dev: Number of speakers of dev; below 1: share of all speakers.
        test: The same for test.
        seed: Seed of the split.
    """

    def __init__(self, root: str | Path = "", dev: float = 2, test: float = 4, seed: int = 0):
        super().__init__()
        self.root = find_root("ravdess", root)
        self.policy = SplitPolicy(dev, test, seed=seed, by="speaker")

    def utterances(self) -> list[Utterance]:
        self.dropped = {}
        listed = []
        for parts, files in self._files().items():
            utterance = self._utterance(parts, files)
            if utterance:
                listed.append(utterance)
        if any(utterance.audio is None for utterance in listed):
            import_av()  # where it is missing, this is told before any work is done
        return sorted(listed, key=lambda utterance: utterance.id)

    def _files(self) -> dict[tuple[str, ...], dict[str, Path]]:
        """Finds the files of each utterance, by modality, and tells of songs."""
        found: dict[tuple[str, ...], dict[str, Path]] = {}
        songs = 0
        for path, parts in self.named(self.root, NAME, FORM, (*SOUND, *FILM)):
            modality, name, channel, *others = parts.groups()
            kind = SOUND_ALONE if path.suffix.lower() in SOUND else modality
            if channel == SONG:
                songs += 1
            else:
                found.setdefault((name, *others), {}).setdefault(kind, path)
        if songs:
            print(f"{self.root}: songs are not read: {songs} files", file=sys.stderr)
        return found

    def _utterance(self, parts: tuple[str, ...], files: Mapping[str, Path]) -> Utterance | None:
        name, emotion, intensity, statement, _, actor = parts
        speaker = f"Actor_{actor}"
        utt = f"{speaker}_{name.rpartition('-')[0]}"
        if not files.keys() & {WITH_SOUND, SOUND_ALONE}:
            self.dropped[utt] = f"no sound: {next(iter(files.values())).name} is silent, and there is no recording"
            return None
        return Utterance(
            id=utt,
            speaker=speaker,
            text=TEXTS[statement],
            sentence=statement,
            emotion=emotion_name(EMOTIONS[emotion]),
            language="en-us",
            audio=files.get(SOUND_ALONE),
            gender="m" if int(actor) % 2 else "f",
            visual=files.get(WITH_SOUND) or files.get(SILENT),
            intensity=INTENSITIES[intensity],
        )

    def materialize(self, utterance: Utterance, directory: Path) -> Utterance:
        return with_soundtrack(utterance, directory)
