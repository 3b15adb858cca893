"""`tools/benchmark.py WHAT`: timings, as ratios within one run.

`train`: a training step against ESPnet's own; `weighting`: one under each weighting against fixed weights;
`discriminators`: one with discriminators against one without; `inference`: speaking, against ESPnet's own; `gpu`: all
of it on a GPU, as JSON.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
CONF = ROOT / "egs2/mtl_tts/conf"
CONFIG = CONF / "train_fastspeech2.yaml"
LARGE = CONF / "tuning/train_fastspeech2_large.yaml"
SPEAKERS, EMOTIONS, TOKENS = ["f1", "f2", "m1", "m2"], ["angry", "happy", "neutral", "sad", "surprised"], 98


def shipped_args(config: Path = CONFIG) -> argparse.Namespace:
    """Returns ESPnet's arguments as a shipped configuration sets them."""
    from espnet_mtl.config.load import load_train_config
    from espnet_mtl.tasks.tts import MTLTTSTask

    parser = MTLTTSTask.get_parser()
    parser.set_defaults(**load_train_config(config))
    return parser.parse_args([])


def shipped_heads(config: Path = CONFIG) -> dict[str, dict]:
    """Returns the tasks of a shipped configuration that have a head; all of them act from the first step on."""
    tasks = shipped_args(config).tasks
    return {name: {**task, "start": 0.0, "ramp": 0.0} for name, task in tasks.items() if name != "tts"}


def build_args(statistics_dir: Path, tasks: dict, config: Path = CONFIG) -> argparse.Namespace:
    """Returns the arguments of a shipped configuration with other tasks."""
    args = shipped_args(config)
    for name, dim in {"feats": 80, "pitch": 1, "energy": 1}.items():
        path = statistics_dir / f"{name}.npz"
        np.savez(path, count=10, sum=np.zeros(dim, "f"), sum_square=np.full(dim, 10, "f"))
        key = "normalize_conf" if name == "feats" else f"{name}_normalize_conf"
        setattr(args, key, {"stats_file": str(path)})
    args.token_list = [str(number) for number in range(TOKENS)]
    args.speakers, args.emotions, args.tasks = SPEAKERS, EMOTIONS, {"tts": {"weight": 1.0}, **tasks}
    if not {"pitch_range", "mel_range"} <= tasks.keys():
        args.style_conf = {**args.style_conf, "restore_range": False}
    return args


def build_models(statistics_dir: Path) -> dict[str, torch.nn.Module]:
    """Builds ESPnet's model and ours with ever more tasks, all of the same sizes."""
    from espnet_mtl.tasks.tts import MTLTTSTask  # isort: skip  (first: it imports ESPnet without noise)
    from espnet2.tts.espnet_model import ESPnetTTSModel
    from espnet2.tts.fastspeech2.fastspeech2 import FastSpeech2

    shared = {
        "emotion": {"head": "classifier", "tap": "style", "label": "emotion", "weight": 0.5},
        "emotion_shared": {"head": "classifier", "tap": "shared", "label": "emotion", "weight": 0.1},
        "speaker_shared": {"head": "classifier", "tap": "shared", "label": "speaker", "weight": 0.1},
    }
    shipped = build_args(statistics_dir, {})
    ours = {
        "style and shared heads": MTLTTSTask.build_model(build_args(statistics_dir, shared)),
        "style and mel heads": MTLTTSTask.build_model(build_args(statistics_dir, shipped_heads())),
    }
    parts = MTLTTSTask.build_model(shipped)
    espnet = ESPnetTTSModel(
        feats_extract=None,
        pitch_extract=parts.pitch_extract,
        energy_extract=parts.energy_extract,
        normalize=parts.normalize,
        pitch_normalize=parts.pitch_normalize,
        energy_normalize=parts.energy_normalize,
        tts=FastSpeech2(idim=TOKENS, odim=80, **{**shipped.tts_conf, "spks": len(SPEAKERS), "langs": None}),
    )
    return {"ESPnet": espnet, **ours}


