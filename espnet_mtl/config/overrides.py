"""Options of ESPnet's training on a command line, checked like the configuration that they change."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import yaml

from espnet_mtl.config.espnet.values import TrainValues
from espnet_mtl.config.load import load_train_config
from espnet_mtl.config.schema import (
    DATA_KEYS,
    VISUAL_KEYS,
    check_given,
    check_scheduler,
    complete,
    refuse_recipe_keys,
    training_keys,
)
from espnet_mtl.config.signal import check_signal
from espnet_mtl.errors import UserError, one_of

NOTHING = ("none", "null", "nil")
"""How ESPnet's options say null."""
TRUE, FALSE = ("true", "t", "yes", "y", "on", "1"), ("false", "f", "no", "n", "off", "0")
"""How they say true and false."""
NGPU = "--ngpu"
"""An option of stage 5 that has no effect in a file: what is said on the command line goes before it."""
SEVERAL = ("early_stopping_criterion", "val_scheduler_criterion", "init_param", "freeze_param")
"""Options that take several names."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(message)


def override(path: str | Path, config: Mapping[str, Any], options: Sequence[str]) -> dict[str, Any]:
    """Returns a completed config as options of ESPnet's training change it, checked.

    Args:
        path: The configuration's file, for messages.
        config: From `load_train_config`.
        options: Such as `["--weighting", "dwa", "--tasks", "emotion.weight=1"]`.

    Raises:
        UserError: An unknown option, what `load_train_config` refuses in a file, or a change of what stages 1 to 4
            have done.
    """
    try:
        given = {**config, **_parse(config, options)}
        # Completing hands the signal to pitch and energy, whatever is said of it there.
        changed = complete(given)
        if keys := _changes((*DATA_KEYS, *VISUAL_KEYS), config, given):
            raise UserError(f"{', '.join(keys)}: stages 1 to 4 go by the configuration: set it there")
        check_given(given)
        if given["scheduler_conf"] != config["scheduler_conf"]:
            check_scheduler(given)
        check_signal(changed)
    except (UserError, yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path} with {' '.join(options)}: {' '.join(str(error).split())}") from error
    return changed


def load_overridden(paths: Sequence[str | Path], options: Sequence[str]) -> dict[Path, dict[str, Any]]:
    """Reads training YAMLs that share the data of stages 1 to 4, as options of ESPnet's training change them.

    Raises:
        UserError: What `load_train_config` and `override` refuse, or data that cannot be shared.
    """
    configs = {Path(path): override(path, load_train_config(path), options) for path in paths}
    check_same_data(configs)
    return configs


def check_same_data(configs: Mapping[Path, Mapping[str, Any]]) -> None:
    """Makes sure that completed configs can share the data of stages 1 to 4.

    Raises:
        UserError: They cannot; the message names the first file that differs, and its keys.
    """
    visual = {path: config for path, config in configs.items() if config["visual_extract"] is not None}
    for keys, sharing in ((DATA_KEYS, configs), (VISUAL_KEYS, visual)):
        _check_alike(keys, sharing)


def _check_alike(keys: Sequence[str], configs: Mapping[Path, Mapping[str, Any]]) -> None:
    first = next(iter(configs), None)
    for path, config in configs.items():
        if first and (changed := _changes(keys, configs[first], config)):
            raise UserError(
                f"{path}: {', '.join(changed)}: other than in {first}, but all share the data of stages 1 to 4"
            )


def _changes(keys: Sequence[str], config: Mapping[str, Any], changed: Mapping[str, Any]) -> list[str]:
    return [key for key in keys if changed[key] != config[key]]


def _parse(config: Mapping[str, Any], options: Sequence[str]) -> dict[str, Any]:
    """Reads the options as ESPnet's parser does, but without importing all that ESPnet's needs."""
    _check_names(options, training_keys(config))
    from espnet2.utils.nested_dict_action import NestedDictAction

    parser = _Parser(add_help=False, allow_abbrev=False)
    for key, field in TrainValues.model_fields.items():
        parser.add_argument(f"--{key}", default=argparse.SUPPRESS, **_reading(key, field.annotation))
    for key, value in config.items():
        if key in TrainValues.model_fields:
            continue
        if isinstance(value, Mapping):
            parser.add_argument(f"--{key}", action=NestedDictAction, default=value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            parser.add_argument(f"--{key}", type=_number, default=value)
        elif isinstance(value, str | None):
            parser.add_argument(f"--{key}", type=_name, default=value)
    return vars(parser.parse_known_args(options)[0])


def _check_names(options: Sequence[str], keys: Sequence[str]) -> None:
    valid = [f"--{key}" for key in keys]
    for place, word in enumerate(options):
        name = word.partition("=")[0]
        is_option = place == 0 or re.match("--?[A-Za-z]", word)
        if not is_option:
            continue
        if name not in valid:
            raise one_of("training option", name, valid)
        if name != NGPU:
            refuse_recipe_keys([name.removeprefix("--")])


def _reading(key: str, annotation: Any) -> dict[str, Any]:
    """Says how ESPnet's parser reads an option: true and false, numbers, or names, one or several."""
    if key == "best_model_criterion":
        return {"nargs": "+", "type": _triple}
    if key == "fold_length":
        return {"action": "append", "type": _number}
    if key == "keep_nbest_models":
        return {"nargs": "+", "type": _number}
    if key in SEVERAL:
        return {"nargs": "*"}
    if annotation is bool:
        return {"type": _switch}
    is_text = annotation is str or "Literal" in str(annotation)
    return {"type": _name if is_text else _number}


def _name(text: str) -> str | None:
    return None if text.lower() in NOTHING else text


def _triple(text: str) -> list[str]:
    return [part.strip() for part in text.strip("() ").split(",")]


def _switch(text: str) -> bool | str:
    """Reads true or false; all else is left as it is, for the check to name it."""
    words = {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}
    return words.get(text.lower(), text)


def _number(text: str) -> float | str | None:
    """Reads a number; all else is left as it is, for the check to name it."""
    if text.lower() in NOTHING:
        return None
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text
