"""Vocoders that were trained with the package parallel_wavegan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from espnet2.tts.utils import ParallelWaveGANPretrainedVocoder
from torch import Tensor

from espnet_mtl.errors import UserError
from espnet_mtl.vocoder.base import Vocoder

MISSING = "this vocoder needs ParallelWaveGAN: pip install parallel_wavegan"


class ParallelWaveGAN(Vocoder):
    """A checkpoint of parallel_wavegan, as ESPnet loads it (Parallel WaveGAN, MelGAN, HiFi-GAN, …).

    Args:
        file: The checkpoint (.pkl).
        config: Its config.yml; None: the one beside it.

    Raises:
        UserError: There is no such checkpoint, or parallel_wavegan is not installed.
    """

    def __init__(self, file: str | Path, config: str | Path | None = None):
        super().__init__()
        if not str(file).endswith(".pkl") or not Path(file).is_file():
            raise UserError(f"vocoder_file {file}: expected an existing ParallelWaveGAN checkpoint (.pkl)")
        try:
            self.network = ParallelWaveGANPretrainedVocoder(str(file), config)
        except ImportError as error:
            raise UserError(f"{MISSING} ({error})") from error
        self.fs = int(self.network.fs)

    @classmethod
    def build(
        cls, features: Mapping[str, Any], config: str | Path | Mapping[str, Any] | None, file: str | Path | None
    ) -> ParallelWaveGAN:
        """Loads the checkpoint; `config` may hold Griffin-Lim's options, which do not matter here."""
        return cls(str(file), None if isinstance(config, Mapping) else config)

    @torch.no_grad()
    def forward(self, logmel: Tensor, log_f0: Tensor | None = None, voicing: Tensor | None = None) -> Tensor:
        """Synthesizes one utterance from its log-mel spectrogram (T, n_mels)."""
        return self.network(logmel)


def download(tag: str) -> Path:
    """Downloads the checkpoint that parallel_wavegan knows as `parallel_wavegan/<name>`.

    Raises:
        UserError: parallel_wavegan is not installed.
    """
    try:
        from parallel_wavegan.utils import download_pretrained_model  # type: ignore[import-not-found]
    except ImportError as error:
        raise UserError(f"{MISSING} ({error})") from error
    return Path(download_pretrained_model(tag.removeprefix("parallel_wavegan/")))
