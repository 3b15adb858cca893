"""The ESPnet task of multi-task text-to-speech."""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.multiprocessing import ProcessExitedException

from espnet_mtl.config.espnet import espnet_keys
from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.schema import OWN_KEYS, complete, training_steps
from espnet_mtl.errors import USER_ERROR, UserError, run_command
from espnet_mtl.labels import CLASS_LABELS, CONTINUOUS_LABELS, LABELS, TABLES
from espnet_mtl.model.checkpoint import load_checked, load_state
from espnet_mtl.model.heads.base import Head
from espnet_mtl.model.model import MTLTTSModel
from espnet_mtl.model.progress import TrainProgress
from espnet_mtl.model.style.table import Style
from espnet_mtl.model.weighting.base import Weighting
from espnet_mtl.registry import BACKBONES, HEADS, WEIGHTINGS
from espnet_mtl.system.espnet_imports import import_tts_task
from espnet_mtl.system.log import TRAIN_LOG, log_to
from espnet_mtl.tasks.preprocess import LabelEncoder
from espnet_mtl.text.tokens import Tokenizer

tts = import_tts_task()

from espnet2.train.class_choices import ClassChoices  # noqa: E402
from espnet2.train.collate_fn import CommonCollateFn  # noqa: E402
from espnet2.utils.nested_dict_action import NestedDictAction  # noqa: E402
from espnet2.utils.types import str_or_none  # noqa: E402

BATCH_KEYS = tuple(label.batch_key for label in LABELS.values())
"""Entries of a batch that hold labels."""


