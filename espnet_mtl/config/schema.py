"""What a training configuration holds: the keys that this project adds to ESPnet's, and what all must be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from espnet_mtl.config.espnet import (
    DERIVED,
    FEATURE_CLASSES,
    GAN_KEYS,
    GAN_REFUSED,
    ONLY_VALUES,
    RECIPE_KEYS,
    class_arguments,
    espnet_keys,
    optimizer_arguments,
    optimizer_names,
)
from espnet_mtl.config.espnet.values import TrainValues, check_features, class_options
from espnet_mtl.config.fields import build, is_number, known
from espnet_mtl.config.ranges import range_tasks
from espnet_mtl.config.tasks import check_tasks
from espnet_mtl.config.visual import check_visual
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.labels import TABLES
from espnet_mtl.registry import BACKBONES, HEADS, SECTIONS, WEIGHTINGS

OWN_KEYS: Mapping[str, Any] = {
    "language": "en-us",
    "audio_conf": {},
    "durations": "auto",
    "aligner_conf": {},
    "visual_extract": None,
    "visual_extract_conf": {},
    "style_conf": {},
    "tasks": {"tts": {"weight": 1.0}},
    "weighting": "fixed",
    "weighting_conf": {},
    "vocoder": {},
    **dict.fromkeys(TABLES),
    "license": "unknown",
    "corpus": "unknown",
}
"""Keys that this project adds to ESPnet's, with their defaults."""

CHANGED_DEFAULTS: Mapping[str, Any] = {"batch_type": "sorted"}
"""Defaults that are others than ESPnet's: its batches, `folded`, need `fold_length`."""
SPEAKER_LANGUAGES = "speaker_languages"
"""Key that stage 5 adds to a trained model's configuration: the languages of each speaker in the data."""
VISUAL_SHAPE = "visual_shape"
"""Key that stage 5 adds where the data have faces: the shape of a frame, [D] or [H, W]."""
VISUAL_WEIGHTS = "visual_weights"
"""Key that stage 5 adds beside it: the digest of the weights of the extractor; null: it has none."""
VOCODER_WEIGHTS = "vocoder_weights"
"""Key that stage 5 adds where it trains a vocoder, too: the file of the vocoder's weights."""
SIGNAL = {"fs": 16000, "n_fft": 1024, "hop_length": 256}
"""Signal parameters, with their defaults: they stand in `feats_extract_conf` only, and reach every stage."""
FROM_CORPUS, FROM_ALIGNER = "given", "learned"
DURATION_SOURCES = ("auto", FROM_CORPUS, FROM_ALIGNER)
"""Where stage 3 takes durations from: the corpus' phone times, an aligner, or the former where there are any."""
FEATURES = ("pitch", "energy")
"""Features beside the spectrogram that a network may learn from."""
COSINE = "cosineannealingwarmuprestarts"
"""The scheduler of the shipped files."""
DATA_KEYS = (
    *("language", "audio_conf", "durations", "aligner_conf", "cleaner"),
    *("feats_extract", "pitch_extract", "energy_extract"),
    *("feats_extract_conf", "pitch_extract_conf", "energy_extract_conf"),
)
"""Keys that stages 1 to 4 go by, and that all models of one data share."""
VISUAL_KEYS = ("visual_extract", "visual_extract_conf")
"""Keys that stage 3 goes by, too; a model that asks for nothing visual shares the data of one that does."""


