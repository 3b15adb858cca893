"""The ESPnet task of multi-task text-to-speech."""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.multiprocessing import ProcessExitedException

from espnet_mtl.config.schema import CHANGED_DEFAULTS, FEATURES, OWN_KEYS, complete, training_keys, training_steps
from espnet_mtl.config.tables import label_tables, listed_names
from espnet_mtl.config.trained import custom_heads, read_trained_config
from espnet_mtl.errors import USER_ERROR, UserError, run_command
from espnet_mtl.labels import CLASS_LABELS, LABELS, TABLES
from espnet_mtl.model.build import build_model
from espnet_mtl.model.checkpoint import check_statistics, load_state
from espnet_mtl.model.model import MTLTTSModel
from espnet_mtl.model.progress import TrainProgress
from espnet_mtl.registry import BACKBONES, HEADS
from espnet_mtl.system.files import naming
from espnet_mtl.system.imports.espnet import import_tts_task
from espnet_mtl.system.imports.pyworld import import_pyworld
from espnet_mtl.system.imports.tqdm import import_tqdm
from espnet_mtl.system.log import TRAIN_LOG, logged
from espnet_mtl.system.networks import check_fits
from espnet_mtl.system.parallel.children import end_with_parent
from espnet_mtl.tasks.preprocess import LabelEncoder
from espnet_mtl.tasks.saving import whole_saves
from espnet_mtl.text.normal import normal_text
from espnet_mtl.text.tokens import Tokenizer

tts = import_tts_task()

from espnet2.train.class_choices import ClassChoices  # noqa: E402
from espnet2.train.collate_fn import CommonCollateFn  # noqa: E402
from espnet2.utils.nested_dict_action import NestedDictAction  # noqa: E402
from espnet2.utils.types import str_or_none  # noqa: E402

PARENTS_TURN_S = 3.0
"""How long a process that fails waits for its parent, which notices within a tenth of it that another was killed."""
LABEL_KEYS = tuple(label.batch_key for label in LABELS.values())
"""Entries of a batch that hold labels."""


def load_backbones(end_to_end: bool) -> dict[str, Any]:
    """Imports the backbones that need a vocoder, or those that need none, by name."""
    return {name: BACKBONES.load(name) for name in BACKBONES if BACKBONES.spec(name).end_to_end == end_to_end}


