"""An experiment of stage 5 as later stages find it: how far its training came, and what it was trained on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from espnet_mtl.data.provenance.notes import Note, changed_files, digests, note_file, read_note, write_note

TRAINING = 5
"""The number of the stage."""


@contextmanager
def noted_training(exp: Path, dump: Path) -> Iterator[None]:
    """Notes that a training begins and the features that it learns from, and, where the block succeeds, its end."""
    # As they are now: stage 3 may replace them under the training
    read = digests([note_file(dump, 3).absolute()], exp.absolute())
    write_note(exp, Note(TRAINING, inputs=read, finished=False))
    yield
    write_note(exp, Note(TRAINING, inputs=read, finished=True))


def cut_off(exp: Path, config: Mapping[str, Any]) -> str | None:
    """Says how far a training came that did not come to its end, such as "epoch 3 of 7"; None: it did.

    A training of an earlier version, which noted nothing, counts by its epochs, unless it may have stopped early
    (`patience`).

    Args:
        exp: The experiment.
        config: Its config.yaml.
    """
    note = read_note(exp, TRAINING)
    done, wanted = last_epoch(exp), config.get("max_epoch")
    if note and note.finished:
        return None
    if note is None and (not done or not wanted or done >= wanted or config.get("patience")):
        return None
    return f"epoch {done} of {wanted}"


def last_epoch(exp: Path) -> int:
    """Returns the number of the last epoch whose model is there; 0: there is none."""
    names = [path.name for path in exp.glob("*epoch.pth")]
    numbers = [int(match[1]) for name in names if (match := re.fullmatch(r"(\d+)epoch\.pth", name))]
    return max(numbers, default=0)


def experiment_notices(exp: Path, config: Mapping[str, Any]) -> list[str]:
    """Says what a user should know of an experiment before using it: it may be as they want it."""
    notices = []
    if progress := cut_off(exp, config):
        notices.append(f"{exp}: its training was cut off, or goes on, at {progress}: run stage 5 again to end it")
    note = read_note(exp, TRAINING)
    for path in changed_files(exp, note.inputs) if note else ():
        notices.append(f"{exp}: it was trained before stage 3 made other features in {path.parent}")
    return notices
