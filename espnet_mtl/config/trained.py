"""The door for the config.yaml of a trained model, which may come from anybody.

Training writes it with all of ESPnet's keys, of the version of then. Only what synthesis reads is checked: the rest
says how the model was trained, and keys that this version does not know have no effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from espnet_mtl.config.espnet.values import Cleaner
from espnet_mtl.config.fields import Digest, File, Name, Options, build
from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.visual import extractor_options
from espnet_mtl.errors import UserError, one_of, shown
from espnet_mtl.registry import BACKBONES, HEADS

UNKNOWN = "<unk>"
"""The token that texts get for one that the model does not know."""
LARGEST = {"n_mels": 1024, "n_fft": 2**15, "hop_length": 2**15, "fs": 2**20}
LARGEST_NUMBER, MOST_LAYERS = 2**16, 256
"""Sizes beyond which nothing is built: a file of some bytes must not fill the memory."""
SECTIONS = (
    *("tts_conf", "style_conf", "tasks", "weighting_conf"),
    *("feats_extract_conf", "pitch_extract_conf", "energy_extract_conf"),
)


def _check_distinct(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError(names)
    return names


Names = Annotated[list[Name], AfterValidator(_check_distinct), Field(description="a list of names, each of them once")]
Language = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9+_-]{1,40}$", description="espeak's name of a language, such as en-us")
]
FrameShape = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]],
    Field(min_length=1, max_length=2, description="[D] or [H, W], whole numbers of at least 1"),
]
Section = Annotated[dict[str, Any], Field(description="'key: value' lines")]


class TrainedValues(Options):
    """Values that synthesis reads and that are not checked with the sections (`espnet_mtl.config.schema.complete`).

    Attributes:
        tts, tts_conf, tasks: As in a training configuration.
        token_type, token_list, bpemodel, cleaner, language: From text to tokens.
        vocoder_weights: The vocoder that was trained with the model.
        speakers, emotions, languages, genders, intensities, voice_emotions, face_emotions: Names of the classes of the
            labels.
        visual_shape: Shape of a frame of the faces that it learned from.
        visual_extract, visual_extract_conf: How they were extracted.
        visual_weights: Digest of the extractor's weights.
        g2p, non_linguistic_symbols: ESPnet's, which this project does without.
    """

    tts: Name
    tts_conf: Section
    tasks: Section
    token_type: Literal["phn", "char", "bpe"]
    token_list: Names
    bpemodel: File | None = None
    vocoder_weights: File | None = None
    cleaner: Cleaner | None = None
    language: Language = "en-us"
    speakers: Names | None = None
    emotions: Names | None = None
    languages: Names | None = None
    genders: Names | None = None
    intensities: Names | None = None
    voice_emotions: Names | None = None
    face_emotions: Names | None = None
    visual_shape: FrameShape | None = None
    visual_extract: Name | None = None
    visual_extract_conf: Section = Field(default_factory=dict)
    visual_weights: Digest | None = None
    g2p: None = Field(None, description="null: phonemes come from espeak")
    non_linguistic_symbols: None = Field(None, description="null: the tokens have none")


def read_trained_config(path: str | Path) -> dict[str, Any]:
    """Reads the config.yaml of a trained model, and checks what synthesis reads of it. No code of it runs.

    Raises:
        UserError: It is no such file, or a value cannot be; the message names the file and the key.
    """
    config = read_yaml(path)
    try:
        values = check_trained(config)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    # ESPnet reads these, whether they are there or not
    return {**config, **values.model_dump(), "use_preprocessor": True}


def check_trained(config: Mapping[Any, Any]) -> TrainedValues:
    """Checks the config.yaml of a trained model; see `read_trained_config`."""
    if "tasks" not in config:
        raise UserError(
            "it has no key 'tasks': it is cut off, or of a model that espnet_mtl did not train; "
            "ESPnet's own models speak with espnet2.bin.tts_inference.Text2Speech"
        )
    for key in config:
        if not isinstance(key, str):
            raise UserError(f"{shown(key)}: a key is a name")
    for name, field in TrainedValues.model_fields.items():
        if field.is_required() and name not in config:
            raise UserError(f"key {name!r} is missing: the file is cut off")
    given = {name: config[name] for name in TrainedValues.model_fields if name in config}
    values = build(TrainedValues, given, "")
    if UNKNOWN not in values.token_list:
        raise UserError(f"token_list: {UNKNOWN} is missing, the token for what the model does not know")
    if values.tts not in BACKBONES:
        raise one_of("tts", values.tts, BACKBONES)
    if values.visual_extract is not None:
        extractor_options(values.visual_extract, values.visual_extract_conf)
    for name, task in values.tasks.items():
        if not isinstance(task, Mapping):
            raise UserError(f"tasks.{shown(name)}: expected 'key: value' lines, got {shown(task)}")
    for section in SECTIONS:
        check_sizes(section, config.get(section))
    return values


def check_sizes(name: str, value: Any) -> None:
    """Raises UserError for a number in a section that is larger than any that a network is built with."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            check_sizes(f"{name}.{shown(key) if not isinstance(key, str) else key}", inner)
    elif isinstance(value, list):
        for inner in value:
            check_sizes(name, inner)
    elif isinstance(value, int):
        key = name.rpartition(".")[2]
        largest = LARGEST.get(key, MOST_LAYERS if key.endswith("layers") else LARGEST_NUMBER)
        if abs(value) > largest:
            raise UserError(f"{name}: expected a number up to {largest}, got {shown(value)}")


def custom_heads(tasks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names the tasks whose heads are the user's own: synthesis needs none of them, and never imports their modules."""
    return [name for name, task in tasks.items() if HEADS.is_custom(task.get("head"))]
