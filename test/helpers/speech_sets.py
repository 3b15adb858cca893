"""Tiny directories of speech to be judged by listeners."""

from pathlib import Path

import numpy as np
import soundfile

from espnet_mtl.data.kaldi import write_table
from espnet_mtl.listening.trials import ListeningTest, read_systems

EMOTIONS = ("angry", "happy", "sad")


def write_speech(directory: Path, utts: range = range(6), name: str = "wav", frequency: float = 200) -> Path:
    """Writes a directory of short tones; utterance i has the emotion i modulo 3, the last one of six none."""
    rows = {f"spk1_{i}": i for i in utts}
    for i in rows.values():
        path = directory / name / f"spk1_{i}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        tone = 0.1 * np.sin(2 * np.pi * (frequency + 10 * i) * np.arange(800) / 8000)
        soundfile.write(path, tone, 8000, "FLOAT")
    write_table(directory / "wav.scp", {utt: directory / name / f"{utt}.wav" for utt in rows})
    write_table(directory / "text", {utt: f"Sentence {i}." for utt, i in rows.items()})
    write_table(directory / "utt2spk", dict.fromkeys(rows, "spk1"))
    write_table(directory / "utt2emo", {utt: EMOTIONS[i % 3] for utt, i in rows.items() if i != 5})
    return directory


def listening_test(root: Path, kind: str, systems: tuple[str, ...] = ("multi", "natural"), **options) -> ListeningTest:
    """A test of systems that say the same six utterances, each with tones of its own."""
    directories = {name: root / name for name in systems}
    for number, directory in enumerate(directories.values()):
        write_speech(directory, frequency=200 + 100 * number)
    read = read_systems([f"{name}={directory}" for name, directory in directories.items()])
    return ListeningTest(kind, read, root / "answers", **options)
