"""Fine-tuning a trained model on other data (`--init_model`): its tables get rows for new names."""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.trained import check_trained
from espnet_mtl.data.provenance.notes import file_digest
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CLASS_LABELS
from espnet_mtl.model.checkpoint import FILE_KEYS, load_state, locate_files, lookup
from espnet_mtl.model.style.options import VisualOptions
from espnet_mtl.training.parts import parts_report, sees, visual_change, without_visual
from espnet_mtl.zoo.archive import naming, resolve

if TYPE_CHECKING:
    from torch import Tensor

    from espnet_mtl.model.model import MTLTTSModel

TABLES = {"token": "token_list", **{label.name: label.table for label in CLASS_LABELS.values()}}
"""What a row of a table may stand for, and the config key of the rows' names."""
NETWORK = ("feats_extract_conf", "pitch_extract_conf", "energy_extract_conf", "tts", "tts_conf", "style_conf")
"""Config keys that must be those of the pretrained model."""
FREE = (
    *("spks", "langs", "stats_file", "reduction_factor", "reference", "hard", "sampling_rate", "mel_loss_params"),
    *("use_token_averaged_f0", "use_token_averaged_energy", "restore_range", "visual"),
)
"""Keys below them that may differ: training derives them, or what they add starts as in a new model."""


@dataclass(frozen=True)
class PretrainedModel:
    """A trained model that training starts from.

    Attributes:
        name: As the user named it.
        config: Its config.yaml.
        model_file: Its weights.
    """

    name: str
    config: Mapping[str, Any]
    model_file: Path

    @cached_property
    def digest(self) -> str:
        """Digest of the weights."""
        return file_digest(self.model_file)

    def names(self, kind: str) -> list[str]:
        """Names of the rows of one of `TABLES`."""
        return list(self.config.get(TABLES[kind]) or [])

    def file(self, name: str) -> Path:
        """One of `espnet_mtl.model.checkpoint.FILE_KEYS`, such as feats_stats.npz.

        Raises:
            UserError: The model has none.
        """
        value = lookup(self.config, FILE_KEYS[name])
        if not value or not Path(value).is_file():
            raise UserError(f"--init_model {self.name}: it comes without {name}; pack it with stage 8")
        return Path(value)

    def check_tokens(self, token_type: str) -> None:
        """Raises UserError where the model reads tokens of another type."""
        if self.config["token_type"] != token_type:
            raise UserError(
                f"--init_model {self.name}: it reads tokens of type {self.config['token_type']}, not {token_type}"
            )

    def check(self, config: Mapping[str, Any]) -> None:
        """Makes sure that a completed training config describes the same signal and network.

        Raises:
            UserError: It does not; the message names the first key that differs. Or it starts from weights of its own.
        """
        if config.get("init_param"):
            raise UserError(f"init_param would have no effect beside --init_model {self.name}: leave one out")
        for section in NETWORK:
            for key, trained, wanted in _differences(section, self.config.get(section), config[section]):
                raise UserError(
                    f"{key} is {wanted!r}, but --init_model {self.name} was trained with {trained!r}: "
                    "take the configuration that it was trained with"
                )
        if sees(self.config) and sees(config) and not self.visual_change(config):
            self._check_visual_encoder(config)

    def visual_change(self, config: Mapping[str, Any]) -> str | None:
        """Says why a training that sees faces cannot go on from the model's visual encoder, which then starts anew."""
        change = visual_change(self.config, config)
        return change and f"--init_model {self.name}: its visual encoder starts anew: {change}"

    def _check_visual_encoder(self, config: Mapping[str, Any]) -> None:
        ours, theirs = (VisualOptions(**found["style_conf"]["visual"]).channels for found in (config, self.config))
        if ours != theirs:
            raise UserError(
                f"style_conf.visual.channels is {ours}, but --init_model {self.name} was trained with {theirs}: "
                "take the configuration that it was trained with"
            )


