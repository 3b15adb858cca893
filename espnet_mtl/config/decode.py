"""The door for decoding YAMLs (stage 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, model_validator

from espnet_mtl.config.fields import AtLeastOne, File, Options, Switch, build, whole
from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.numbers import FASTEST, SLOWEST
from espnet_mtl.errors import UserError

DECODE_OPTIONS = "inference.yaml"
"""Beside decoded speech: the options that it was decoded with."""
Stretch = Annotated[
    float,
    Field(ge=FASTEST, le=SLOWEST, allow_inf_nan=False, description=f"a number from {FASTEST:g} to {SLOWEST:g}"),
]
VocoderName = Literal["griffin_lim", "source_filter", "parallel_wavegan"]
Iterations = Annotated[int, whole(1, 10000)]
Window = Annotated[int, whole(0, 10000)]
Ratio = Annotated[float, Field(ge=0, le=1000, description="a number from 0 to 1000")]
StyleFrom = Literal["label", "recording", "face"]
Encoder = Literal["reference", "visual"]
"""The encoder of recordings, and that of faces."""
ENCODER_OF: Mapping[str, Encoder] = {"recording": "reference", "face": "visual"}
"""What `style_from` needs."""
Probability = Annotated[float, Field(ge=0, le=1, description="a number from 0 to 1")]


class DecodeOptions(Options):
    """Options of stage 6: those of `espnet_mtl.inference.Text2Speech`.

    Attributes:
        speed_control_alpha: Factor on durations, 0.1 to 10: above 1 is slower.
        vocoder: The vocoder; None: the model's own (`espnet_mtl.vocoder.build.build_vocoder`).
        griffin_lim_iters: Iterations of Griffin-Lim.
        vocoder_file: Weights of another vocoder (.pth), or a ParallelWaveGAN checkpoint (.pkl).
        vocoder_config: Configuration of that vocoder.
        max_tokens: The most tokens of a text.
        dtype: Numbers that the network computes in; not bfloat16, which cannot count more than 256 frames.
        threshold, minlenratio, maxlenratio, use_att_constraint, backward_window, forward_window: ESPnet's options of
            a backbone with attention.
    """

    speed_control_alpha: Stretch | None = None
    vocoder: VocoderName | None = None
    griffin_lim_iters: Iterations | None = None
    vocoder_file: File | None = None
    vocoder_config: File | dict[str, Any] | None = None
    max_tokens: AtLeastOne | None = None
    dtype: Literal["float16", "float32", "float64"] | None = None
    threshold: Probability | None = None
    minlenratio: Ratio | None = None
    maxlenratio: Ratio | None = None
    use_att_constraint: Switch | None = None
    backward_window: Window | None = None
    forward_window: Window | None = None

    @model_validator(mode="after")
    def _may_end(self):
        if self.minlenratio is not None and self.maxlenratio is not None and self.minlenratio > self.maxlenratio:
            raise ValueError(f"minlenratio ({self.minlenratio}) must not be above maxlenratio ({self.maxlenratio})")
        return self


class SetDecodeOptions(DecodeOptions):
    """Options of a decoding YAML: those of `Text2Speech`, and what only a whole set can be spoken by.

    Attributes:
        style_from: What gives the emotion: the `label` of each utterance; or a `recording`, or a `face`, of the set
            with that label, of somebody else and of another sentence where there is one.
    """

    style_from: StyleFrom | None = None


def has_encoder(config: Mapping[str, Any], encoder: Encoder) -> bool:
    """Tells whether a model of this training configuration has an encoder of recordings, or of faces."""
    style = config.get("style_conf") or {}
    return bool(style.get("reference", True)) if encoder == "reference" else style.get("visual") is not None


def check_style_from(style_from: StyleFrom | None, config: Mapping[str, Any], model: str) -> None:
    """Makes sure that a model can take the emotion from what decoding takes it from.

    Args:
        style_from: The option.
        config: Training configuration of the model.
        model: Its name, for the message.

    Raises:
        UserError: It lacks the encoder.
    """
    encoder = ENCODER_OF.get(style_from or "label")
    if encoder and not has_encoder(config, encoder):
        raise UserError(
            f"style_from: {style_from}: {model} has no {encoder} encoder (style_conf.{encoder} of a training YAML)"
        )


def load_inference_config(path: str | Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Reads a decoding YAML; `overrides` are `--key value` pairs. Keys that are null are left out.

    Raises:
        UserError: An unknown key, a value missing, or one that is not what its key takes.
    """
    config = read_yaml(path)
    pairs = list(overrides)
    names, values = pairs[::2], pairs[1::2]
    if len(names) != len(values) or not all(name.startswith("--") for name in names):
        raise UserError(f"inference options: expected '--key value' pairs, got {' '.join(pairs)!r}")
    for name, value in zip(names, values, strict=True):
        config[name.removeprefix("--")] = _value(name, value)
    try:
        build(SetDecodeOptions, config, "decoding")
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return {key: value for key, value in config.items() if value is not None}


def _value(name: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{name}: {text!r} is no YAML value: {' '.join(str(error).split())}") from error


def check_files(options: Mapping[str, Any]) -> None:
    """Raises UserError for a file of a vocoder that is not there."""
    for key in ("vocoder_file", "vocoder_config"):
        file = options.get(key)
        if isinstance(file, str) and not Path(file).is_file():
            raise UserError(f"{file}: no such file ({key})")