def make_batch(size: int, tokens: int) -> dict[str, torch.Tensor]:
    """Makes a batch like the demo's: `tokens` phones of 5 frames on average."""
    generator = torch.Generator().manual_seed(0)
    durations = torch.randint(2, 9, (size, tokens + 1), generator=generator)
    frames, count = durations.sum(1), torch.full((size,), tokens + 1)
    batch = {
        "text": torch.randint(2, TOKENS - 1, (size, tokens), generator=generator),
        "text_lengths": count - 1,
        "speech": torch.randn(size, int(frames.max()), 80, generator=generator),
        "speech_lengths": frames,
        "sids": torch.randint(0, len(SPEAKERS), (size, 1), generator=generator),
        "durations": durations,
        "durations_lengths": count,
    }
    for name in ("pitch", "energy"):
        batch.update({name: torch.randn(size, tokens + 1, 1, generator=generator), f"{name}_lengths": count})
    return batch


def step(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> Callable[[], float]:
    """Returns a function that takes one training step and tells its seconds."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    labels = {"emotion": torch.eye(len(EMOTIONS))[batch["sids"].view(-1)]} if hasattr(model, "heads") else {}

    def run() -> float:
        begin = time.perf_counter()
        # ESPnet normalizes what it is given in place.
        loss, _, _ = model(**{key: value.clone() for key, value in {**batch, **labels}.items()})
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return time.perf_counter() - begin

    return run


def build_weightings(statistics_dir: Path) -> dict[str, torch.nn.Module]:
    """Builds the shipped model, with a head on the encoder's output besides, under every weighting."""
    from espnet_mtl.registry import WEIGHTINGS
    from espnet_mtl.tasks.tts import MTLTTSTask

    heads = shipped_heads()
    heads["speaker_shared"] = {"head": "classifier", "tap": "shared", "label": "speaker", "weight": 0.1}
    models = {}
    for name in WEIGHTINGS:
        args = build_args(statistics_dir, heads)
        args.weighting = name
        torch.manual_seed(0)
        models[name] = MTLTTSTask.build_model(args)
    return models


def build_discriminators(statistics_dir: Path) -> dict[str, torch.nn.Module]:
    """Builds the shipped model with fixed weights, without discriminators and with them."""
    from espnet_mtl.tasks.tts import MTLTTSTask

    models = {}
    for name in ("fixed", "discriminators"):
        args = build_args(statistics_dir, shipped_heads(CONF / f"ablation/{name}.yaml"))
        args.weighting = "fixed"
        torch.manual_seed(0)
        models[name] = MTLTTSTask.build_model(args)
    return models


BENCHMARKS = {"train": build_models, "weighting": build_weightings, "discriminators": build_discriminators}


def benchmark(what: str, rounds: int, batch_size: int, threads: int) -> None:
    """Prints each model's step against that of the first, taken in turn: median of the ratios, quartiles, seconds."""
    torch.set_num_threads(threads)
    warnings.filterwarnings("ignore", category=FutureWarning, module="espnet2")
    with tempfile.TemporaryDirectory() as directory:
        models = BENCHMARKS[what](Path(directory))
    batch = make_batch(batch_size, tokens=25)
    steps = {name: step(model.train(), batch) for name, model in models.items()}
    for run in steps.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, run in steps.items():
            seconds[name].append(run())
    print(
        f"{rounds} rounds, batch {batch_size}, {threads} thread(s), {os.cpu_count()} cores, torch {torch.__version__}"
    )
    first = next(iter(seconds))
    for name, own in seconds.items():
        ratios = [one / base for one, base in zip(own, seconds[first], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(f"{name:24} {middle:.3f} ({low:.3f} to {high:.3f}) of {first}, {statistics.median(own):.3f} s")


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=[*BENCHMARKS, "inference", "gpu"], help="what is timed")
    parser.add_argument("--rounds", type=int, default=40, help="steps of each model")
    parser.add_argument("--batch_size", type=int, default=8, help="utterances of a step, or texts at a time")
    parser.add_argument("--threads", type=int, default=1, help="threads")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="of `gpu`: what it runs on")
    parser.add_argument("--small", action="store_true", help="of `gpu`: tiny networks, which a CPU trains in seconds")
    args = parser.parse_args()
    if args.what == "gpu":
        if args.device == "cuda" and not torch.cuda.is_available():
            parser.error("PyTorch finds no GPU here: --device cpu --small runs the same code on a CPU")
        from tools.gpu.report import benchmark_gpu

        large = partial(build_args, config=LARGE)
        benchmark_gpu(large, shipped_heads(LARGE), make_batch, device=args.device, small=args.small)
        return
    if args.what == "inference":
        from inference_speed import benchmark_inference

        shipped = partial(build_args, tasks=shipped_heads())
        benchmark_inference(shipped, args.rounds, args.batch_size, args.threads)
        return
    benchmark(args.what, args.rounds, args.batch_size, args.threads)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
