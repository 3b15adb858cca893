"""The contract of a vocoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, get_args

import torch
import torchaudio.functional as AF
from torch import Tensor, nn

from espnet_mtl.config.espnet.values import Window
from espnet_mtl.errors import one_of


def mel_basis(fs: int, n_fft: int, n_mels: int, fmin: float | None, fmax: float | None) -> Tensor:
    """Makes the Slaney filterbank (n_fft // 2 + 1, n_mels) of ESPnet's `LogMelFbank`; None: 0 and `fs` / 2 (Hz)."""
    return AF.melscale_fbanks(
        n_fft // 2 + 1, fmin or 0.0, fmax or fs / 2, n_mels, fs, norm="slaney", mel_scale="slaney"
    )


def stft_window(name: str | None, length: int) -> Tensor:
    """Makes the window (length,) of an STFT; None: a rectangle.

    Raises:
        UserError: There is none of that name.
    """
    if name is None:
        return torch.ones(length)
    if name not in get_args(Window):
        raise one_of("window", name, get_args(Window))
    return getattr(torch, f"{name}_window")(length)


class Vocoder(nn.Module, ABC):
    """Turns a log-mel spectrogram into a waveform.

    Attributes:
        fs: Sampling rate of the waveform (Hz).
        needs_f0: Whether `forward` speaks by log F0 and voicing; what it is not given, it finds in the mel.
        streams: Whether a spectrogram may be turned into sound piece by piece.
    """

    needs_f0: ClassVar[bool] = False
    streams: ClassVar[bool] = False
    fs: int

    @classmethod
    @abstractmethod
    def build(
        cls, features: Mapping[str, Any], config: str | Path | Mapping[str, Any] | None, file: str | Path | None
    ) -> Vocoder:
        """Builds the vocoder of a model.

        Args:
            features: The model's feature extraction, as in `feats_extract_conf`.
            config: The user's `vocoder_config`: a file, or options.
            file: The user's `vocoder_file`: weights; None: there are none.

        Raises:
            UserError: A setting that cannot be used.
        """

    @abstractmethod
    def forward(self, logmel: Tensor, log_f0: Tensor | None = None, voicing: Tensor | None = None) -> Tensor:
        """Synthesizes one utterance, without a gradient.

        Args:
            logmel: Log10-mel spectrogram (T, n_mels).
            log_f0: Logarithm of F0 in Hz (T,), in all frames; None where it is not known.
            voicing: How voiced each frame is, 0 to 1 (T,); None where it is not known.

        Returns:
            Waveform (T_wav,).
        """
