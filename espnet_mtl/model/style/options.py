"""Options of the style (`style_conf`), which are checked without importing PyTorch."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from espnet_mtl.config.fields import Options, Switch, Width

Contour = Literal["pitch", "energy"]
CONTOURS: tuple[Contour, ...] = get_args(Contour)
Contours = Annotated[bool | list[Contour], Field(description="true, false, or a list of pitch and energy")]


class StyleOptions(Options):
    """Options of `espnet_mtl.model.style.table.Style`.

    Attributes:
        dim: Size D of a row of the table; null: the size of the vectors that the style is added to.
        reference: Whether there is a reference encoder.
        channels: Channels of the reference encoder's convolutions.
        hard: Whether the likeliest style alone stands in for a label that is missing.
        restore_range: The predicted contours that get the range which a task says in synthesis; true: all of them.
    """

    dim: Width | None = None
    reference: Switch = True
    channels: Width = 64
    hard: Switch = False
    restore_range: Contours = False

    @property
    def restored(self) -> tuple[Contour, ...]:
        """The contours that get their range back."""
        if isinstance(self.restore_range, bool):
            return CONTOURS if self.restore_range else ()
        return tuple(self.restore_range)
