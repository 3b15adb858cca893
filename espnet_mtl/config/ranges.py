"""Ranges of pitch, energy and spectrum: their labels, and the tasks that restore them (`style_conf.restore_range`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from espnet_mtl.config.fields import build
from espnet_mtl.errors import UserError
from espnet_mtl.registry import SECTIONS

RANGES: Mapping[str, str] = {"pitch": "pitch_range", "energy": "energy_range", "mel": "mel_range"}
"""The label that says the range of each; every batch measures it itself (`espnet_mtl.model.ranges`)."""
READABLE = "shared"
"""The tap that synthesis has, and that knows text, style and speaker."""


def check_label(task: str, label: str, backbone: Any) -> None:
    """Raises UserError where the label of a task is the range of something that the backbone does not predict."""
    for feature, name in RANGES.items():
        if label == name and feature not in backbone.ranges:
            raise UserError(f"tasks.{task}: the label {label!r} is for tts: fastspeech2, which can restore {feature}")


def range_tasks(config: Mapping[str, Any], backbone: Any) -> dict[str, str]:
    """Finds the task whose head says each range that is restored in synthesis.

    Args:
        config: A completed training configuration; its tasks are checked.
        backbone: The backbone's `BackboneSpec`.

    Returns:
        The task by what it restores; empty where no range is restored.

    Raises:
        UserError: The backbone predicts no such thing, or no task says its range.
    """
    options = build(SECTIONS.load("style_conf"), config["style_conf"], "style_conf")
    tasks = {}
    for feature in _restored(options.restore_range, config["tasks"]):
        if feature not in backbone.ranges:
            raise UserError(f"style_conf.restore_range: tts: {config['tts']} cannot restore {feature}, fastspeech2 can")
        tasks[feature] = _range_task(feature, config["tasks"])
    return tasks


def _restored(restore_range: bool | list[str], tasks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names what gets its range back; true: all that a task learns."""
    if restore_range is not True:
        return restore_range or []
    labels = {task.get("label") for task in tasks.values()}
    learned = [feature for feature, label in RANGES.items() if label in labels]
    return learned or ["pitch"]  # whose error says what such a task is


def _range_task(feature: str, tasks: Mapping[str, Mapping[str, Any]]) -> str:
    """Names the first task whose head can say the range of a feature in synthesis."""
    wanted = {"head": "regressor", "tap": READABLE, "label": RANGES[feature]}
    unfit = ""
    for name, task in tasks.items():
        if task.get("label") != RANGES[feature]:
            continue
        wrong = [f"{key} {task[key]}" for key, value in wanted.items() if task[key] != value]
        if task.get("reversed"):
            wrong.append("reversed")
        if not wrong:
            return name
        unfit = unfit or f"; tasks.{name} cannot ({', '.join(wrong)})"
    example = ", ".join(f"{key}: {value}" for key, value in wanted.items())
    raise UserError(f"style_conf.restore_range: {feature} needs a task such as {{{example}}}{unfit}")
