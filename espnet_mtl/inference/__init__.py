"""Speech from a trained model: `from espnet_mtl.inference import Text2Speech`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espnet_mtl.inference.text2speech import Text2Speech as Text2Speech


def __getattr__(name: str):
    # `espnet_mtl.inference.sets` need not load the API.
    if name != "Text2Speech":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from espnet_mtl.inference.text2speech import Text2Speech

    return Text2Speech
