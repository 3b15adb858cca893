"""Building an extractor from what a training configuration says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from espnet_mtl.config.visual import extractor_options
from espnet_mtl.errors import UserError
from espnet_mtl.registry import VISUAL_EXTRACTORS
from espnet_mtl.visual.extractors.base import VisualExtractor, Weights


def build_extractor(name: str, conf: Mapping[str, Any]) -> VisualExtractor:
    """Builds the extractor `name` with the options `conf`.

    Raises:
        UserError: There is none of that name, or it does not take these options.
    """
    extractor: VisualExtractor = VISUAL_EXTRACTORS.load(name)(extractor_options(name, conf))
    return extractor


def weights_of(name: str) -> Weights | None:
    """Returns the weights of the extractor `name`; None where it has none."""
    weights: Weights | None = VISUAL_EXTRACTORS.load(name).weights
    return weights


def weights_digest(name: str) -> str | None:
    """Returns the digest of the weights of the extractor `name`; None where it has none."""
    weights = weights_of(name)
    return weights.digest if weights else None


def check_weights(name: str, digest: str | None, where: str, remedy: str) -> None:
    """Makes sure that what was made of faces before is what would be made of them now.

    Args:
        name: An extractor.
        digest: Of the weights that were used; None: it had none, or nothing is known of them.
        where: What was made, for the error.
        remedy: What to do where they were others.

    Raises:
        UserError: They were others.
    """
    own = weights_of(name)
    if own and digest and own.digest != digest:
        difference = f"with other weights of {own.network} ({digest[:12]}) than this espnet_mtl has ({own.digest[:12]})"
        raise UserError(f"{where} {difference}: {remedy}")
