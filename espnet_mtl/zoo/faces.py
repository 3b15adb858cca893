"""What the card of a model that sees faces says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from espnet_mtl.config.schema import VISUAL_SHAPE, VISUAL_WEIGHTS
from espnet_mtl.config.visual import extractor_options
from espnet_mtl.registry import VISUAL_EXTRACTORS
from espnet_mtl.visual.extractors.base import Weights
from espnet_mtl.visual.extractors.build import weights_of
from espnet_mtl.zoo.example import example_arguments, example_voice


@dataclass(frozen=True)
class FaceCard:
    """What is seen, and with what.

    Attributes:
        extractor: Its name.
        vectors: What a frame becomes.
        rate: How many frames there are of a second.
        weights: Those of the extractor; None: it has none.
        digest: SHA-256 of the weights that the model was trained with, where it is known.
        example: A file that the model can be shown.
        arguments: Of a call that shows it, after the text.
    """

    extractor: str
    vectors: str
    rate: str
    weights: Weights | None
    digest: str | None
    example: str
    arguments: str

    @property
    def kilobytes(self) -> int:
        """Size of the weights."""
        return len(self.weights.content) // 1000 if self.weights else 0


def face_card(config: Mapping[str, Any]) -> FaceCard | None:
    """Describes how a model sees faces; None where it sees none.

    Args:
        config: Its config.yaml, with defaults.
    """
    shape = config.get(VISUAL_SHAPE)
    if config["style_conf"].get("visual") is None or not shape:
        return None
    name = config["visual_extract"]
    # It is not built: that takes libraries which packing does without
    rate = extractor_options(name, config["visual_extract_conf"]).model_dump()["rate"]
    example = "face.png" if VISUAL_EXTRACTORS.load(name).finds_faces else "face.npy"
    voice = {key: value for key, value in example_voice(config).items() if key != "emotion"}
    return FaceCard(
        extractor=name,
        vectors=f"{' x '.join(map(str, shape))} {'numbers' if len(shape) == 1 else 'pixels'} a frame",
        rate="any frame rate" if rate is None else f"{rate:g} frames a second",
        weights=weights_of(name),
        digest=config.get(VISUAL_WEIGHTS),
        example=example,
        arguments=example_arguments({**voice, "visual": example}),
    )
