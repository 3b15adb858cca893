"""Options of the style (`style_conf`), which are checked without importing PyTorch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from espnet_mtl.config.fields import Options, Switch, Width

Ranged = Literal["pitch", "energy", "mel"]
Restored = Annotated[bool | list[Ranged], Field(description="true, false, or a list of pitch, energy and mel")]


class StyleOptions(Options):
    """Options of `espnet_mtl.model.style.table.Style`.

    Attributes:
        dim: Size D of a row of the table; null: the size of the vectors that the style is added to.
        reference: Whether there is a reference encoder.
        channels: Channels of the reference encoder's convolutions.
        hard: Whether the likeliest style alone stands in for a label that is missing.
        restore_range: What gets the range that a task says in synthesis: predicted pitch, energy, spectrum; true: all
            that a task learns.
    """

    dim: Width | None = None
    reference: Switch = True
    channels: Width = 64
    hard: Switch = False
    restore_range: Restored = False