class MTLTTSTask(tts.TTSTask):  # type: ignore[name-defined]
    """ESPnet's TTS task with this project's backbones, style, task heads and weighting."""

    class_choices_list = [  # noqa: RUF012
        *(choices for choices in tts.TTSTask.class_choices_list if choices.name != "tts"),
        ClassChoices("tts", {name: BACKBONES.load(name) for name in BACKBONES}, default="fastspeech2"),
    ]

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Adds ESPnet's TTS options and this project's (`espnet_mtl.config.schema.OWN_KEYS`)."""
        super().add_task_arguments(parser)
        group = parser.add_argument_group(description="Multi-task related")
        for key, default in OWN_KEYS.items():
            if isinstance(default, dict):
                group.add_argument(f"--{key}", action=NestedDictAction, default=default)
            elif key in TABLES:
                group.add_argument(f"--{key}", type=str_or_none, help="A file of names, one a line, or a list")
            else:
                group.add_argument(f"--{key}", type=str, default=default)

    @classmethod
    def optional_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """The data that may be given."""
        names = dict.fromkeys(
            (*super().optional_data_names(train, inference), *(label.batch_key for label in LABELS.values()))
        )
        return tuple(names)

    @classmethod
    def build_preprocess_fn(cls, args: argparse.Namespace, train: bool) -> Callable[..., dict[str, np.ndarray]]:
        """Turns tokens and label names into numbers; phonemes are looked up, not made, here."""
        # Phones are those of the cleaned text: to clean them, too, would make other tokens of them.
        cleaner = Tokenizer(args.token_type, cleaner=args.cleaner).line_cleaner
        preprocess = super().build_preprocess_fn(argparse.Namespace(**{**vars(args), "cleaner": cleaner}), train)
        return LabelEncoder(label_tables(args), preprocess)

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> CommonCollateFn:
        """Pads sequences with 0; labels and embeddings are one vector an utterance."""
        return CommonCollateFn(
            float_pad_value=0.0,
            int_pad_value=0,
            not_sequence=["spembs", *BATCH_KEYS],
        )

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> MTLTTSModel:
        """Builds the model that the configuration describes, and writes what it derived back into `args`.

        Raises:
            UserError: An unknown key or name in the configuration, or a task whose labels the data lack.
        """
        keys = {*espnet_keys(), *OWN_KEYS}
        full = complete({key: value for key, value in vars(args).items() if value is not None and key in keys})
        vars(args).update({key: full[key] for key in full if key in vars(args) or key in OWN_KEYS})
        args.token_list = _names(args.token_list)
        for key in TABLES:
            setattr(args, key, _names(getattr(args, key)))
        tables = label_tables(args)
        args.tasks = with_labels(args.tasks, {label for label in CLASS_LABELS if not tables[label]})
        parts = _build_parts(args)
        odim = parts["feats_extract"].output_size()
        args.tts_conf = {
            **args.tts_conf,
            "spks": len(tables["speaker"]) or None,
            "langs": len(tables["language"]) or None,
        }
        backbone = BACKBONES.load(args.tts)(idim=len(args.token_list), odim=odim, **args.tts_conf)
        adim = backbone.encoder_dim
        style = _build_style(args, odim, adim, len(tables["emotion"]))
        tap_dims = {
            "encoder": adim,
            "speaker": adim if backbone.spks else 0,
            "shared": backbone.shared_dim,
            "prosody": 3,
            "mel": odim,
            "style": style.table.size(1) if style and style.reference else 0,
        }
        heads = {name: _build_head(name, task, tap_dims, tables) for name, task in args.tasks.items() if name != "tts"}
        backbone.split = bool(args.tasks["tts"].get("split"))
        weighting = _build_weighting(args)
        return MTLTTSModel(style, "emotion", heads, weighting, tts=backbone, **parts)

    @classmethod
    def build_optimizers(cls, args: argparse.Namespace, model: MTLTTSModel) -> list[torch.optim.Optimizer]:
        """Builds ESPnet's optimizers, and lets the model see how far the training is."""
        optimizers = super().build_optimizers(args, model)
        if args.num_iters_per_epoch is None and any(head.start or head.ramp for head in model.task_heads().values()):
            raise UserError("num_iters_per_epoch: must be set where a task has 'start' or 'ramp', parts of training")
        model.progress = TrainProgress(optimizers[0], max(1, training_steps(vars(args))))
        return optimizers

    @classmethod
    def main(cls, args: argparse.Namespace | None = None, cmd: Sequence[str] | None = None) -> None:
        """Trains, in as many processes as there are GPUs; ends as they do where they said what a user did wrong."""
        try:
            super().main(args, cmd)
        except ProcessExitedException as error:
            if error.exit_code != USER_ERROR:
                raise
            sys.exit(USER_ERROR)

    @classmethod
    def main_worker(cls, args: argparse.Namespace) -> None:
        """Trains in this process; one of several has a log of its own, and says itself what a user did wrong."""
        parent = multiprocessing.parent_process()
        if parent is None:
            super().main_worker(args)
            return
        threading.Thread(target=_end_with, args=[parent], daemon=True).start()
        if args.dist_rank == 0:
            log_to(Path(args.output_dir) / TRAIN_LOG)
        run_command(partial(super().main_worker, args))

    @classmethod
    def build_model_from_file(
        cls, config_file: str | Path | None = None, model_file: str | Path | None = None, device: str = "cpu"
    ) -> tuple[MTLTTSModel, argparse.Namespace]:
        """Builds a trained model; unlike ESPnet's, it loads weights only and checks every key.

        Raises:
            UserError: A file is missing, the checkpoint is no plain weights file, or its keys are not the model's.
        """
        if config_file is None and model_file is None:
            raise UserError("give a config file or a model file")
        config_file = config_file or Path(str(model_file)).parent / "config.yaml"
        args = argparse.Namespace(**read_yaml(config_file))
        foreign = _foreign(args)
        args.tasks = {name: task for name, task in args.tasks.items() if name not in foreign}
        model = cls.build_model(args)
        if model_file is not None:
            unused = ("weighting.", *(f"heads.{name}." for name in foreign))
            state = {key: value for key, value in load_state(model_file).items() if not key.startswith(unused)}
            own = {key: value for key, value in model.state_dict().items() if key.startswith("weighting.")}
            load_checked(model, {**own, **state})
        return model.to(device), args


def _end_with(parent: BaseProcess) -> None:
    """Ends this process as soon as its parent is gone, even killed: it would go on writing without the lock."""
    parent.join()
    os._exit(1)


def label_tables(args: argparse.Namespace) -> dict[str, list[str]]:
    """Names the classes of each label: `{"emotion": ["angry", …], …}`."""
    return {label.name: _names(getattr(args, key, None)) for key, label in TABLES.items()}


def _names(source: str | list[str] | None) -> list[str]:
    """Reads a list of names from a file, one a line, or takes the list as it is."""
    if source is None or isinstance(source, (list, tuple)):
        return list(source or [])
    if not Path(source).is_file():
        raise UserError(f"run stage 4 first: {source} is missing")
    return Path(source).read_text(encoding="utf-8").splitlines()


