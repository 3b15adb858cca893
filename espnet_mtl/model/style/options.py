"""Options of the style (`style_conf`), which are checked without importing PyTorch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from espnet_mtl.config.fields import Options, Share, Switch, Width, build

Ranged = Literal["pitch", "energy", "mel"]
Restored = Annotated[bool | list[Ranged], Field(description="true, false, or a list of pitch, energy and mel")]


class VisualOptions(Options):
    """Options of `espnet_mtl.model.style.visual.VisualEncoder`.

    Attributes:
        channels: Channels of a frame's encoding.
        dropout: Dropout in it.
        jitter: By how much crops of faces are scaled at random in training, and, a fifth of it, shifted: a face that is
            found in a picture never fills the crop as the next one does.
        drop: Share of the training utterances with a recording and a face that go without the face, and as many without
            the recording, so that either suffices.
    """

    channels: Width = 64
    dropout: Share = 0.1
    jitter: Annotated[float, Field(ge=0, le=0.5, description="a number in [0, 0.5]")] = 0.1
    drop: Annotated[float, Field(ge=0, le=0.5, description="a number in [0, 0.5]")] = 0.2


def _visual_options(given: Any) -> Any:
    if given is None or isinstance(given, VisualOptions):
        return given
    return build(VisualOptions, given, "style_conf.visual")


class StyleOptions(Options):
    """Options of `espnet_mtl.model.style.table.Style`.

    Attributes:
        dim: Size D of a row of the table; null: the size of the vectors that the style is added to.
        reference: Whether there is a reference encoder.
        channels: Channels of the reference encoder's convolutions.
        hard: Whether the likeliest style alone stands in for a label that is missing.
        restore_range: What gets the range that a task says in synthesis: predicted pitch, energy, spectrum; true: all
            that a task learns.
        visual: Whether there is a visual encoder, and how it is made; null: there is none.
    """

    dim: Width | None = None
    reference: Switch = True
    channels: Width = 64
    hard: Switch = False
    restore_range: Restored = False
    visual: Annotated[VisualOptions | None, BeforeValidator(_visual_options)] = None
