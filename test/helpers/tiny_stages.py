"""Stages 2 to 8 in this process, on a few harmonic sounds with phone times."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml
from tiny_backbones import TINY

from espnet_mtl.bin.stages import collect_stats, decode, evaluate, extract_features, pack, prepare_audio, train
from espnet_mtl.data.kaldi import write_table

FS, SECONDS, F0 = 16000, 0.8, 150.0
SETS = ("train", "dev", "test")
PHONES = "a:0.4 b:0.7"
CONFIG: dict[str, Any] = {
    "feats_extract_conf": {"fs": FS, "n_mels": 80, "fmin": 80, "fmax": 7600},
    "pitch_extract_conf": {"f0min": 60, "f0max": 500},
    "tasks": {"tts": {"weight": 1.0}},
}
"""A configuration for stages 2 to 4."""
HEAD = {"head": "classifier", "weight": 0.5}
TRAINABLE: dict[str, Any] = {
    **CONFIG,
    "tts": "fastspeech2",
    "tts_conf": TINY["fastspeech2"],
    "style_conf": {"reference": True, "channels": 8},
    "tasks": {
        "tts": {"weight": 1.0},
        "emotion": {**HEAD, "tap": "style", "label": "emotion"},
        "emotion_mel": {**HEAD, "tap": "mel", "label": "emotion", "layers": 0, "channels": 8},
        "speaker_mel": {**HEAD, "tap": "mel", "label": "speaker", "layers": 0, "channels": 8},
    },
    "batch_size": 4,
    "batch_type": "sorted",
    "optim": "adam",
    "optim_conf": {"lr": 0.05},
    "max_epoch": 1,
    "num_iters_per_epoch": 40,
    "num_att_plot": 0,
    "use_matplotlib": False,
    "num_workers": 0,
    "log_interval": 20,
    "keep_nbest_models": 1,
    "best_model_criterion": [["valid", "l1_loss", "min"]],
}
"""One for all stages: a tiny network, trained until it says more than nothing."""

Row = tuple[str, str, str | None]
"""Text, speaker and emotion of an utterance."""
A, B = "ab", "ba"
"""Two sentences."""
FULL: dict[str, Sequence[Row]] = {
    "train": [(A, "s1", "sad"), (A, "s2", "happy"), (B, "s1", "happy"), (B, "s2", "sad")],
    "dev": [("aab", "s1", "sad")],
    "test": [("bba", "s2", "happy")],
}
"""As little as all stages pass with."""


def tone(number: int) -> np.ndarray:
    """A sound (T,) whose F0 goes with a number."""
    time = np.arange(int(SECONDS * FS)) / FS
    f0 = F0 * (1 + 0.04 * number)
    return np.sum([np.sin(2 * np.pi * f0 * k * time) / k for k in range(1, 15)], axis=0) * 0.1


def write_data(data: Path, sets: Mapping[str, Sequence[Row]]) -> None:
    """Writes what stage 1 would."""
    number = 0
    for name in SETS:
        tables: dict[str, dict[str, object]] = {key: {} for key in ("wav.scp", "text", "utt2spk", "utt2emo")}
        (data / name / "wav").mkdir(parents=True)
        for place, row in enumerate(sets[name]):
            utt = f"{row[1]}_{name}_{place}"
            path = data / name / "wav" / f"{utt}.wav"
            soundfile.write(path, tone(number), FS)
            for table, value in zip(tables, (path, *row), strict=True):
                if value is not None:
                    tables[table][utt] = value
            number += 1
        for table, lines in tables.items():
            write_table(data / name / table, lines)
        write_table(data / name / "alignment", dict.fromkeys(tables["wav.scp"], PHONES))


def config_file(work: Path, change: Mapping[str, Any], base: Mapping[str, Any] = CONFIG) -> Path:
    """Writes a configuration; sections of `change` change those of `base` key by key."""
    config = copy.deepcopy(dict(base))
    for key, value in change.items():
        merged = isinstance(value, dict) and key != "tasks"
        config[key] = {**config.get(key, {}), **value} if merged else value
    path = work / "train.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def run_stage(
    stage: int,
    work: Path,
    change: Mapping[str, Any] | None = None,
    token_type: str = "phn",
    base: Mapping[str, Any] = CONFIG,
    arguments: Sequence[str] = (),
    options: Sequence[str] = (),
    tag: str = "model",
) -> None:
    """Runs a stage in `work` with `CONFIG`, or another `base`, changed; 5 with `options` of its own, and ESPnet's."""
    config = ["--train_config", str(config_file(work, change or {}, base))]
    dump = ["--dump", str(work / "dump/raw")]
    typed = [*dump, "--token_type", token_type]
    lists = [f"--token_list={work}/dump/token_list", f"--tables={work}/dump/tables", f"--stats={work}/exp/stats"]
    (work / "decode.yaml").write_text("griffin_lim_iters: 2\n")
    decoding = ["--exp", str(work / "exp" / tag), "--inference_config", str(work / "decode.yaml")]
    match stage:
        case 2:
            prepare_audio.main(["--data", str(work / "data"), "--output", str(work / "dump/raw"), *config])
        case 3:
            extract_features.main([*typed, lists[0], "--nj", "1", *config])
        case 4:
            collect_stats.main([*typed, *lists, *config])
        case 5:
            train.main([*typed, *lists, *config, "--output", str(work / "exp" / tag), *options, "--", *arguments])
        case 6:
            decode.main([*decoding, *dump])
        case 7:
            evaluate.main([*decoding, *dump, "--nj", "1"])
        case 8:
            pack.main([*decoding, "--onnx", "false"])
