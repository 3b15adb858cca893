"""Files of a training that are whole at any time: ESPnet's trainer writes them in place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from espnet_mtl.system.files import whole_file

CHECKPOINT = "checkpoint.pth"
"""What a training goes on from: model, optimizers and figures after its last epoch."""
PREVIOUS = "checkpoint.previous.pth"
"""The checkpoint of the epoch before."""


@contextmanager
def whole_saves() -> Iterator[None]:
    """Has `torch.save` write a file beside and rename it when it is on disk, as long as the block runs.

    ESPnet's trainer has no place of its own for this: it calls `torch.save` with paths, for checkpoints, for the models
    of epochs and for their averages.
    """
    import torch

    from espnet_mtl.system.imports.espnet import replaced

    save = torch.save

    def save_whole(content: object, target: Any, *args: Any, **options: Any) -> None:
        if not isinstance(target, (str, os.PathLike)):
            save(content, target, *args, **options)
            return
        path = Path(target)
        if path.name == CHECKPOINT:
            _keep_previous(path)
        with whole_file(path) as file:
            save(content, file, *args, **options)

    with replaced(torch, "save", save_whole):
        yield


def _keep_previous(checkpoint: Path) -> None:
    """Gives the checkpoint that is about to be replaced a second name."""
    previous = checkpoint.with_name(PREVIOUS)
    previous.unlink(missing_ok=True)
    # Without hard links on this disk, there is one checkpoint less to go on from
    with suppress(OSError):
        os.link(checkpoint, previous)
