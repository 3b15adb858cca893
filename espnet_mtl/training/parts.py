"""What a fine-tuned model takes over from the pretrained one, what is new in it, and what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from espnet_mtl.config.decode import has_encoder
from espnet_mtl.config.schema import VISUAL_SHAPE, VISUAL_WEIGHTS
from espnet_mtl.config.visual import extractor_options

if TYPE_CHECKING:
    from torch import Tensor

VISUAL_PARTS = ("style.visual.", "style.trust")
"""Parameters that are there where a model sees faces."""
KEYS = {
    "style.visual": "style_conf.visual",
    "style.trust": "style_conf.visual",
    "style.reference": "style_conf.reference",
}
"""Key of the configuration that asks for a part of the style."""
TIMING = ("rate", "max_seconds")
"""Options of extractors that change how many vectors there are of a face, and not what they say."""
SHOWN_DIGITS = 12
"""Of a digest."""


def sees(config: Mapping[str, Any]) -> bool:
    """Tells whether a model with this configuration sees faces."""
    return has_encoder(config, "visual")


def visual_change(trained: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """Says of two configurations with a visual encoder in what the vectors differ that it reads; None: in nothing.

    Args:
        trained: config.yaml of a trained model.
        wanted: A completed training configuration; before stage 5, it does not say yet of what shape the vectors are.
    """
    if not (sees(trained) and sees(wanted)):
        return None
    theirs, ours = _vectors(trained), _vectors(wanted)
    for key, value in theirs.items():
        # What only one of them says is not compared: a model of an earlier version, or before stage 5
        if value is not None and ours.get(key) is not None and ours[key] != value:
            return f"{key} is {ours[key]!r}, and it was trained with {value!r}"
    return None


def _vectors(config: Mapping[str, Any]) -> dict[str, Any]:
    """Describes the vectors that are made of faces, by the keys that say it."""
    name = config.get("visual_extract")
    found: dict[str, Any] = {"visual_extract": name}
    if name is not None:
        options = extractor_options(name, config.get("visual_extract_conf") or {}).model_dump(exclude={*TIMING})
        for key, value in options.items():
            found[f"visual_extract_conf.{key}"] = value
    found[VISUAL_SHAPE] = config.get(VISUAL_SHAPE)
    weights = config.get(VISUAL_WEIGHTS)
    found[VISUAL_WEIGHTS] = weights and weights[:SHOWN_DIGITS]
    return found


def without_visual(state: Mapping[str, Tensor], tasks: Mapping[str, Mapping[str, Any]]) -> dict[str, Tensor]:
    """Leaves out the visual encoder, and the heads of the tasks that read it."""
    heads = [f"heads.{name}." for name, task in tasks.items() if task.get("tap") == "visual"]
    return {key: value for key, value in state.items() if not key.startswith((*VISUAL_PARTS, *heads))}


def parts_report(trained: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Says which parts of a model are not those of the pretrained one, and which of that one's it has not.

    Args:
        trained: Names of the parameters that are taken over.
        wanted: Those of the model.
    """
    trained, wanted = dict.fromkeys(trained), dict.fromkeys(wanted)
    report = []
    for text, names in (("new", wanted.keys() - trained.keys()), ("left out", trained.keys() - wanted.keys())):
        parts = sorted({_part(name) for name in names if not name.startswith("weighting.")})
        if parts:
            report.append(f"{text}: {', '.join(parts)}")
    return report


def _part(name: str) -> str:
    """Names the part that a parameter belongs to, as the configuration calls it."""
    section, _, rest = name.partition(".")
    if section == "heads":
        return f"tasks.{rest.partition('.')[0]}"
    if section == "style":
        part = f"style.{rest.partition('.')[0]}"
        return KEYS.get(part, "style")
    return name.rpartition(".")[0]
