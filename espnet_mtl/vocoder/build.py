"""Building the vocoder of a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from espnet_mtl.registry import VOCODERS
from espnet_mtl.vocoder.base import Vocoder

GRIFFIN_LIM = "griffin_lim"
PARALLEL_WAVEGAN = "parallel_wavegan"


def build_vocoder(
    features: Mapping[str, Any] | torch.nn.Module | None,
    vocoder_config: str | Path | Mapping[str, Any] | None = None,
    vocoder_file: str | Path | None = None,
    vocoder_tag: str | None = None,
    device: str = "cpu",
) -> Vocoder:
    """Builds the vocoder of a model.

    Args:
        features: `feats_extract_conf`, or a model whose `feats_extract` knows its parameters.
        vocoder_config: Griffin-Lim's options (`griffin_lim_iters: 64`) or a ParallelWaveGAN config.yml.
        vocoder_file: ParallelWaveGAN checkpoint (.pkl) instead of Griffin-Lim.
        vocoder_tag: "parallel_wavegan/<name>": downloads that checkpoint.
        device: Where the vocoder runs.

    Raises:
        UserError: A setting that cannot be used; parallel_wavegan is asked for and not installed.
    """
    if vocoder_tag:
        from espnet_mtl.vocoder.parallel_wavegan import download

        vocoder_file = download(vocoder_tag)
    kind = VOCODERS.load(PARALLEL_WAVEGAN if vocoder_file else GRIFFIN_LIM)
    vocoder: Vocoder = kind.build(_parameters(features), vocoder_config, vocoder_file)
    return vocoder.to(device).eval()


def _parameters(features: Mapping[str, Any] | torch.nn.Module | None) -> dict[str, Any]:
    """Returns the parameters of a feature extraction; none where there is no extractor."""
    extractor = getattr(features, "feats_extract", None)
    if isinstance(extractor, torch.nn.Module):
        return dict(extractor.get_parameters())  # type: ignore[operator]
    return dict(features) if isinstance(features, Mapping) else {}
