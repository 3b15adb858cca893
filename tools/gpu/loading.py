"""Training from files: how long it waits for the loader."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tools.gpu.setting import Setting
from tools.gpu.training import Training


def benchmark_loading(setting: Setting, directory: Path) -> dict[str, float]:
    """Trains from files, as stage 5 does, and measures the share of the time that the training waits for the loader."""
    training = Training(setting, "fixed", half=setting.device != "cpu")
    loaded = loader(setting, directory)
    count = 4 if setting.small else 60
    training.take(islice(loaded, 2))
    waited = 0.0

    def batches() -> Iterator[Any]:
        nonlocal waited
        for _ in range(count):
            begin = time.perf_counter()
            batch = next(loaded)
            waited += time.perf_counter() - begin
            yield batch

    seconds = training.take(batches())
    return {"workers": setting.workers, "share_waiting": waited / seconds}


def loader(setting: Setting, directory: Path) -> Iterator[Any]:
    """Writes features as stages 3 and 4 do, and returns ESPnet's iterator over their batches, again and again."""
    from espnet2.train.distributed_utils import DistributedOption

    from espnet_mtl.tasks.tts import MTLTTSTask

    args = setting.args("fixed")
    inputs = write_features(directory, args, utterances=setting.size * (4 if setting.small else 20), setting=setting)
    args.train_data_path_and_name_and_type = inputs
    args.train_shape_file = [str(directory / "text_shape"), str(directory / "speech_shape")]
    args.batch_type, args.batch_size, args.num_iters_per_epoch = "sorted", setting.size, None
    args.use_preprocessor = True
    MTLTTSTask.build_model(args)  # completes the arguments
    factory = MTLTTSTask.build_iter_factory(args, DistributedOption(), mode="train")
    epoch = 0
    while True:
        epoch += 1
        yield from factory.build_iter(epoch)


def write_features(
    directory: Path, args: argparse.Namespace, utterances: int, setting: Setting
) -> list[tuple[str, str, str]]:
    """Writes random spectrograms, durations, pitch, energy, texts and labels; returns them as ESPnet's inputs."""
    import kaldiio

    random = np.random.default_rng(0)
    tables: dict[str, list[str]] = {name: [] for name in ("text", "durations", "sids", "emotion")}
    shapes: dict[str, list[str]] = {"text_shape": [], "speech_shape": []}
    scales = {name: f"ark,scp:{directory}/{name}.ark,{directory}/{name}.scp" for name in ("speech", "pitch", "energy")}
    with ExitStack() as files:
        arks = {name: files.enter_context(kaldiio.WriteHelper(scale)) for name, scale in scales.items()}
        for number in range(utterances):
            utt = f"utt{number:05}"
            durations = random.integers(2, 9, setting.tokens + 1)
            arks["speech"](utt, random.normal(size=(durations.sum(), 80)).astype("float32"))
            for name in ("pitch", "energy"):
                arks[name](utt, random.normal(size=(len(durations), 1)).astype("float32"))
            tables["text"].append(f"{utt} {' '.join(random.choice(args.token_list[2:-1], setting.tokens))}")
            tables["durations"].append(f"{utt} {' '.join(map(str, durations))}")
            tables["sids"].append(f"{utt} {random.choice(args.speakers)}")
            tables["emotion"].append(f"{utt} {random.choice(args.emotions)}")
            shapes["text_shape"].append(f"{utt} {setting.tokens}")
            shapes["speech_shape"].append(f"{utt} {durations.sum()},80")
    for name, lines in {**tables, **shapes}.items():
        (directory / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    kinds = {"text": "text", "durations": "text_int", "sids": "text", "emotion": "text"}
    inputs = [(str(directory / name), name, kind) for name, kind in kinds.items()]
    return [*inputs, *((str(directory / f"{name}.scp"), name, "kaldi_ark") for name in scales)]