def _build_parts(args: argparse.Namespace) -> dict[str, Any]:
    """Builds ESPnet's feature extractors and normalizations."""
    reduction = {"reduction_factor": args.tts_conf.get("reduction_factor", 1)}
    args.pitch_extract_conf = {**reduction, **args.pitch_extract_conf}
    args.energy_extract_conf = {**reduction, **args.energy_extract_conf}
    for name in {"pitch", "energy"} - set(BACKBONES.spec(args.tts).token_features):
        for part in ("extract", "normalize"):
            setattr(args, f"{name}_{part}", None)
    parts = {}
    for choices in tts.TTSTask.class_choices_list:
        name = choices.name
        if name == "tts":
            continue
        part = choices.get_class(getattr(args, name))
        parts[name] = part(**getattr(args, f"{name}_conf")) if part else None
        logging.info(f"{name}: {parts[name]}")
    return parts


def with_labels(tasks: dict[str, Any], absent: Collection[str]) -> dict[str, Any]:
    """Leaves out tasks whose label the data do not have at all, and says so."""
    lacking = {name: task["label"] for name, task in tasks.items() if task.get("label") in absent}
    for name, label in lacking.items():
        logging.warning(f"tasks.{name} is left out: the data have no {label} labels")
    return {name: task for name, task in tasks.items() if name not in lacking}


def _build_style(args: argparse.Namespace, odim: int, adim: int, emotions: int) -> Style | None:
    try:
        return Style(emotions, odim, adim, **args.style_conf) if emotions else None
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"style_conf: {error}") from error


def _build_weighting(args: argparse.Namespace) -> Weighting:
    try:
        return WEIGHTINGS.load(args.weighting)(_preferences(args), **args.weighting_conf)
    except (TypeError, ValueError) as error:
        raise UserError(f"weighting_conf: {error}") from error


def _foreign(args: argparse.Namespace) -> list[str]:
    """Names the tasks whose heads are the user's own: synthesis needs none, and their files may be elsewhere."""
    return [name for name, task in args.tasks.items() if HEADS.is_custom(task.get("head"))]


def _preferences(args: argparse.Namespace) -> dict[str, float]:
    """Returns λ_k per task, in the order of the tasks; the parts of a split TTS loss are tasks."""
    weights = {name: float(task.get("weight", 1.0)) for name, task in args.tasks.items()}
    total, split = weights.pop("tts"), args.tasks["tts"].get("split")
    if not split:
        return {"tts": total, **weights}
    factors = split if isinstance(split, dict) else {}
    guided = args.tts_conf.get("use_guided_attn_loss", True)
    parts = [part for part in BACKBONES.spec(args.tts).parts if part != "attention" or guided]
    return {**{f"tts_{part}": total * float(factors.get(part, 1.0)) for part in parts}, **weights}


NEEDED = {
    "style": "a reference encoder (style_conf.reference: true), and emotion labels in the data",
    "speaker": "several speakers; the data have one",
}
"""What the taps need that not every model has."""


def _build_head(
    name: str,
    task: dict[str, Any],
    tap_dims: dict[str, int],
    tables: dict[str, list[str]],
) -> Head:
    if hasattr(torch.nn.ModuleDict(), name):
        raise UserError(f"tasks.{name}: PyTorch's modules have something of this name; choose another")
    options = {key: value for key, value in task.items() if key != "head"}
    if not tap_dims[task["tap"]]:
        raise UserError(f"tasks.{name}: the tap {task['tap']!r} needs {NEEDED[task['tap']]}")
    attends = task["tap"] == "style" and task["label"] == "emotion" and not task.get("reversed")
    if task["head"] == "classifier" and attends:
        options["attention"] = True
    label = task["label"]
    classes = CONTINUOUS_LABELS[label].size if label in CONTINUOUS_LABELS else len(tables[label])
    kind: Any = HEADS.load(task["head"])
    if Head not in getattr(kind, "__mro__", ()):
        raise UserError(f"tasks.{name}: {task['head']} is no subclass of espnet_mtl.model.heads.base.Head")
    try:
        return kind(dim=tap_dims[task["tap"]], classes=classes, **options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"tasks.{name}: {task['head']}: {error}") from error
