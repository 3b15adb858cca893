"""Building a model from a checked configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import ValidationError

from espnet_mtl.config.fields import explained
from espnet_mtl.config.ranges import range_tasks
from espnet_mtl.config.schema import VISUAL_SHAPE
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CLASS_LABELS, CONTINUOUS_LABELS
from espnet_mtl.model.backbones.base import Backbone
from espnet_mtl.model.heads.base import Head
from espnet_mtl.model.model import MTLTTSModel
from espnet_mtl.model.style.table import Style
from espnet_mtl.model.taps import RECORDING, VISUAL
from espnet_mtl.model.weighting.base import Weighting
from espnet_mtl.registry import BACKBONES, HEADS, WEIGHTINGS

STYLE_LABEL = "emotion"
"""The label whose classes are the rows of the style table."""

REFUSED = (ArithmeticError, AssertionError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)
"""What ESPnet's networks raise over values that their constructors cannot use."""
NEEDED = {
    "visual": "a visual encoder (style_conf.visual), and emotion labels in the data",
    "style": "a reference encoder (style_conf.reference: true), and emotion labels in the data",
    "speaker": "several speakers; the data have one",
}
"""What the taps need that not every model has."""


def build_model(config: Mapping[str, Any], parts: Mapping[str, Any]) -> MTLTTSModel:
    """Builds the model that a configuration describes.

    Args:
        config: A checked training configuration (`espnet_mtl.config.load.complete`), with its token list and label
            tables as lists of names.
        parts: ESPnet's feature extractors and normalizations, by name.

    Raises:
        UserError: A value that the configuration's check could not tell, or a tap that this model does not have.
    """
    odim = parts["feats_extract"].output_size()
    classes = {name: config[label.table] or [] for name, label in CLASS_LABELS.items()}
    backbone = build_backbone(config, odim)
    style = build_style(config, odim, backbone.encoder_dim, len(classes[STYLE_LABEL]))
    heads = build_heads(config["tasks"], tap_dims(backbone, style), classes)
    weighting = build_weighting(config, heads)
    restored = range_tasks(config, backbone.spec)
    return model_class(config["tts"])(style, STYLE_LABEL, heads, weighting, restored, tts=backbone, **parts)


def model_class(tts: str) -> type[MTLTTSModel]:
    """Returns the class of the model with a backbone."""
    if BACKBONES.spec(tts).end_to_end:
        from espnet_mtl.model.gan import MTLGANTTSModel  # it imports networks that others do without

        return MTLGANTTSModel
    return MTLTTSModel


def build_backbone(config: Mapping[str, Any], odim: int) -> Backbone:
    """Builds the backbone for log-mel spectrograms with `odim` channels."""
    sizes = {"idim": len(config["token_list"]), "odim": odim}
    try:
        backbone: Backbone = BACKBONES.load(config["tts"])(**sizes, **config["tts_conf"])
    except REFUSED as error:
        reason = str(error) or "its constructor refuses them"
        raise UserError(f"tts_conf: ESPnet cannot build {config['tts']} with these values: {reason}") from error
    backbone.split = bool(config["tasks"]["tts"].get("split"))
    return backbone


def build_style(config: Mapping[str, Any], odim: int, encoder_dim: int, num_styles: int) -> Style | None:
    """Builds the style table and its reference encoder; None where the data have no labels of a style."""
    if not num_styles:
        return None
    try:
        return Style(num_styles, odim, encoder_dim, config.get(VISUAL_SHAPE), **config["style_conf"])
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"style_conf: {error}") from error


def tap_dims(backbone: Backbone, style: Style | None) -> dict[str, int]:
    """Returns the sizes of the vectors of the taps that a model has."""
    dims = backbone.tap_dims()
    if style is not None and style.reference is not None:
        dims[RECORDING] = style.table.size(1)
    if style is not None and style.visual is not None:
        dims[VISUAL] = style.table.size(1)
    return dims


def build_heads(
    tasks: Mapping[str, Mapping[str, Any]], dims: Mapping[str, int], classes: Mapping[str, Sequence[str]]
) -> dict[str, Head]:
    """Builds the head of every auxiliary task.

    Args:
        tasks: The section `tasks` of a configuration.
        dims: Sizes of the vectors of the taps.
        classes: Names of the classes of each label that names one.
    """
    heads = {}
    for name, task in tasks.items():
        if name != "tts":
            heads[name] = build_head(name, task, dims, classes)
    return heads


def build_head(
    name: str, task: Mapping[str, Any], dims: Mapping[str, int], classes: Mapping[str, Sequence[str]]
) -> Head:
    """Builds the head of the task `name`; see `build_heads`."""
    if hasattr(torch.nn.ModuleDict(), name):
        raise UserError(f"tasks.{name}: PyTorch's modules have something of this name; choose another")
    tap, label = task["tap"], task["label"]
    if tap not in dims:
        raise UserError(f"tasks.{name}: the tap {tap!r} needs {NEEDED[tap]}")
    head_class = HEADS.load(task["head"])
    partner = head_class.options_class().partner
    if partner is not None and partner not in dims:
        raise UserError(f"tasks.{name}: the tap {partner!r}, which it compares with {tap!r}, needs {NEEDED[partner]}")
    options = {key: value for key, value in task.items() if key != "head"}
    is_style = tap in (RECORDING, VISUAL) and label == STYLE_LABEL
    if task["head"] == "classifier" and is_style and not task.get("reversed"):
        # The encoder's attention over the styles is the classifier
        options["attention"] = True
    if task["head"] == "discriminator" and task.get("context"):
        options["context_dim"] = dims["shared"]
    size = CONTINUOUS_LABELS[label].size if label in CONTINUOUS_LABELS else len(classes[label])
    with HEADS.running(task["head"], f"tasks.{name}: {task['head']}"):
        try:
            return head_class(dim=dims[tap], classes=size, **options)
        except ValidationError as error:
            raise explained(error, head_class.Options, f"tasks.{name}") from error
        except (TypeError, ValueError, RuntimeError) as error:
            raise UserError(f"tasks.{name}: {task['head']}: {error}") from error


def build_weighting(config: Mapping[str, Any], heads: Mapping[str, Head]) -> Weighting:
    """Builds the weighting of the tasks."""
    # A head knows its λ: its class may have another default than others
    weights = {name: head.weight for name, head in heads.items()}
    unsized = [name for name, head in heads.items() if not head.weighed_by_size]
    weighting = WEIGHTINGS.load(config["weighting"])
    try:
        return weighting(preferences(config, weights), unsized=unsized, **config["weighting_conf"])
    except (TypeError, ValueError) as error:
        raise UserError(f"weighting_conf: {error}") from error


def preferences(config: Mapping[str, Any], weights: Mapping[str, float]) -> dict[str, float]:
    """Returns λ_k per task: first those of the TTS loss, whose parts are tasks where it is split, then the heads'.

    Args:
        config: A checked training configuration.
        weights: λ_k of the tasks with a head.
    """
    total = float(config["tasks"]["tts"].get("weight", 1.0))
    split = config["tasks"]["tts"].get("split")
    if not split:
        return {"tts": total, **weights}
    factors = split if isinstance(split, Mapping) else {}
    parts = {f"tts_{part}": total * float(factors.get(part, 1.0)) for part in loss_parts(config)}
    return {**parts, **weights}


def loss_parts(config: Mapping[str, Any]) -> list[str]:
    """Names the parts of the TTS loss that the configured backbone has."""
    parts = list(BACKBONES.spec(config["tts"]).parts)
    if "attention" in parts and not config["tts_conf"].get("use_guided_attn_loss", True):
        parts.remove("attention")
    return parts
