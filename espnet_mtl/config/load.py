"""Training YAML: read, completed and checked before anything else happens (imports no torch)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from importlib.resources import files
from math import inf
from pathlib import Path
from typing import Any

import yaml

from espnet_mtl.errors import UserError, one_of
from espnet_mtl.model.backbones import BACKBONES, ESPNET_CLASSES, PARTS, taps_of
from espnet_mtl.model.heads import HEADS, labels_of
from espnet_mtl.model.weighting import SCALE_MODES, WEIGHTINGS
from espnet_mtl.registry import constructor_arguments

OWN_KEYS = {
    "language": "en-us",
    "audio_conf": {},
    "durations": "auto",
    "aligner_conf": {},
    "style_conf": {},
    "tasks": {"tts": {"weight": 1.0}},
    "weighting": "fixed",
    "weighting_conf": {},
    "speakers": None,
    "emotions": None,
    "languages": None,
    "genders": None,
    "license": "unknown",
    "corpus": "unknown",
}
"""Keys that this project adds to ESPnet's, with their defaults."""

DURATIONS = ("auto", "given", "learned")
"""Where stage 3 takes durations from: the corpus' phone times, an aligner, or the former where there are any."""
ALIGNER_CONF = {"steps": 480, "batch_size": 32, "dim": 128, "lr": 0.002, "seed": 1}
"""Settings of the aligner of stage 3 (`aligner_conf`), with their defaults."""

FIGURES = ("l1", "duration", "pitch", "energy", "mse", "bce", "attn", "loss")
"""Names of ESPnet's figures, which tasks would overwrite."""
AUDIO_KEYS = ("trim_db", "margin_s", "min_seconds", "max_seconds", "channels", "level_dbfs")
TASK_KEYS = ("head", "tap", "label", "weight", "start", "ramp", "grad_cap", "reversed")
SIGNAL_KEYS = ("fs", "n_fft", "hop_length")
FEATURE_CLASSES = {
    "feats_extract_conf": "espnet2.tts.feats_extract.log_mel_fbank:LogMelFbank",
    "pitch_extract_conf": "espnet2.tts.feats_extract.dio:Dio",
    "energy_extract_conf": "espnet2.tts.feats_extract.energy:Energy",
    "normalize_conf": "espnet2.layers.global_mvn:GlobalMVN",
    "pitch_normalize_conf": "espnet2.layers.global_mvn:GlobalMVN",
    "energy_normalize_conf": "espnet2.layers.global_mvn:GlobalMVN",
}
COUNTS = ("max_epoch", "num_iters_per_epoch", "accum_grad", "batch_size")
SCHEDULER = "cosineannealingwarmuprestarts"
SCHEDULER_CLASS = "espnet2.schedulers.cosine_anneal_warmup_restart:CosineAnnealingWarmupRestarts"
DATA_KEYS = (
    "language",
    "audio_conf",
    "durations",
    "aligner_conf",
    *(key for key in FEATURE_CLASSES if "extract" in key),
)
"""Keys that stages 1 to 4 go by."""
BASE = "base"
"""Key of a training YAML that names another one, which it changes."""
DECODE_OPTIONS = "inference.yaml"
"""Beside decoded speech: the options that it was decoded with."""
DURATIONS_NOTE = "durations.json"
"""In `dump/raw`: where its durations are from."""
DEFAULT_SIGNAL = {"fs": 16000, "n_fft": 1024, "hop_length": 256}


def espnet_keys() -> list[str]:
    """Names the options of ESPnet's own TTS training (`espnet_keys.txt`, held against the real parser by a test)."""
    return (files("espnet_mtl.config") / "espnet_keys.txt").read_text(encoding="utf-8").split()


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Reads a YAML file that must hold a mapping.

    Raises:
        UserError: The file is missing, not YAML, or something else than a mapping.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such config file")
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path} is not a YAML file: {' '.join(str(error).split())}") from error
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise UserError(f"{path}: expected 'key: value' lines, got a {type(config).__name__}")
    return config


def read_train_config(path: str | Path) -> dict[str, Any]:
    """Reads a training YAML, which may change another one, its `base` (relative to it); see `merge`.

    Raises:
        UserError: A file is missing or no mapping, or is its own base.
    """
    return _merged(Path(path), ())


