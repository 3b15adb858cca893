"""Writes what espnet_mtl.config.espnet knows of ESPnet: python test/helpers/espnet_tables.py."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from types import NoneType
from typing import get_args

CONFIG = Path(__file__).parents[2] / "espnet_mtl/config/espnet"
NETWORKS = (
    "espnet2.tts.fastspeech2.fastspeech2:FastSpeech2",
    "espnet2.tts.tacotron2.tacotron2:Tacotron2",
    "espnet2.gan_tts.jets:JETS",
    "espnet2.gan_tts.jets.generator:JETSGenerator",
    "espnet2.gan_tts.hifigan:HiFiGANMultiScaleMultiPeriodDiscriminator",
    "espnet2.gan_tts.hifigan:HiFiGANScaleDiscriminator",
    "espnet2.gan_tts.hifigan:HiFiGANPeriodDiscriminator",
    "espnet2.gan_tts.hifigan.loss:GeneratorAdversarialLoss",
    "espnet2.gan_tts.hifigan.loss:DiscriminatorAdversarialLoss",
    "espnet2.gan_tts.hifigan.loss:FeatureMatchLoss",
    "espnet2.tts.feats_extract.log_mel_fbank:LogMelFbank",
    "espnet2.tts.feats_extract.dio:Dio",
    "espnet2.tts.feats_extract.energy:Energy",
    "espnet2.layers.global_mvn:GlobalMVN",
)
PLAIN = (int, float, bool, str)


def classes() -> dict[str, dict[str, dict[str, str]]]:
    """Reads constructor arguments and their types by kind and name.

    The first argument of optimizers and schedulers is given.
    """
    from espnet_mtl.system.imports.espnet import import_quietly, import_tts_task

    import_tts_task()
    from espnet2.tasks.abs_task import optim_classes, scheduler_classes

    networks = {}
    for target in NETWORKS:
        module, name = target.split(":")
        import_quietly(module)
        networks[name] = arguments(getattr(importlib.import_module(module), name))
    tables = {"networks": networks}
    for kind, table in (("optim", optim_classes), ("scheduler", scheduler_classes)):
        tables[kind] = {name: arguments(cls, skipped=1) for name, cls in table.items()}
    return tables


def arguments(cls: type, skipped: int = 0) -> dict[str, str]:
    """Reads the constructor arguments of a class and their types."""
    parameters = list(inspect.signature(cls).parameters.values())[skipped:]
    return {parameter.name: type_name(parameter) for parameter in parameters}


def type_name(parameter: inspect.Parameter) -> str:
    """Names the type of an argument: int, float, bool or str, with a ? where it may be null; "any" for others."""
    annotation = parameter.annotation
    if annotation in PLAIN:
        return annotation.__name__
    if isinstance(annotation, str) and annotation in [plain.__name__ for plain in PLAIN]:
        return annotation
    types = get_args(annotation)
    plain = [one for one in types if one in PLAIN]
    if NoneType in types and len(types) == 2 and plain:
        return f"{plain[0].__name__}?"
    if isinstance(parameter.default, bool):
        return "bool"
    if isinstance(parameter.default, int | float):
        return "float"
    return "any"


def keys() -> list[str]:
    """Names the options of ESPnet's own TTS training."""
    from espnet_mtl.system.imports.espnet import import_tts_task

    parser = import_tts_task().TTSTask.get_parser()
    return sorted({action.dest for action in parser._actions} - {"help", "config"})


if __name__ == "__main__":
    (CONFIG / "keys.txt").write_text("\n".join(keys()) + "\n", encoding="utf-8")
    (CONFIG / "classes.json").write_text(json.dumps(classes(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
