"""Options of the style (`style_conf`), which are checked without importing PyTorch."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from espnet_mtl.config.fields import Options, Switch, Width

Ranged = Literal["pitch", "energy", "mel"]
RANGED: tuple[Ranged, ...] = get_args(Ranged)
Restored = Annotated[bool | list[Ranged], Field(description="true, false, or a list of pitch, energy and mel")]


class StyleOptions(Options):
    """Options of `espnet_mtl.model.style.table.Style`.

    Attributes:
        dim: Size D of a row of the table; null: the size of the vectors that the style is added to.
        reference: Whether there is a reference encoder.
        channels: Channels of the reference encoder's convolutions.
        hard: Whether the likeliest style alone stands in for a label that is missing.
        restore_range: What gets the range that a task says in synthesis: predicted pitch, energy, spectrum; true: all.
    """

    dim: Width | None = None
    reference: Switch = True
    channels: Width = 64
    hard: Switch = False
    restore_range: Restored = False

    @property
    def restored(self) -> tuple[Ranged, ...]:
        """What gets its range back."""
        if isinstance(self.restore_range, bool):
            return RANGED if self.restore_range else ()
        return tuple(self.restore_range)
