"""Building an extractor from what a training configuration says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from espnet_mtl.config.visual import extractor_options
from espnet_mtl.registry import VISUAL_EXTRACTORS
from espnet_mtl.visual.extractors.base import VisualExtractor


def build_extractor(name: str, conf: Mapping[str, Any]) -> VisualExtractor:
    """Builds the extractor `name` with the options `conf`.

    Raises:
        UserError: There is none of that name, or it does not take these options.
    """
    extractor: VisualExtractor = VISUAL_EXTRACTORS.load(name)(extractor_options(name, conf))
    return extractor
