"""Building the vocoder of a model."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from espnet_mtl.config.signal import MEL_CHANNELS
from espnet_mtl.errors import one_of
from espnet_mtl.registry import VOCODERS
from espnet_mtl.vocoder.base import Vocoder
from espnet_mtl.vocoder.options import GRIFFIN_LIM, PARALLEL_WAVEGAN, SOURCE_FILTER

KIND_OF_SUFFIX = {".pkl": PARALLEL_WAVEGAN, ".pth": SOURCE_FILTER}
"""Suffix of a file of weights -> the vocoder that they are of."""


def build_vocoder(
    features: Mapping[str, Any] | torch.nn.Module | None,
    vocoder_config: str | Path | Mapping[str, Any] | None = None,
    vocoder_file: str | Path | None = None,
    vocoder_tag: str | None = None,
    device: str = "cpu",
    vocoder: str | None = None,
) -> Vocoder:
    """Builds the vocoder of a model.

    Args:
        features: `feats_extract_conf`, or a model whose `feats_extract` knows its parameters.
        vocoder_config: Griffin-Lim's options (`griffin_lim_iters: 64`) or a ParallelWaveGAN config.yml.
        vocoder_file: Weights of a source-filter vocoder (.pth) or a ParallelWaveGAN checkpoint (.pkl).
        vocoder_tag: "parallel_wavegan/<name>": downloads that checkpoint.
        device: Where the vocoder runs.
        vocoder: Which one; None: that of the file. Without a file, Griffin-Lim where its options are given, else the
            source-filter vocoder of this package where it is for such features, else Griffin-Lim.

    Raises:
        UserError: A setting that cannot be used; parallel_wavegan is asked for and not installed.
    """
    if vocoder_tag:
        from espnet_mtl.vocoder.parallel_wavegan import download

        vocoder_file = download(vocoder_tag)
    parameters = _parameters(features)
    name = vocoder or _default(parameters, vocoder_config, vocoder_file)
    if name not in VOCODERS:
        raise one_of("vocoder", name, VOCODERS)
    built: Vocoder = VOCODERS.load(name).build(parameters, vocoder_config, vocoder_file)
    return built.to(device).eval()


def _default(parameters: Mapping[str, Any], config: object, file: str | Path | None) -> str:
    """Names the vocoder that is meant where none is named."""
    if file:
        return KIND_OF_SUFFIX.get(Path(file).suffix, PARALLEL_WAVEGAN)
    if config:
        return GRIFFIN_LIM
    from espnet_mtl.vocoder.source_filter.vocoder import universal_difference

    difference = universal_difference(parameters)
    if difference:
        print(f"Griffin-Lim speaks: there is no vocoder for these features ({difference})", file=sys.stderr)
        return GRIFFIN_LIM
    return SOURCE_FILTER


def _parameters(features: Mapping[str, Any] | torch.nn.Module | None) -> dict[str, Any]:
    """Returns the parameters of a feature extraction; none where there is no extractor."""
    if isinstance(features, Mapping):
        return {**MEL_CHANNELS, **features}
    extractor = getattr(features, "feats_extract", None)
    if extractor is None:
        return {}
    # A process without a model of ESPnet's does without ESPnet
    from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank

    if not isinstance(extractor, LogMelFbank):
        return {}
    parameters = dict(extractor.get_parameters())
    parameters["hop_length"] = parameters.pop("n_shift")
    # What kind of mel it is, the extractor does not tell of itself
    parameters |= {"htk": extractor.logmel.mel_options["htk"], "log_base": extractor.logmel.log_base}
    return parameters | {key: getattr(extractor.stft, key) for key in ("center", "normalized", "onesided")}
