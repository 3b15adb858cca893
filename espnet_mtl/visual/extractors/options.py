"""Options of the extractors (`visual_extract_conf` of a training configuration)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from espnet_mtl.config.fields import Options, Positive, whole

Rate = Annotated[float, Field(gt=0, le=60, description="a number of frames a second above 0, up to 60")]
Size = Annotated[int, whole(16, 128)]


class FaceOptions(Options):
    """Options of what works on faces.

    Attributes:
        rate: Frames a second that are looked at.
        max_seconds: Longer videos are refused.
    """

    rate: Rate = 5.0
    max_seconds: Positive = 60.0


class CropsOptions(FaceOptions):
    """Options of `crops`.

    Attributes:
        size: Height and width of a crop in pixels.
    """

    size: Size = 48


class ExpressionOptions(FaceOptions):
    """Options of `expression`: those of all that works on faces."""


class EmbeddingOptions(Options):
    """Options of `embedding`.

    Attributes:
        rate: Frames a second that sequences are brought to; null = they are taken as they are.
    """

    rate: Rate | None = None
