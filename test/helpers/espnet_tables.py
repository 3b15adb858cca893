"""Writes what espnet_mtl.config.espnet knows of ESPnet: python test/helpers/espnet_tables.py."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path

CONFIG = Path(__file__).parents[2] / "espnet_mtl/config"
NETWORKS = (
    "espnet2.tts.fastspeech2.fastspeech2:FastSpeech2",
    "espnet2.tts.tacotron2.tacotron2:Tacotron2",
    "espnet2.tts.feats_extract.log_mel_fbank:LogMelFbank",
    "espnet2.tts.feats_extract.dio:Dio",
    "espnet2.tts.feats_extract.energy:Energy",
    "espnet2.layers.global_mvn:GlobalMVN",
)


def classes() -> dict[str, dict[str, list[str]]]:
    """Reads constructor arguments by kind and name; the first argument of optimizers and schedulers is given."""
    from espnet2.tasks.abs_task import optim_classes, scheduler_classes

    networks = {}
    for target in NETWORKS:
        module, name = target.split(":")
        networks[name] = list(inspect.signature(getattr(importlib.import_module(module), name)).parameters)
    tables = {"networks": networks}
    for kind, table in (("optim", optim_classes), ("scheduler", scheduler_classes)):
        tables[kind] = {name: list(inspect.signature(cls).parameters)[1:] for name, cls in table.items()}
    return tables


def keys() -> list[str]:
    """Names the options of ESPnet's own TTS training."""
    from espnet_mtl.system.espnet_imports import import_tts_task

    parser = import_tts_task().TTSTask.get_parser()
    return sorted({action.dest for action in parser._actions} - {"help", "config"})


if __name__ == "__main__":
    (CONFIG / "espnet_keys.txt").write_text("\n".join(keys()) + "\n", encoding="utf-8")
    (CONFIG / "espnet_classes.json").write_text(
        json.dumps(classes(), indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
