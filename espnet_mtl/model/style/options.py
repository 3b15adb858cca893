"""Options of the style (`style_conf`), which are checked without importing PyTorch."""

from __future__ import annotations

from espnet_mtl.config.fields import Options, Switch, Width


class StyleOptions(Options):
    """Options of `espnet_mtl.model.style.table.Style`.

    Attributes:
        dim: Size D of a row of the table; null: the size of the vectors that the style is added to.
        reference: Whether there is a reference encoder.
        channels: Channels of the reference encoder's convolutions.
        hard: Whether the likeliest style alone stands in for a label that is missing.
    """

    dim: Width | None = None
    reference: Switch = True
    channels: Width = 64
    hard: Switch = False