class MTLTTSTask(tts.TTSTask):  # type: ignore[name-defined]
    """ESPnet's TTS task with this project's backbones, style, task heads and weighting."""

    class_choices_list = [  # noqa: RUF012
        *(choices for choices in tts.TTSTask.class_choices_list if choices.name != "tts"),
        ClassChoices("tts", load_backbones(end_to_end=False), default="fastspeech2"),
    ]

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Adds ESPnet's TTS options and this project's (`espnet_mtl.config.schema.OWN_KEYS`)."""
        super().add_task_arguments(parser)
        parser.set_defaults(**CHANGED_DEFAULTS)
        group = parser.add_argument_group(description="Multi-task related")
        for key, default in OWN_KEYS.items():
            if isinstance(default, dict):
                group.add_argument(f"--{key}", action=NestedDictAction, default=default)
            elif key in TABLES:
                group.add_argument(f"--{key}", type=str_or_none, help="A file of names, one a line, or a list")
            elif default is None:
                group.add_argument(f"--{key}", type=str_or_none)
            else:
                group.add_argument(f"--{key}", type=str, default=default)

    @classmethod
    def optional_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """The data that may be given."""
        names = [*super().optional_data_names(train, inference), *LABEL_KEYS, "visual"]
        return tuple(dict.fromkeys(names))

    @classmethod
    def build_preprocess_fn(cls, args: argparse.Namespace, train: bool) -> Callable[..., dict[str, np.ndarray]]:
        """Turns tokens and label names into numbers; phonemes are looked up, not made, here."""
        # Phones are those of the cleaned text: to clean them, too, would make other tokens of them.
        cleaner = Tokenizer(args.token_type, cleaner=args.cleaner).line_cleaner
        preprocess = super().build_preprocess_fn(argparse.Namespace(**{**vars(args), "cleaner": cleaner}), train)
        line = None if args.token_type == "phn" else normal_text
        return LabelEncoder(label_tables(args), preprocess, line)

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> CommonCollateFn:
        """Pads sequences with 0; labels and embeddings are one vector an utterance."""
        return CommonCollateFn(
            float_pad_value=0.0,
            int_pad_value=0,
            not_sequence=["spembs", *LABEL_KEYS],
        )

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> MTLTTSModel:
        """Builds the model that the configuration describes, and writes what it derived back into `args`.

        Raises:
            UserError: An unknown key or name in the configuration, or a task whose labels the data lack.
        """
        complete_args(args)
        parts = build_espnet_parts(args)
        return build_model(vars(args), parts)

    @classmethod
    def build_sequence_iter_factory(cls, args: argparse.Namespace, iter_options: Any, mode: str) -> Any:
        """Makes batches.

        Raises:
            UserError: One has fewer utterances than there are processes.
        """
        try:
            return super().build_sequence_iter_factory(args, iter_options, mode)
        except RuntimeError as error:
            if "world_size" not in str(error):
                raise
            part = "dev" if mode == "valid" else mode
            fewer = "GPUs or splits" if args.multiple_iterator else "GPUs"
            raise UserError(
                f"{part}: a batch has fewer utterances than there are processes ({error}): take fewer {fewer}, more "
                "utterances, or a larger batch_size or batch_bins"
            ) from error

    @classmethod
    def build_optimizers(cls, args: argparse.Namespace, model: MTLTTSModel) -> list[torch.optim.Optimizer]:
        """Builds ESPnet's optimizers, and lets the model see how far the training is."""
        optimizers = super().build_optimizers(args, model)
        if args.num_iters_per_epoch is None and any(head.start or head.ramp for head in model.multitask.heads.values()):
            raise UserError("num_iters_per_epoch: must be set where a task has 'start' or 'ramp', parts of training")
        model.multitask.progress = TrainProgress(optimizers[0], max(1, training_steps(vars(args))))
        return optimizers

    @classmethod
    def main(cls, args: argparse.Namespace | None = None, cmd: Sequence[str] | None = None) -> None:
        """Trains, in as many processes as there are GPUs; ends as they do where they said what a user did wrong.

        Raises:
            UserError: One of the processes was killed.
        """
        try:
            super().main(args, cmd)
        except ProcessExitedException as error:
            if error.exit_code == USER_ERROR:
                sys.exit(USER_ERROR)
            if error.signal_name == "SIGKILL":
                raise UserError(f"{error}: perhaps memory ran out; lower batch_bins") from error
            raise
        finally:
            if args is not None:
                _said(args.output_dir, os.getpid()).unlink(missing_ok=True)

    @classmethod
    def main_worker(cls, args: argparse.Namespace) -> None:
        """Trains in this process; one of several has a log of its own, and says itself what a user did wrong."""
        parent = multiprocessing.parent_process()
        if parent is None:
            with _others_needed():
                cls._train(args)
            return
        end_with_parent()
        leads = args.dist_rank == 0
        with logged(Path(args.output_dir) / TRAIN_LOG) if leads else nullcontext():
            run_command(partial(cls._train_beside_others, args, parent.pid))

    @classmethod
    def _train_beside_others(cls, args: argparse.Namespace, parent: int | None) -> None:
        """Trains as one of several processes: what all of them find wrong is said by one."""
        with _others_needed():
            try:
                cls._train(args)
            # Whatever it is, the first says it, and the others end as if they had
            except Exception as error:
                if not isinstance(error, UserError):
                    # Where another process was killed, this one fails as well; the parent says so, and ends this one
                    time.sleep(PARENTS_TURN_S)
                try:
                    _said(args.output_dir, parent).touch(exist_ok=False)
                except FileExistsError:
                    sys.exit(USER_ERROR)
                raise

    @classmethod
    def _train(cls, args: argparse.Namespace) -> None:
        with whole_saves(), naming(args.output_dir):
            super().main_worker(args)

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
        args = argparse.Namespace(**read_trained_config(config_file))
        state = None if model_file is None else load_state(model_file)
        try:
            return _build_trained(args, state).to(device), args
        except UserError as error:
            raise UserError(f"{config_file}: {error}") from error


def training_task(tts: str) -> type[MTLTTSTask]:
    """Returns the task that trains a backbone."""
    if BACKBONES.spec(tts).end_to_end:
        from espnet_mtl.tasks.gan_tts import MTLGANTTSTask  # it imports networks that others do without

        return MTLGANTTSTask
    return MTLTTSTask


