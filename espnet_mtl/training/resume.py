"""What a training that was cut off has left, made ready to be gone on with; no whole model is ever deleted."""

from __future__ import annotations

import argparse
import datetime
import logging
import os
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from espnet_mtl.errors import UserError
from espnet_mtl.model.checkpoint import is_whole, save_whole
from espnet_mtl.system.files import write_bytes
from espnet_mtl.system.log import TRAIN_LOG
from espnet_mtl.tasks.saving import CHECKPOINT, PREVIOUS, whole_saves

CONFIG = "config.yaml"
INITIAL = "init.pth"
"""The weights that fine-tuning starts from, which every call writes again."""
REMAINS = "remains-{}"
"""Directory of an experiment for a training that cannot be gone on with."""
BESIDE_MODELS = (TRAIN_LOG, "tensorboard", "images", "att_ws")


def repair(output: Path) -> dict[str, Any] | None:
    """Finds the checkpoint that a training goes on from, and makes it checkpoint.pth.

    That is the one of the epoch before where the last one is damaged: the epoch is trained again. Where neither is
    whole, the training begins again, and what the earlier one left is moved to <output>/remains-<n>.

    Returns:
        The checkpoint; None where the training begins.

    Raises:
        UserError: The checkpoint is whole, but not one of this version of ESPnet.
    """
    checkpoint, previous = output / CHECKPOINT, output / PREVIOUS
    if not is_whole(checkpoint) and is_whole(previous):
        logging.warning(f"{checkpoint} is damaged or missing: training goes on from {previous.name}")
        os.replace(previous, checkpoint)
    if is_whole(checkpoint):
        state = _load(checkpoint)
        _write_epoch(output, state)
        return state
    _set_aside(output)
    return None


def _load(checkpoint: Path) -> dict[str, Any]:
    import torch

    try:
        with torch.serialization.safe_globals([datetime.timedelta]):
            state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{checkpoint} holds more than this version of ESPnet writes: go on with the one that wrote it, or choose "
            "another --tag"
        ) from error
    if not (isinstance(state, dict) and {"model", "reporter"} <= state.keys()):
        raise UserError(
            f"{checkpoint} is no checkpoint of a training (a model, perhaps): delete it, and training goes on from "
            f"{PREVIOUS} or begins again, or choose another --tag"
        )
    return state


def _write_epoch(output: Path, state: dict[str, Any]) -> None:
    """Writes the model of the last epoch where the training was cut off between its checkpoint and this file."""
    path = output / f"{state['reporter']['epoch']}epoch.pth"
    if not is_whole(path):
        save_whole(state["model"], path)


def _set_aside(output: Path) -> None:
    """Moves the models of a training without a checkpoint, and what tells of them, to where none overwrites them."""
    models = [path for path in output.glob("*.pth") if path.name != INITIAL]
    if not models:
        return
    number = 1
    while (output / REMAINS.format(number)).exists():
        number += 1
    remains = output / REMAINS.format(number)
    remains.mkdir()
    config = output / CONFIG
    if config.is_file():
        shutil.copyfile(config, remains / config.name)
    for path in (*models, *(output / name for name in BESIDE_MODELS)):
        if path.exists() or path.is_symlink():
            os.replace(path, remains / path.name)
    hint = f"; --init_model {remains} starts from its best model" if config.is_file() else ""
    logging.warning(
        f"{output / CHECKPOINT} is damaged or missing, and there is no whole {PREVIOUS}: training begins again. What "
        f"the earlier one left is in {remains}{hint}"
    )


@contextmanager
def config_kept(output: Path) -> Iterator[None]:
    """Puts config.yaml back where a training fails: ESPnet writes it in place, when its model is whole already."""
    config, before = output / CONFIG, output / f".{CONFIG}.before"
    if before.exists():  # the training was killed
        os.replace(before, config)
    if config.exists():
        write_bytes(before, config.read_bytes())
    try:
        yield
    except BaseException:
        if before.exists():
            os.replace(before, config)
        raise
    before.unlink(missing_ok=True)


def finish_epoch(output: Path, state: dict[str, Any], args: argparse.Namespace) -> None:
    """Does what ESPnet's trainer does after its checkpoint: it links the latest and best models, and deletes others.

    Args:
        output: `exp/<tag>`.
        state: The checkpoint.
        args: Arguments of the training: `best_model_criterion`, `keep_nbest_models`, `nbest_averaging_interval`.

    Raises:
        UserError: A model that is to be averaged is damaged.
    """
    from espnet2.main_funcs.average_nbest_models import average_nbest_models
    from espnet2.train.reporter import Reporter

    reporter = Reporter()
    reporter.load_state_dict(state["reporter"])
    last = reporter.get_epoch()
    _link(output / "latest.pth", last)
    best: set[int] = set()
    for phase, key, mode in args.best_model_criterion:
        if reporter.has(phase, key):
            epochs = reporter.sort_epochs(phase, key, mode)
            _link(output / f"{phase}.{key}.best.pth", epochs[0])
            best.update(epochs[: _most_kept(args.keep_nbest_models)])
    _check_models(output, best)
    every = args.nbest_averaging_interval
    if every > 0 and last % every == 0:
        with whole_saves():
            average_nbest_models(
                reporter=reporter,
                output_dir=output,
                best_model_criterion=args.best_model_criterion,
                nbest=args.keep_nbest_models,
                suffix=f"till{last}epoch",
            )
    for epoch in set(range(1, last)) - best:
        (output / f"{epoch}epoch.pth").unlink(missing_ok=True)


def _check_models(output: Path, epochs: set[int]) -> None:
    """Raises UserError where a model that is there is damaged; one that is not may still be trained again."""
    for epoch in sorted(epochs):
        path = output / f"{epoch}epoch.pth"
        if path.exists() and not is_whole(path):
            raise UserError(
                f"{path}, one of the best models, which are averaged, is damaged: put a whole copy there, or choose "
                "another --tag"
            )


def _most_kept(numbers: int | list[int]) -> int:
    return numbers if isinstance(numbers, int) else max(numbers, default=1)


def _link(path: Path, epoch: int) -> None:
    """Points a symbolic link to the model of an epoch; it is never missing meanwhile."""
    target = f"{epoch}epoch.pth"
    if path.is_symlink() and os.readlink(path) == target:
        return
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    os.replace(temporary, path)
