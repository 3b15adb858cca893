"""A tiny corpus of harmonic sounds in the place of speech, with two speakers and three emotions."""

from __future__ import annotations

import shutil
from functools import lru_cache
from itertools import product
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
import yaml

from espnet_mtl.data.kaldi import write_table
from espnet_mtl.vocoder.build import build_vocoder

FS, HOP, SECONDS = 16000, 256, 0.7
FEATURES = {"fs": FS, "n_fft": 1024, "hop_length": HOP, "n_mels": 80, "fmin": 80, "fmax": 7600}
PITCH, FORMANT = {"a": 110, "b": 200}, {"a": 500, "b": 800}
HELD_OUT = ("b", "excited")
STYLES = {"calm": (1.0, -0.15, 0.02, 4), "excited": (1.35, 0.4, 0.08, 7), "low": (0.75, -0.1, 0.005, 2)}
"""Of an emotion: level of F0, its slope, brightness, rhythm in Hz."""


def sound(speaker: str, emotion: str, sentence: int, factor: float = 1.0) -> np.ndarray:
    """A sound (T,): the emotion sets level and slope of F0, brightness and rhythm; `factor` scales F0."""
    level, slope, brightness, rhythm = STYLES[emotion]
    random = np.random.default_rng(1000 * sentence + 10 * ord(speaker) + len(emotion))
    time = np.arange(int(SECONDS * FS)) / FS
    f0 = factor * PITCH[speaker] * random.uniform(0.97, 1.03) * (level + slope * time)
    phase, formant = (
        2 * np.pi * np.cumsum(f0) / FS,
        FORMANT[speaker] * (1 + 0.2 * np.sin(2 * np.pi * (time + sentence))),
    )
    wave = np.zeros_like(time)
    for harmonic in range(1, 25):
        peak = np.exp(-(((harmonic * f0 - formant) / 400) ** 2))
        wave += (peak + brightness / harmonic) * np.sin(harmonic * phase) * (harmonic * f0 < FS / 2)
    beat = 0.6 + 0.4 * np.sin(2 * np.pi * rhythm * time + sentence)
    return 0.1 * wave * beat + 1e-4 * random.normal(size=len(time))


@lru_cache
def features_vocoder() -> torch.nn.Module:
    return build_vocoder(FEATURES, vocoder="griffin_lim")


def logmel(wave: np.ndarray) -> np.ndarray:
    """Log10-mel spectrogram (T, 80) as vocoders take it."""
    vocoder = features_vocoder()
    spectrum = torch.stft(torch.from_numpy(wave).float(), 1024, HOP, window=vocoder.window, return_complex=True).abs()
    return torch.log10((vocoder.basis @ spectrum).clamp(min=1e-10)).T.numpy()


def write_set(directory: Path, waves: dict[tuple[str, str, int], np.ndarray]) -> None:
    """Writes a directory of stages 2 and 3, or of stage 6, from waves by speaker, emotion and sentence."""
    (directory / "wav").mkdir(parents=True)
    tables: dict[str, dict[str, object]] = {name: {} for name in ("wav.scp", "text", "utt2spk", "utt2emo", "durations")}
    names = {part: f"ark,scp:{directory}/{part}.ark,{directory}/{part}.scp" for part in ("feats", "pitch")}
    with kaldiio.WriteHelper(names["feats"]) as feats, kaldiio.WriteHelper(names["pitch"]) as pitch:
        for (speaker, emotion, sentence), wave in waves.items():
            utt = f"{speaker}_{emotion}_{sentence}"
            path, mel = directory / "wav" / f"{utt}.wav", logmel(wave)
            soundfile.write(path, wave, FS, "FLOAT")
            feats(utt, mel)
            pitch(utt, np.full((3, 1), np.log(PITCH[speaker]), dtype=np.float32))
            row = (path, f"Sentence {sentence}.", speaker, emotion, f"20 {len(mel) - 30} 10")
            for name, value in zip(tables, row, strict=True):
                tables[name][utt] = value
    for name, table in tables.items():
        write_table(directory / name, table)


def combinations(sentences: range) -> list[tuple[str, str, int]]:
    return list(product("ab", STYLES, sentences))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    """A directory with dump/raw/{train,test}; train lacks one pair of speaker and emotion."""
    root = tmp_path_factory.mktemp("corpus")
    train = [key for key in combinations(range(8)) if key[:2] != HELD_OUT]
    write_set(root / "dump/raw/train", {key: sound(*key) for key in train})
    write_set(root / "dump/raw/test", {key: sound(*key) for key in combinations(range(10, 12))})
    (root / "decode.yaml").write_text("griffin_lim_iters: 4\nvocoder_file: null\nvocoder_config: null\n")
    return root


@pytest.fixture(scope="session")
def voice():
    """The sound of a speaker, emotion and sentence; `factor` scales F0."""
    return sound


@pytest.fixture
def no_opinion(monkeypatch):
    """Leaves out the networks that predict opinions, which take most of the time of an analysis."""
    scores = np.full(4, np.nan, dtype=np.float32)
    monkeypatch.setattr("espnet_mtl.evaluation.measures.features.predict", lambda samples, fs: scores)


@pytest.fixture
def experiment(corpus, no_opinion):
    """Makes an experiment whose decoded speech is `wave(speaker, emotion, sentence)`."""
    made = []

    def make(tag: str, wave=sound) -> Path:
        exp = corpus / "exp" / tag
        made.append(exp)
        write_set(exp / "decode/test", {key: wave(*key) for key in combinations(range(10, 12))})
        (exp / "config.yaml").write_text(yaml.safe_dump({"feats_extract_conf": FEATURES}))
        return exp

    yield make
    for exp in made:
        shutil.rmtree(exp)