def _build_trained(args: argparse.Namespace, state: Mapping[str, torch.Tensor] | None) -> MTLTTSModel:
    """Builds the model of a trained model's configuration without heads of the user's own.

    Args:
        args: The configuration, completed in place.
        state: Its weights; None: those of a new model stay.
    """
    custom = custom_heads(args.tasks)
    args.tasks = {name: task for name, task in args.tasks.items() if name not in custom}
    complete_args(args)
    parts = build_espnet_parts(args)
    if state is None:
        return build_model(vars(args), parts)
    # Training alone needs the weighting's state, and the heads that are left out
    unused = ("weighting.", *(f"heads.{name}." for name in custom))
    trained = {key: value for key, value in state.items() if not key.startswith(unused)}
    # First without memory: a configuration may describe a larger network than there is
    with torch.device("meta"):
        described = build_model(vars(args), parts).state_dict()
    check_fits({key: value for key, value in described.items() if not key.startswith("weighting.")}, trained)
    model = build_model(vars(args), parts)
    model.load_state_dict(trained, strict=False)
    return model


@contextmanager
def _others_needed() -> Iterator[None]:
    """Makes a `UserError` of what PyTorch raises where another process of the training, or its machine, is lost."""
    try:
        yield
    except RuntimeError as error:
        # Gloo's errors have no class of their own
        if not isinstance(error, torch.distributed.DistError) and "gloo" not in str(error):
            raise
        raise UserError(
            "another process of this training ended: its own message says why. The same command goes on from the last "
            "checkpoint"
        ) from error


def _said(output_dir: str, parent: int | None) -> Path:
    """Returns the file that is there once one of the processes has said what is wrong.

    Args:
        output_dir: The experiment.
        parent: Id of the process that started them.
    """
    return Path(output_dir) / f".said.{parent}"


def complete_args(args: argparse.Namespace) -> None:
    """Checks and completes the arguments of a training, in place: ESPnet writes them to config.yaml.

    Token list and label tables become lists of names, and what follows from them is filled in.

    Raises:
        UserError: An unknown key or name, or a file that is missing.
    """
    keys = training_keys(vars(args))
    given = {key: value for key, value in vars(args).items() if value is not None and key in keys}
    for key, value in complete(given).items():
        setattr(args, key, value)
    args.token_list = listed_names(args.token_list)
    for key in TABLES:
        setattr(args, key, listed_names(getattr(args, key)))
    tables = label_tables(args)
    args.tasks = with_labels(args.tasks, {label for label in CLASS_LABELS if not tables[label]})
    sizes = {"spks": len(tables["speaker"]) or None, "langs": len(tables["language"]) or None}
    spec = BACKBONES.spec(args.tts)
    args.tts_conf = {**args.tts_conf, **sizes, **spec.derived(vars(args))}
    reduction = {"reduction_factor": args.tts_conf.get("reduction_factor", 1)}
    args.pitch_extract_conf = {**reduction, **args.pitch_extract_conf}
    args.energy_extract_conf = {**reduction, **args.energy_extract_conf}
    if spec.end_to_end:  # it averages pitch and energy of frames over its own durations
        args.pitch_extract_conf["use_token_averaged_f0"] = False
        args.energy_extract_conf["use_token_averaged_energy"] = False
        return
    for feature in set(FEATURES) - set(spec.token_features):
        setattr(args, f"{feature}_extract", None)
        setattr(args, f"{feature}_normalize", None)


def build_espnet_parts(args: argparse.Namespace) -> dict[str, Any]:
    """Builds ESPnet's feature extractors and normalizations; None for those that the model does without."""
    import_pyworld()  # quietly, before ESPnet's pitch extractor imports it
    import_tqdm()  # quietly, before librosa's downloads import it
    parts = {}
    for choices in tts.TTSTask.class_choices_list:
        name = choices.name
        if name == "tts":
            continue
        part, conf = choices.get_class(getattr(args, name)), getattr(args, f"{name}_conf")
        if part and name.endswith("normalize"):
            check_statistics(conf.get("stats_file"), f"{name}_conf.stats_file")
        parts[name] = part(**conf) if part else None
        logging.info(f"{name}: {parts[name]}")
    return parts


def with_labels(tasks: dict[str, Any], absent: Collection[str]) -> dict[str, Any]:
    """Leaves out tasks whose label the data do not have at all and that need one, and says so."""
    kept = {}
    for name, task in tasks.items():
        if task.get("label") in absent and HEADS.options(task["head"]).needs_label:
            logging.warning(f"tasks.{name} is left out: the data have no {task['label']} labels")
        else:
            kept[name] = task
    return kept
