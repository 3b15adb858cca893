"""Stands in for a model: it hums, higher or lower by emotion, so that what is measured of it is known."""

from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import soundfile
import torch

from espnet_mtl.data.kaldi import write_table
from espnet_mtl.evaluation.speech_set import SpeechSet, read_speech_set
from espnet_mtl.inference.prosody import TimedWord

FS, WORD_S = 16000, 0.25
PITCH = {"f1": 220.0, "m1": 110.0}
SHIFT = {"happy": 5.0, "neutral": 0.0, "sad": -5.0}
"""In semitones."""
STYLE = "{http://www.w3.org/2001/mstts}express-as"


def hum(speaker: str, semitones: float, words: int, rate: float = 1.0, seed: int = 0) -> np.ndarray:
    """A harmonic tone of a length in words, which wavers a little and has some noise."""
    random = np.random.default_rng(seed)
    count = round(words * WORD_S * FS / rate)
    time = np.arange(count) / FS
    waver = random.uniform(0.4, 0.6) * np.sin(2 * np.pi * 3 * time + random.uniform(0, 6))
    f0 = PITCH[speaker] * 2 ** ((semitones + waver) / 12)
    phase = 2 * np.pi * np.cumsum(f0) / FS
    tone = sum(np.sin(number * phase) / number for number in range(1, 8))
    return 0.1 * tone + 0.001 * random.standard_normal(count)


class ToneSpeaker:
    """Says everything as it is asked; options make it fail.

    Args:
        reference: Whether it has a reference encoder: it reads the emotion off the name of the recording.
        deaf: Whether it hums the same, whatever recording it is given.
        stubborn: Whether a sentence keeps the emotion that it begins with.
        backwards: Whether more intensity, short of all, is less of the emotion.
    """

    fs, speakers, emotions = FS, list(PITCH), list(SHIFT)

    def __init__(self, reference: bool = True, deaf: bool = False, stubborn: bool = False, backwards: bool = False):
        self.deaf, self.stubborn, self.backwards = deaf, stubborn, backwards
        self.model = SimpleNamespace(style=SimpleNamespace(reference=object() if reference else None))

    def __call__(
        self, text, speaker, emotion=None, intensity=1.0, reference=None, rate=1.0, pitch=0.0, energy=0.0, **_
    ):
        if reference is not None:
            emotion = "neutral" if self.deaf else Path(reference).stem.split("_")[1]
        weights = emotion if isinstance(emotion, dict) else {emotion: 1.0}
        shift = sum(weight * SHIFT[name] for name, weight in weights.items())
        if self.backwards and 0 < intensity < 1:
            intensity = 1.25 - intensity
        return self._said(text, speaker, [shift * intensity + pitch], rate, energy)

    def stream(self, markup, speaker):
        marked = ElementTree.fromstring(markup).findall(STYLE)
        shifts = [SHIFT[one.get("style")] for one in marked]
        if self.stubborn:
            shifts = [shifts[0]] * len(shifts)
        texts = [one.text for one in marked]
        waves = [hum(speaker, shift, len(text.split())) for text, shift in zip(texts, shifts, strict=True)]
        yield {**self._spoken(" ".join(texts), np.concatenate(waves), 1.0), "start": 0.0}

    def _said(self, text, speaker, shifts, rate, energy):
        (shift,) = shifts
        wave = hum(speaker, shift, len(text.split()), rate) * 10 ** (energy / 20)
        return self._spoken(text, wave, rate)

    def _spoken(self, text, wave, rate):
        length = WORD_S / rate
        words = [TimedWord(word, n * length, (n + 1) * length) for n, word in enumerate(text.split())]
        return {"wav": torch.from_numpy(wave), "prosody": SimpleNamespace(timed_words=words)}


def write_hums(directory: Path, sentences: list[str]) -> SpeechSet:
    """Writes sentences by both speakers in all emotions, as stage 2 does it."""
    directory.mkdir()
    tables: dict[str, dict[str, str]] = {name: {} for name in ("wav.scp", "text", "utt2spk", "utt2emo")}
    for speaker in PITCH:
        for emotion, shift in SHIFT.items():
            for number, text in enumerate(sentences):
                utt = f"{speaker}_{emotion}_{directory.name}{number}"
                path = directory / f"{utt}.wav"
                soundfile.write(path, hum(speaker, shift, len(text.split()), seed=number + 1), FS, "FLOAT")
                for name, value in zip(tables, (str(path), text, speaker, emotion), strict=True):
                    tables[name][utt] = value
    for name, table in tables.items():
        write_table(directory / name, table)
    return read_speech_set(directory, "the test")
