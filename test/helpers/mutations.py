"""Wrong values for every key of a training configuration, and a network that is built and trained for one step."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator, Mapping
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tiny_backbones import TINY

from espnet_mtl.config.espnet import FEATURE_CLASSES, class_arguments
from espnet_mtl.config.load import read_train_config
from espnet_mtl.labels import TABLES
from espnet_mtl.registry import BACKBONES

CONF = Path(__file__).parents[2] / "egs2/mtl_tts/conf"
NUMBERS = (0, -1, 1, 2, 3, 7, 10**9, 0.5, -0.5, 1.5, 1e-9, 1e30, nan, inf, -inf)
OTHERS = ("80", "text", "", True, False, None, [], [1], [0.5, 2], {}, {"a": 1})
VALUES = (*NUMBERS, *OTHERS)
Place = tuple[str, ...]


def base_config(name: str) -> dict[str, Any]:
    """A shipped configuration with a tiny network, and every option of its network and features written out."""
    config = read_train_config(CONF / f"train_{name}.yaml")
    config["tts_conf"] |= TINY[name]
    return config


def places(config: Mapping[str, Any], prefix: Place = ()) -> Iterator[Place]:
    """Yields where values stand."""
    for key, value in config.items():
        yield (*prefix, key)
        if isinstance(value, Mapping):
            yield from places(value, (*prefix, key))


def all_places(name: str) -> list[Place]:
    """Places of a shipped configuration, and of the options that it leaves out."""
    config = base_config(name)
    found = list(places(config))
    spec = BACKBONES.spec(name)
    for argument in class_arguments(spec.espnet_class.partition(":")[2]):
        found.append(("tts_conf", argument))
    for section, cls in spec.sections.items():
        found += [("tts_conf", *section.split("."), argument) for argument in class_arguments(cls)]
    for section, cls in FEATURE_CLASSES.items():
        found += [(section, argument) for argument in class_arguments(cls)]
    return list(dict.fromkeys(found))


def mutated(config: Mapping[str, Any], place: Place, value: object) -> dict[str, Any]:
    changed = copy.deepcopy(dict(config))
    *sections, key = place
    section = changed
    for name in sections:
        section = section.setdefault(name, {})
    section[key] = value
    return changed


def speech(fs: int, seconds: float = 0.6) -> np.ndarray:
    time = np.arange(int(fs * seconds)) / fs
    return sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 15)).astype(np.float32) * 0.1


def train_step(full: Mapping[str, Any], directory: Path) -> float:
    """Extracts features, collects statistics, and trains one step: the loss."""
    import soundfile

    from espnet_mtl.data.extraction.extractor import Extractor
    from espnet_mtl.data.stats import Moments
    from espnet_mtl.tasks.tts import training_task

    fs = full["feats_extract_conf"]["fs"]
    soundfile.write(directory / "a.wav", speech(fs), fs)
    features = Extractor(full)(str(directory / "a.wav"), [0.1, 0.2, 0.3, 0.5])
    settings = dict(full)
    for key, array in (
        ("normalize", features.feats),
        ("pitch_normalize", features.pitch),
        ("energy_normalize", features.energy),
    ):
        moments = Moments()
        moments.add(array)
        moments.save(directory / f"{key}.npz")
        settings[f"{key}_conf"] = {**full[f"{key}_conf"], "stats_file": str(directory / f"{key}.npz")}
    settings |= {"token_list": ["<blank>", "<unk>", "a", "b", "<sos/eos>"], "token_type": "phn", "odim": None}
    names = {"speakers": ["f1", "m1"], "emotions": ["happy", "neutral", "sad"], "languages": ["en-us"]}
    settings |= {**dict.fromkeys(TABLES), **names}
    settings |= {"use_preprocessor": True, "bpemodel": None, "g2p": None, "non_linguistic_symbols": None}
    defaults = {"exclude_weight_decay": False, "exclude_weight_decay_conf": {}, "sharded_ddp": False}
    args = argparse.Namespace(**{**defaults, **settings})
    torch.manual_seed(0)
    task = training_task(args.tts)
    model = task.build_model(args)
    optimizers = task.build_optimizers(args, model)
    keys = ("scheduler", "scheduler2")
    schedulers = [build_scheduler(args, optimizer, key) for optimizer, key in zip(optimizers, keys, strict=False)]
    model.train()
    loss = 0.0
    turns = [{"forward_generator": False}, {"forward_generator": True}] if len(optimizers) > 1 else [{}]
    for number in range(2 * len(turns)):
        inputs = batch(features, args.tts, speech(fs))
        result = model(**inputs, **turns[number % len(turns)])
        losses = result["loss"] if isinstance(result, dict) else result[0]
        if losses.dim():
            losses = losses.mean()
        losses.backward()
        trained = result["optim_idx"] if isinstance(result, dict) else 0
        optimizer, scheduler = optimizers[trained], schedulers[trained]
        if args.__dict__.get("grad_clip"):
            torch.nn.utils.clip_grad_norm_(
                model.parameters(), max_norm=full.get("grad_clip", 5.0), norm_type=full.get("grad_clip_type", 2.0)
            )
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        model.zero_grad()
        loss = losses.item()
    return loss


def build_scheduler(args: argparse.Namespace, optimizer: Any, key: str) -> Any:
    from espnet2.tasks.abs_task import scheduler_classes

    name, conf = getattr(args, key), getattr(args, f"{key}_conf")
    return None if name is None else scheduler_classes[name.lower()](optimizer, **conf)


def batch(features: Any, backbone: str, recording: np.ndarray) -> dict[str, torch.Tensor]:
    two = {
        "text": torch.tensor([[2, 3, 2, 3]] * 2),
        "speech": torch.tensor(np.stack([features.feats] * 2)),
        "durations": torch.tensor([features.durations] * 2),
        "pitch": torch.tensor(np.stack([features.pitch] * 2)),
        "energy": torch.tensor(np.stack([features.energy] * 2)),
    }
    if BACKBONES.spec(backbone).end_to_end:
        two["speech"] = torch.from_numpy(np.stack([recording] * 2))
    taken = {"text", "speech", *BACKBONES.spec(backbone).token_features}
    two = {name: value for name, value in two.items() if name in taken}
    lengths = {f"{name}_lengths": torch.tensor([value.size(1)] * 2) for name, value in two.items()}
    return {**two, **lengths, "sids": torch.tensor([[0], [1]]), "emotion": torch.eye(3)[:2]}