def complete(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a training configuration with this project's defaults, checked.

    The signal parameters, which stand once in `feats_extract_conf`, are handed to the pitch and energy extractors.

    Raises:
        UserError: See `espnet_mtl.config.load.load_train_config`.
    """
    known("key", config, training_keys(config))
    full = _with_defaults(config)
    full["feats_extract_conf"] = {**SIGNAL, **full["feats_extract_conf"]}
    signal = {key: full["feats_extract_conf"][key] for key in SIGNAL}
    full["pitch_extract_conf"] = {**full["pitch_extract_conf"], **signal}
    full["energy_extract_conf"] = {**full["energy_extract_conf"], **signal}
    check(full)
    return full


def training_keys(config: Mapping[str, Any]) -> list[str]:
    """Names the keys that a training configuration with its `tts` may have."""
    keys = [*espnet_keys(), *OWN_KEYS]
    return [*keys, *GAN_KEYS, *GAN_REFUSED] if _spec(config).end_to_end else keys


def _spec(config: Mapping[str, Any]) -> Any:
    return BACKBONES.spec(config.get("tts", "fastspeech2"))


def refuse_recipe_keys(given: Iterable[str]) -> None:
    """Raises UserError for a key that would have no effect in a training configuration, or break a stage."""
    for key in given:
        if key in RECIPE_KEYS:
            raise UserError(f"key {key!r} has no place in a training configuration: {RECIPE_KEYS[key]}")


def check_given(config: Mapping[str, Any]) -> None:
    """Checks what only a user must not say: a trained model's configuration says more, and in ESPnet's types.

    Raises:
        UserError: A value of the wrong type, or a key within a section that would have no effect.
    """
    values = {key: value for key, value in config.items() if key in TrainValues.model_fields}
    build(TrainValues, values, "")
    for key in ("batch_type", "valid_batch_type"):
        if config.get(key) == "folded" and len(config.get("fold_length", ())) != 2:
            raise UserError(f"{key} folded: fold_length must be two numbers, of tokens and of frames; or take sorted")
    _check_figures(config)
    if _spec(config).end_to_end:
        _refuse_gan_values(config)
    for key in _spec(config).derived_keys:
        if key in (config.get("tts_conf") or {}):
            raise UserError(f"tts_conf.{key} has no place in a training configuration: set feats_extract_conf")
    _refuse_embeddings(config.get("tts_conf") or {})
    for section, (keys, reason) in DERIVED.items():
        for key in keys:
            if key in (config.get(section) or {}):
                raise UserError(f"{section}.{key} has no place in a training configuration: {reason}")
    mel = SIGNAL | (config.get("feats_extract_conf") or {})
    for section in ("pitch_extract_conf", "energy_extract_conf"):
        for key, value in (config.get(section) or {}).items():
            if key in SIGNAL and value != mel[key]:
                raise UserError(f"{section}.{key}: {value!r} would have no effect: set feats_extract_conf.{key}")


def _refuse_embeddings(tts_conf: Mapping[str, Any]) -> None:
    """Raises UserError where a network would wait for speaker embeddings, which no stage makes."""
    for section, conf in (
        ("tts_conf", tts_conf),
        ("tts_conf.generator_params", tts_conf.get("generator_params") or {}),
    ):
        if conf.get("spk_embed_dim") is not None:
            raise UserError(
                f"{section}.spk_embed_dim: the data of the recipe have no speaker embeddings; leave it out, voices are "
                "told by their names"
            )


def _refuse_gan_values(config: Mapping[str, Any]) -> None:
    for key, (harmless, reason) in GAN_REFUSED.items():
        if config.get(key, harmless) != harmless:
            raise UserError(f"{key} {config[key]!r} with tts {config['tts']}: {reason}")


def _check_figures(config: Mapping[str, Any]) -> None:
    """Checks the figures that criteria are made of: ESPnet waits without a word for one that never comes."""
    tasks = config.get("tasks") or OWN_KEYS["tasks"]
    figures = [*_spec(config).figures, "loss"]
    prefixes = tuple(f"{name}_" for name in tasks)
    single = [[key, config[key]] for key in ("early_stopping_criterion", "val_scheduler_criterion") if config.get(key)]
    several = [["best_model_criterion", criterion] for criterion in config.get("best_model_criterion") or ()]
    for key, criterion in [*single, *several]:
        if criterion[1] not in figures and not criterion[1].startswith(prefixes):
            raise one_of(f"figure of {key}", criterion[1], [*figures, *(f"{name}_loss" for name in tasks)])
    if config.get("num_iters_per_epoch") is None:
        for name, task in tasks.items():
            if isinstance(task, Mapping) and (task.get("start") or task.get("ramp")):
                raise UserError(
                    f"num_iters_per_epoch: must be set, since tasks.{name} has 'start' or 'ramp', parts of it"
                )


def check_scheduler(config: Mapping[str, Any]) -> None:
    """Raises UserError for the options of a scheduler in a configuration that has none."""
    for name in ("scheduler", "scheduler2"):
        if config.get(name) is None and config.get(f"{name}_conf"):
            raise UserError(f"{name}_conf has no effect without a scheduler: set {name}, or {name}_conf: null")


def _with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """Fills in defaults; a section that is left empty is as if it were not there."""
    defaults: dict[str, Any] = dict(OWN_KEYS)
    defaults |= {"cleaner": None, "tts": "fastspeech2", "tts_conf": {}}
    defaults |= CHANGED_DEFAULTS
    for suffix in ("", "2") if _spec(config).end_to_end else ("",):
        defaults |= {f"optim{suffix}": "adadelta", f"optim{suffix}_conf": {}}
        defaults |= {f"scheduler{suffix}": None, f"scheduler{suffix}_conf": {}}
    defaults |= {key: values[0] for key, values in ONLY_VALUES.items()}
    defaults |= {key: {} for key in FEATURE_CLASSES}
    sections = [key for key, value in defaults.items() if isinstance(value, dict)]
    full = dict(defaults)
    for key, value in config.items():
        if value is not None or key not in sections:
            full[key] = value
    for key in sections:
        if not isinstance(full[key], Mapping):
            raise UserError(f"{key}: expected 'key: value' lines, got {full[key]!r}")
    return full


def check(config: Mapping[str, Any]) -> None:
    """Checks the sections of a completed config; see `espnet_mtl.config.load.load_train_config`."""
    backbone = BACKBONES.spec(config["tts"])
    _check_features(config, FEATURES if backbone.end_to_end else backbone.token_features)
    _check_network(config["tts_conf"], backbone)
    if conflict := backbone.conflict(config):
        raise UserError(f"tts_conf: {conflict}")
    for section in SECTIONS:
        build(SECTIONS.load(section), config[section], section)
    if config["durations"] not in DURATION_SOURCES:
        raise one_of("durations", config["durations"], DURATION_SOURCES)
    check_visual(config)
    build(WEIGHTINGS.options(config["weighting"]), config["weighting_conf"], "weighting_conf")
    check_tasks(config["tasks"], backbone)
    for name, task in config["tasks"].items():
        _check_style_tap(name, task, config["style_conf"])
    range_tasks(config, backbone)
    _check_optimization(config)


def _check_style_tap(name: str, task: Mapping[str, Any], style_conf: Mapping[str, Any]) -> None:
    """Raises UserError where a task reads an encoder of the style that the model does not have."""
    if "head" not in task:
        return
    taps = (task["tap"], HEADS.options(task["head"]).partner)
    if "style" in taps and not style_conf.get("reference", True):
        raise UserError(f"tasks.{name}: the tap 'style' needs a reference encoder (style_conf.reference: true)")
    if "visual" in taps and style_conf.get("visual") is None:
        raise UserError(f"tasks.{name}: the tap 'visual' needs a visual encoder (style_conf.visual: {{}})")


def _check_features(config: Mapping[str, Any], token_features: Collection[str]) -> None:
    for key, values in ONLY_VALUES.items():
        feature = key.partition("_")[0]
        # A backbone without pitch and energy may say that it has none of the extractors of these.
        is_needless = feature in ("pitch", "energy") and feature not in token_features
        if config[key] not in values and not (config[key] is None and is_needless):
            raise UserError(f"{key}: only {' or '.join(values)} is supported, got {config[key]!r}")
    for key, name in FEATURE_CLASSES.items():
        _check_class(key, config[key], class_arguments(name))
    check_features(config)


def _check_network(tts_conf: Mapping[str, Any], backbone: Any) -> None:
    """Checks the section `tts_conf` and those within it."""
    sizes = {"spks": "int?", "langs": "int?"}  # training derives them
    classes = {"": backbone.espnet_class.partition(":")[2], **backbone.sections}
    for section, name in classes.items():
        given: Any = tts_conf
        for key in filter(None, section.split(".")):
            given = given.get(key, {})
        unsaid = {*backbone.fixed, *(DERIVED["tts_conf"][0] if section else ())}
        arguments = {key: kind for key, kind in class_arguments(name).items() if key not in unsaid}
        if not section:
            arguments |= sizes
            given = {key: value for key, value in given.items() if key not in backbone.derived_keys}
        _check_class(".".join(filter(None, ["tts_conf", section])), given, arguments)


def _check_class(section: str, given: Mapping[str, Any], arguments: Mapping[str, str]) -> None:
    """Checks names and values of the constructor arguments of one of ESPnet's classes."""
    build(class_options(section, tuple(arguments.items())), given, section)


def _check_optimization(config: Mapping[str, Any]) -> None:
    """Checks names and options of optimizer and scheduler; whether a package that has one is there, is not asked."""
    for key in ("optim", "scheduler", "optim2", "scheduler2"):
        kind, name = key.removesuffix("2"), config.get(key)
        if name is None and (kind == "scheduler" or key not in config):
            continue
        if not isinstance(name, str) or name.lower() not in optimizer_names(kind):
            raise one_of(key, name, optimizer_names(kind))
        valid = optimizer_arguments(kind, name.lower())
        if valid is not None:
            _check_class(f"{key}_conf ({name})", config[f"{key}_conf"], valid)
        if name.lower() == COSINE:
            _check_schedule(config[f"{key}_conf"])


def _check_schedule(conf: Mapping[str, Any]) -> None:
    warmup, steps = conf.get("warmup_steps", 0), conf.get("first_cycle_steps")
    if not (is_number(warmup) and is_number(steps) and warmup < steps):
        raise UserError(
            f"scheduler_conf: warmup_steps ({warmup!r}) must be below first_cycle_steps ({steps!r}), "
            "which is num_iters_per_epoch * max_epoch / accum_grad, the steps of a whole training"
        )
    lowest, highest = conf.get("min_lr", 0.001), conf.get("max_lr", 0.1)
    if lowest > highest:
        raise UserError(f"scheduler_conf: min_lr ({lowest}) must not be above max_lr ({highest})")


def training_steps(config: Mapping[str, Any]) -> int:
    """Counts the steps of a training; 0: its epochs are as long as the data."""
    iterations = config.get("num_iters_per_epoch") or 0
    accum_grad = config.get("accum_grad") or 1
    epochs = config.get("max_epoch") or 0
    return int(iterations // accum_grad * epochs)


def is_cosine(config: Mapping[str, Any]) -> bool:
    """Tells whether the scheduler of a completed config is the one of the shipped files."""
    return str(config["scheduler"]).lower() == COSINE


def schedule_note(config: Mapping[str, Any]) -> str | None:
    """Says of a completed configuration whose learning rate rises again before the end how it would not."""
    steps = training_steps(config)
    if not is_cosine(config) or config["scheduler_conf"]["first_cycle_steps"] >= steps:
        return None
    cycle = config["scheduler_conf"]["first_cycle_steps"]
    return (
        f"the learning rate starts again after {cycle} of {steps} steps: "
        f"--scheduler_conf first_cycle_steps={steps} lets it fall to the end"
    )