def _merged(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in above:
        raise UserError(f"{path}: is its own {BASE}")
    config = read_yaml(path)
    base = config.pop(BASE, None)
    if not isinstance(base, str | None):
        raise UserError(f"{path}: {BASE}: the file of another configuration, got {base!r}")
    return merge(_merged(path.parent / base, (*above, path.resolve())), config) if base else config


def merge(base: Any, change: Any) -> Any:
    """Returns `base` changed: mappings are merged key by key, one that is changed to None is left out, all else is
    replaced."""
    if not (isinstance(base, Mapping) and isinstance(change, Mapping)):
        return change
    dropped = {key for key, value in change.items() if value is None and isinstance(base.get(key), Mapping)}
    changed = {**base, **{key: merge(base.get(key), value) for key, value in change.items()}}
    return {key: value for key, value in changed.items() if key not in dropped}


def load_train_config(path: str | Path) -> dict[str, Any]:
    """Reads a training YAML (`read_train_config`), fills in defaults and checks every key and name.

    Raises:
        UserError: An unknown key, task, head, tap, label or weighting; the message names the valid ones.
    """
    config = read_train_config(path)
    try:
        return complete(config)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def complete(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `config` checked, with this project's defaults, and with the signal parameters, which stand
    once in `feats_extract_conf`, handed to the pitch and energy extractors."""
    _known("key", config, [*espnet_keys(), *OWN_KEYS])
    defaults = {**OWN_KEYS, "tts": "fastspeech2", "tts_conf": {}, "scheduler": None, "scheduler_conf": {}}
    empty = {key for key, value in config.items() if value is None and isinstance(defaults.get(key), dict)}
    full = {**defaults, **{key: value for key, value in config.items() if key not in empty}}
    for key in (*FEATURE_CLASSES, *(key for key, value in defaults.items() if isinstance(value, dict))):
        full[key] = full.get(key) or {}
        if not isinstance(full[key], Mapping):
            raise UserError(f"{key}: expected 'key: value' lines, got {full[key]!r}")
    full["feats_extract_conf"] = {**DEFAULT_SIGNAL, **full["feats_extract_conf"]}
    signal = {key: full["feats_extract_conf"][key] for key in SIGNAL_KEYS}
    for key in ("pitch_extract_conf", "energy_extract_conf"):
        full[key] = {**full[key], **signal}
    check(full)
    return full


def training_steps(config: Mapping[str, Any]) -> int:
    """Counts the steps of a training; 0: its epochs are as long as the data."""
    iterations, accum_grad, epochs = (config.get(key) for key in ("num_iters_per_epoch", "accum_grad", "max_epoch"))
    return int((iterations or 0) // (accum_grad or 1) * (epochs or 0))


def is_cosine(config: Mapping[str, Any]) -> bool:
    """Tells whether the scheduler of a completed config is the one of the shipped files."""
    return str(config["scheduler"]).lower() == SCHEDULER


def check(config: Mapping[str, Any]) -> None:
    """Checks the nested sections of a completed config; see `load_train_config`."""
    for key, target in FEATURE_CLASSES.items():
        _known(f"key of {key}", config[key], constructor_arguments(target))
    BACKBONES[config["tts"]]
    _known("key of tts_conf", config["tts_conf"], constructor_arguments(ESPNET_CLASSES[config["tts"]]))
    _known("key of audio_conf", config["audio_conf"], AUDIO_KEYS)
    if config["durations"] not in DURATIONS:
        raise one_of("durations", config["durations"], DURATIONS)
    _check_aligner(config["aligner_conf"])
    for key in COUNTS:
        value = config.get(key)
        if value is not None and not (_is_number(value) and value >= 1):
            raise UserError(f"{key}: a whole number of at least 1, got {value!r}")
    if is_cosine(config):
        _check_schedule(config["scheduler_conf"])
    _known("key of style_conf", config["style_conf"], style_keys())
    for key in ("reference", "hard"):
        _check_bool(f"style_conf.{key}", config["style_conf"].get(key, False))
    valid = [key for key in WEIGHTINGS.arguments(config["weighting"]) if key != "preferences"]
    _known("key of weighting_conf", config["weighting_conf"], valid)
    for key, value in config["weighting_conf"].items():
        if key == "scale_mode":
            if value not in SCALE_MODES:
                raise one_of("weighting_conf.scale_mode", value, SCALE_MODES)
        elif not _is_number(value) or (value == 0 and key in ("temperature", "mu")):
            raise UserError(
                f"weighting_conf.{key}: a number, not negative (temperature and mu: above 0), got {value!r}"
            )
    if not isinstance(config["tasks"], dict) or "tts" not in config["tasks"]:
        raise UserError("tasks: must hold 'tts: {weight: 1.0}' and any number of auxiliary tasks")
    for name, task in config["tasks"].items():
        _check_task(name, task, config["tts"])


def _check_aligner(conf: Mapping[str, Any]) -> None:
    _known("key of aligner_conf", conf, ALIGNER_CONF)
    for key, value in conf.items():
        number = isinstance(value, (int, float) if key == "lr" else int) and not isinstance(value, bool)
        if not number or value < 0 or (value == 0 and key != "seed"):
            kind = "a number" if key == "lr" else "a whole number"
            raise UserError(f"aligner_conf.{key}: expected {kind} above 0, got {value!r}")


def _check_schedule(conf: Mapping[str, Any]) -> None:
    _known("key of scheduler_conf", conf, [key for key in constructor_arguments(SCHEDULER_CLASS) if key != "optimizer"])
    warmup, steps = conf.get("warmup_steps", 0), conf.get("first_cycle_steps")
    if not (_is_number(warmup) and _is_number(steps) and warmup < steps):
        raise UserError(
            f"scheduler_conf: warmup_steps ({warmup!r}) must be below first_cycle_steps ({steps!r}), "
            "which is num_iters_per_epoch * max_epoch / accum_grad, the steps of a whole training"
        )


def style_keys() -> list[str]:
    """Names the keys of `style_conf`."""
    given_by_task = {"num_styles", "odim", "adim"}
    return [key for key in constructor_arguments("espnet_mtl.model.style.table:Style") if key not in given_by_task]


def head_keys(head: str) -> list[str]:
    """Names the options of a head beyond those that every task has."""
    return [key for key in HEADS.arguments(head) if key not in ("dim", "classes", "attention", "options", *TASK_KEYS)]


def _check_task(name: object, task: object, tts: str) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        hint = " (YAML takes no and on for truth values: quote them)" if isinstance(name, bool) else ""
        raise UserError(f"tasks: {name!r}: a task's name is made of letters, digits and underscores{hint}")
    if not isinstance(task, dict):
        raise UserError(f"tasks.{name}: expected a mapping such as {{head: classifier, tap: style, label: emotion}}")
    where = f"key of tasks.{name}"
    if name in FIGURES or name.startswith("tts_"):
        raise UserError(f"tasks.{name}: a part of the TTS loss is called so; choose another name")
    if name == "tts":
        _known(where, task, ["weight", "split"])
        split = task.get("split") or {}
        if isinstance(split, dict):
            _known("part of tasks.tts.split", split, PARTS[tts])
        elif split is not True:
            raise UserError(f"tasks.tts.split: true, or weights such as {{{PARTS[tts][0]}: 0.5}}, got {split!r}")
        numbers = {"weight": task.get("weight", 1), **(split if isinstance(split, dict) else {})}
        for key, value in numbers.items():
            if not _is_number(value):
                raise UserError(f"tasks.tts: {key}: a number, not negative, got {value!r}")
        return
    choices: dict[str, Collection[str]] = {"head": HEADS, "tap": taps_of(tts), "label": labels_of(task.get("head"))}
    for key, valid in choices.items():
        if not isinstance(task.get(key), str) or task[key] not in valid:
            raise one_of(
                f"{key} of tasks.{name}", task.get(key), [*valid, *(["module:Class"] if key == "head" else [])]
            )
    _known(where, task, [*TASK_KEYS, *head_keys(task["head"])])
    for key in ("start", "ramp"):
        if not (_is_number(task.get(key, 0)) and task.get(key, 0) < 1):
            raise UserError(f"tasks.{name}.{key}: a fraction of training in [0, 1), got {task[key]!r}")
    if task.get("start", 0) + task.get("ramp", 0) > 1:
        raise UserError(f"tasks.{name}: start + ramp goes beyond the end of training (1)")
    if not _is_number(task.get("weight", 1)):
        raise UserError(f"tasks.{name}.weight: a number, not negative, got {task['weight']!r}")
    sizes = ("channels", "layers", "dropout", "noise") if task["head"] in HEADS.entries else ()
    for key in sizes:
        if not _is_number(task.get(key, 1)):
            raise UserError(f"tasks.{name}.{key}: a number, not negative, got {task[key]!r}")
    cap = task.get("grad_cap")
    if cap is not None and not (_is_number(cap) and cap > 0):
        raise UserError(f"tasks.{name}.grad_cap: a number above 0, or null for no cap, got {cap!r}")
    _check_bool(f"tasks.{name}.reversed", task.get("reversed", False))
    if task["head"] == "independence" and task.get("reversed"):
        raise UserError(f"tasks.{name}.reversed: independence as it is keeps the label out")


def _check_bool(where: str, value: object) -> None:
    if not isinstance(value, bool):
        raise UserError(f"{where}: true or false, got {value!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < inf


def _known(kind: str, given: Iterable[str], valid: Iterable[str]) -> None:
    valid = list(valid)
    for key in given:
        if key not in valid:
            raise one_of(kind, key, valid)
