"""The section `tasks` of a training configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from espnet_mtl.config.fields import NotNegative, Options, build, is_number, known
from espnet_mtl.config.ranges import check_label
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.registry import HEADS

FIGURES = ("l1", "duration", "pitch", "energy", "mse", "bce", "attn", "loss")
"""Names of ESPnet's figures, which tasks would overwrite."""
HEAD = "head"
"""Key of a task that names its head; the others are the head's options."""


class TTSTaskOptions(Options):
    """Options of the task `tts`.

    Attributes:
        weight: λ of the TTS loss.
        split: Whether its parts are tasks of their own, or their weights relative to `weight`.
    """

    weight: NotNegative = 1.0
    split: Any = False


def check_tasks(tasks: Any, backbone: Any) -> None:
    """Checks the section `tasks`.

    Args:
        tasks: What the configuration says.
        backbone: The backbone's `BackboneSpec`.

    Raises:
        UserError: An unknown head, tap, label or option, or a value that is not what an option takes.
    """
    if not isinstance(tasks, Mapping) or "tts" not in tasks:
        raise UserError("tasks: must hold 'tts: {weight: 1.0}' and any number of auxiliary tasks")
    for name, task in tasks.items():
        _check_name(name, backbone)
        if not isinstance(task, Mapping):
            raise UserError(
                f"tasks.{name}: expected a mapping such as {{head: classifier, tap: style, label: emotion}}"
            )
        if name == "tts":
            _check_tts(task, backbone)
        else:
            check_task(name, task, backbone)


def _check_name(name: object, backbone: Any) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        hint = " (YAML takes no and on for truth values: quote them)" if isinstance(name, bool) else ""
        raise UserError(f"tasks: {name!r}: a task's name is made of letters, digits and underscores{hint}")
    if name in FIGURES or name.startswith("tts_") or f"{name}_loss" in backbone.figures:
        raise UserError(f"tasks.{name}: a part of the TTS loss is called so; choose another name")


def _check_tts(task: Mapping[str, Any], backbone: Any) -> None:
    split = build(TTSTaskOptions, task, "tasks.tts").split or {}
    if split is True:
        return
    if not isinstance(split, Mapping):
        raise UserError(f"tasks.tts.split: true, or weights such as {{{backbone.parts[0]}: 0.5}}, got {split!r}")
    known("part of tasks.tts.split", split, backbone.parts)
    for part, weight in split.items():
        if not is_number(weight):
            raise UserError(f"tasks.tts.split.{part}: a number, not negative, got {weight!r}")


def check_task(name: str, task: Mapping[str, Any], backbone: Any) -> None:
    """Checks an auxiliary task."""
    head = task.get(HEAD)
    if head not in HEADS:
        raise one_of(f"head of tasks.{name}", head, [*HEADS, "module:Class"])
    options = HEADS.options(str(head))
    for key, valid in (("tap", backbone.taps), ("label", options.labels)):
        if not isinstance(task.get(key), str) or task[key] not in valid:
            raise one_of(f"{key} of tasks.{name}", task.get(key), valid)
    check_label(name, task["label"], backbone)
    # Options of a head of the user's own may have validators, which are the user's code
    with HEADS.running(str(head), f"tasks.{name}: {head}"):
        build(options, head_options(task), f"tasks.{name}")


def head_options(task: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options of a task's head."""
    return {key: value for key, value in task.items() if key != HEAD}
