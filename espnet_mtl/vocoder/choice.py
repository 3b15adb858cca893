"""Which vocoder a model speaks with: what a call says goes before what was trained with the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from espnet_mtl.vocoder.options import SOURCE_FILTER


def vocoder_arguments(options: Mapping[str, Any], weights: str | None) -> dict[str, Any]:
    """Returns `vocoder`, `vocoder_config` and `vocoder_file` for `espnet_mtl.vocoder.build.build_vocoder`.

    Args:
        options: Those of decoding: `vocoder`, `vocoder_config`, `vocoder_file` and `griffin_lim_iters` are read.
        weights: The vocoder that was trained with the model; None: there is none.
    """
    vocoder, config, file = (options.get(key) for key in ("vocoder", "vocoder_config", "vocoder_file"))
    # Where another vocoder is named, Griffin-Lim's iterations do not matter
    if not config and options.get("griffin_lim_iters") is not None and vocoder != SOURCE_FILTER:
        config = {"griffin_lim_iters": options["griffin_lim_iters"]}
    nothing_else = not file and not config and vocoder in (None, SOURCE_FILTER)
    return {
        "vocoder": vocoder,
        "vocoder_config": config,
        "vocoder_file": weights if nothing_else else file,
    }
