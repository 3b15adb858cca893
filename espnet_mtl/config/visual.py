"""What a configuration says of faces: which extractor, with which options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from espnet_mtl.config.fields import Options, build
from espnet_mtl.errors import UserError
from espnet_mtl.registry import VISUAL_EXTRACTORS


def extractor_options(name: str, conf: object) -> Options:
    """Builds the options of the extractor `name` from the section `visual_extract_conf`.

    Raises:
        UserError: There is no extractor of that name, or it does not take these options.
    """
    options: Options = build(VISUAL_EXTRACTORS.options(name), conf, "visual_extract_conf")
    return options


def check_visual(config: Mapping[str, Any]) -> None:
    """Checks what a completed training configuration says of faces.

    Raises:
        UserError: An unknown extractor or option, options without an extractor, or a visual encoder without one.
    """
    name, conf = config["visual_extract"], config["visual_extract_conf"]
    valid = ", ".join(VISUAL_EXTRACTORS)
    if name is not None:
        extractor_options(name, conf)
    elif conf:
        raise UserError(f"visual_extract_conf has no effect without visual_extract: name one of {valid}")
    if name is None and config["style_conf"].get("visual") is not None:
        raise UserError(f"style_conf.visual: there are no faces without visual_extract: {valid}")