def _differences(section: str, trained: Any, wanted: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yields what differs between two values of a section: the key, the value of the model and the one wanted."""
    if not isinstance(wanted, Mapping):
        if trained != wanted:
            yield section, trained, wanted
        return
    trained = trained or {}
    for key in sorted({*trained, *wanted}.difference(FREE)):
        if trained.get(key) != wanted.get(key):
            yield f"{section}.{key}", trained.get(key), wanted.get(key)


def open_pretrained(name: str | None) -> PretrainedModel | None:
    """Opens a packed model, an experiment, a URL or a repository (`espnet_mtl.zoo.archive.resolve`); None for none.

    Raises:
        UserError: There is no such model, or it was not trained by this project.
    """
    if not name:
        return None
    files = resolve(name)
    with naming(name, files):
        config = read_yaml(files["train_config"])
    if "tasks" not in config:
        raise UserError(f"--init_model {name}: not a multi-task model; ESPnet's own load with --init_param")
    try:
        check_trained(config)
    except UserError as error:
        raise UserError(f"--init_model {name}: {error}") from error
    locate_files(config, Path(files["train_config"]).parent)
    return PretrainedModel(name, config, Path(files["model_file"]))


def initial_state(pretrained: PretrainedModel, args: argparse.Namespace) -> dict[str, Tensor]:
    """Builds the weights that fine-tuning starts from: the pretrained model's, with a row for each new name.

    It says which parts are new, and which are left out.

    Args:
        pretrained: The trained model.
        args: Arguments of the training that begins.

    Raises:
        UserError: A parameter has another shape for other reasons than new names.
    """
    import torch

    from espnet_mtl.tasks.tts import MTLTTSTask

    args = argparse.Namespace(**copy.deepcopy(vars(args)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(args.seed)
        model = MTLTTSTask.build_model(args)
    trained = load_state(pretrained.model_file)
    if change := pretrained.visual_change(vars(args)):
        print(change, file=sys.stderr)
        trained = without_visual(trained, args.tasks)
    kinds = row_kinds(model)
    state = {}
    for key, value in model.state_dict().items():
        kind = kinds.get(key)
        if kind is None:
            state[key] = _initial_parameter(key, value, trained)
        elif key in trained:
            new_names = list(getattr(args, TABLES[kind]) or [])
            state[key] = expanded_rows(trained[key], pretrained.names(kind), new_names)
        else:
            state[key] = _initial_table(key, value)
        _check_shape(pretrained.name, key, state[key], value)
    for line in parts_report(trained, state):
        print(f"--init_model {pretrained.name}: {line}", file=sys.stderr)
    return state


def _initial_parameter(key: str, value: Tensor, trained: Mapping[str, Tensor]) -> Tensor:
    """The trained value, or that of a new model where there is none; the weighting of the tasks starts again."""
    return value if key.startswith("weighting.") else trained.get(key, value)


def _initial_table(key: str, value: Tensor) -> Tensor:
    """A table that the pretrained model had not, as it knew but one speaker or language: it starts at zero, so that
    what that one said before is said again. Those of styles and heads start as in a new model."""
    return value * 0 if key.startswith("tts.") else value


def _check_shape(name: str, key: str, value: Tensor, wanted: Tensor) -> None:
    if value.shape != wanted.shape:
        raise UserError(
            f"--init_model {name}: {key} is {tuple(value.shape)}, but the configuration makes it {tuple(wanted.shape)}"
        )


def row_kinds(model: MTLTTSModel) -> dict[str, str]:
    """Names the parameters that have a row for each token, speaker, emotion or language, and which of these."""
    kinds = {f"tts.{parameter}": kind for parameter, kind in model.tts.row_tables().items()}
    kinds["style.table"] = model.style_label
    for name, head in model.multitask.heads.items():
        kinds |= {f"heads.{name}.{parameter}": head.label for parameter in head.class_parameters()}
    return {key: kind for key, kind in kinds.items() if key in model.state_dict()}


def expanded_rows(rows: Tensor, old: Sequence[str], new: Sequence[str]) -> Tensor:
    """Returns a row for each of the new names: the old one of that name, else the mean of the old ones."""
    import torch

    places = {name: place for place, name in enumerate(old)}
    mean = rows.mean(0)
    return torch.stack([rows[places[name]] if name in places else mean for name in new])
