"""Griffin-Lim: a vocoder without weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torchaudio.functional as AF

from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.signal import KIND_OF_MEL
from espnet_mtl.errors import UserError, one_of, shown
from espnet_mtl.vocoder.base import Vocoder, mel_basis, stft_window

ESPNET_NAMES = {"griffin_lim_iters": "n_iter"}
"""ESPnet's name of an option -> ours."""
OPTIONS = ("fs", "n_fft", "hop_length", "n_mels", "fmin", "fmax", "win_length", "window", "n_iter")
NEEDED = ("fs", "n_fft", "hop_length", "n_mels")
MOST_ITERATIONS = 10_000


class GriffinLim(Vocoder):
    """Inverts ESPnet's `LogMelFbank` (log10 of a Slaney mel of the amplitude spectrum).

    The linear spectrogram is the non-negative least-squares solution of mel = B S, by multiplicative
    updates (Lee and Seung, NIPS 2000, eq. 4) from the clipped pseudo-inverse; the phase comes from fast
    Griffin-Lim (Perraudin et al., WASPAA 2013, Algorithm 2) from zero phase: the same mel gives the
    same samples, and no random number is drawn.

    Args:
        fs: Sampling frequency (Hz), also an attribute.
        n_fft, hop_length, win_length, window: STFT of the features (samples; `win_length` None = `n_fft`).
        n_mels, fmin, fmax: Mel filterbank (Hz; None = 0 and `fs` / 2).
        n_iter: Griffin-Lim iterations.
    """

    basis: torch.Tensor
    inverse: torch.Tensor
    window: torch.Tensor

    def __init__(
        self,
        fs: int,
        n_fft: int,
        hop_length: int,
        n_mels: int,
        fmin: float | None = None,
        fmax: float | None = None,
        win_length: int | None = None,
        window: str | None = "hann",
        n_iter: int = 32,
    ):
        super().__init__()
        self.fs, self.n_fft, self.hop_length, self.n_iter = fs, n_fft, hop_length, n_iter
        self.win_length = win_length or n_fft
        basis = mel_basis(fs, n_fft, n_mels, fmin, fmax)
        self.register_buffer("basis", basis.T.contiguous(), persistent=False)
        self.register_buffer("inverse", torch.linalg.pinv(basis.T), persistent=False)
        self.register_buffer("window", stft_window(window, self.win_length), persistent=False)

    @classmethod
    def build(
        cls, features: Mapping[str, Any], config: str | Path | Mapping[str, Any] | None, file: str | Path | None = None
    ) -> GriffinLim:
        """Builds it for the features of a model; options of `config`, and ESPnet's names of options, are taken, too."""
        if file:
            raise UserError(f"vocoder_file {file}: Griffin-Lim has no weights: leave it out, or name another vocoder")
        given = {**_options(config), **features}
        settings = {ESPNET_NAMES.get(name, name): value for name, value in given.items()}
        for name, value in KIND_OF_MEL.items():
            if settings.pop(name, value) != value:
                raise UserError(f"Griffin-Lim needs features with {name}: {value}; train a vocoder for others")
        for name in settings:
            if name not in OPTIONS:
                raise one_of("vocoder option", name, (*OPTIONS, *ESPNET_NAMES))
        for name in NEEDED:
            if not settings.get(name):
                raise UserError(f"Griffin-Lim needs {name}, which the model's feats_extract_conf does not give")
        n_iter = settings.get("n_iter", 1)
        if not isinstance(n_iter, int) or not 1 <= n_iter <= MOST_ITERATIONS:
            wanted = f"a whole number from 1 to {MOST_ITERATIONS}"
            raise UserError(f"griffin_lim_iters: expected {wanted}, got {shown(n_iter)}")
        return cls(**{**settings, "fs": _hertz(settings["fs"])})

    @torch.no_grad()
    def forward(
        self, logmel: torch.Tensor, log_f0: torch.Tensor | None = None, voicing: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Synthesizes one utterance.

        Args:
            logmel: Log10-mel spectrogram (T, n_mels).
            log_f0: Not needed.
            voicing: Not needed.

        Returns:
            Waveform of (T - 1) * hop_length samples.
        """
        length = (len(logmel) - 1) * self.hop_length
        spectrogram = self.linear(logmel)
        # The reflect padding of the STFT needs more than half a window
        missing = self.n_fft // (2 * self.hop_length) + 2 - len(logmel)
        spectrogram = torch.nn.functional.pad(spectrogram, (0, max(0, missing)))
        wav = AF.griffinlim(
            spectrogram,
            self.window,
            self.n_fft,
            self.hop_length,
            self.win_length,
            power=1.0,
            n_iter=self.n_iter,
            momentum=0.99,
            length=(spectrogram.shape[-1] - 1) * self.hop_length,
            rand_init=False,
        )
        return wav[:length]

    def linear(self, logmel: torch.Tensor) -> torch.Tensor:
        """Turns a log10-mel (T, n_mels) into an amplitude spectrogram (n_fft // 2 + 1, T)."""
        mel = torch.pow(10.0, logmel.T.to(self.basis))
        spectrogram = (self.inverse @ mel).clamp(min=1e-5 * float(mel.max()))
        numerator = self.basis.T @ mel
        for _ in range(10):
            spectrogram = spectrogram * numerator / (self.basis.T @ (self.basis @ spectrogram) + 1e-10)
        return spectrogram


def _options(config: str | Path | Mapping[str, Any] | None) -> dict[str, Any]:
    """Reads options from a file, or takes them as they are."""
    if config is None or isinstance(config, Mapping):
        return dict(config or {})
    return read_yaml(config)


def _hertz(rate: int | str) -> int:
    """Reads a sampling rate, which ESPnet lets one write as "16k"."""
    if not isinstance(rate, str):
        return rate
    import humanfriendly  # type: ignore[import-untyped]

    return humanfriendly.parse_size(rate)
