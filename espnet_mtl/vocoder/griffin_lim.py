"""From a log-mel spectrogram to a waveform: Griffin-Lim, or a vocoder trained with ParallelWaveGAN."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torchaudio.functional as AF

from espnet_mtl.errors import UserError, one_of

# ESPnet's name of each Griffin-Lim option -> ours
OPTIONS = {"n_shift": "hop_length", "griffin_lim_iters": "n_iter"}
KNOWN = ("fs", "n_fft", "hop_length", "n_mels", "fmin", "fmax", "win_length", "window", "n_iter")
# Features that differ from these cannot be inverted here
FIXED = {"htk": False, "log_base": 10.0, "center": True, "normalized": False, "onesided": True}


class GriffinLim(torch.nn.Module):
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
        basis = AF.melscale_fbanks(
            n_fft // 2 + 1, fmin or 0.0, fmax or fs / 2, n_mels, fs, norm="slaney", mel_scale="slaney"
        )
        self.register_buffer("basis", basis.T.contiguous(), persistent=False)
        self.register_buffer("inverse", torch.linalg.pinv(basis.T), persistent=False)
        self.register_buffer("window", _window(window, self.win_length), persistent=False)

    @torch.no_grad()
    def forward(self, logmel: torch.Tensor) -> torch.Tensor:
        """Synthesises one utterance.

        Args:
            logmel: Log10-mel spectrogram (T, n_mels).

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


def _window(name: str | None, length: int) -> torch.Tensor:
    if name is None:
        return torch.ones(length)
    try:
        return getattr(torch, f"{name}_window")(length)
    except AttributeError:
        windows = ("bartlett", "blackman", "hamming", "hann", "kaiser")
        raise one_of("window", name, windows) from None


def build_vocoder(
    features: Mapping[str, Any] | torch.nn.Module | None,
    vocoder_config: str | Path | Mapping[str, Any] | None = None,
    vocoder_file: str | Path | None = None,
    vocoder_tag: str | None = None,
    device: str = "cpu",
) -> torch.nn.Module:
    """Builds the vocoder of a model; all have `fs` and map (T, n_mels) to (T_wav,).

    Args:
        features: `feats_extract_conf`, or a model whose `feats_extract` knows its parameters.
        vocoder_config: Griffin-Lim's options (`griffin_lim_iters: 64`) or a ParallelWaveGAN config.yml.
        vocoder_file: ParallelWaveGAN checkpoint (.pkl) instead of Griffin-Lim.
        vocoder_tag: "parallel_wavegan/<name>": downloads that checkpoint.
        device: Where the vocoder runs.

    Raises:
        UserError: A setting that cannot be used; parallel_wavegan is asked for and not installed.
    """
    if vocoder_file or vocoder_tag:
        return _pretrained(vocoder_config, vocoder_file, vocoder_tag).to(device).eval()
    settings = {**_read(vocoder_config), **_parameters(features)}
    settings = {OPTIONS.get(key, key): value for key, value in settings.items()}
    for key, value in FIXED.items():
        if settings.pop(key, value) != value:
            raise UserError(f"Griffin-Lim needs features with {key}: {value}; train a vocoder for others")
    for key in settings.keys() - set(KNOWN):
        raise one_of("vocoder option", key, (*KNOWN, *OPTIONS))
    for key in ("fs", "n_fft", "hop_length", "n_mels"):
        if not settings.get(key):
            raise UserError(f"Griffin-Lim needs {key}, which the model's feats_extract_conf does not give")
    if isinstance(settings["fs"], str):
        import humanfriendly  # type: ignore[import-untyped]

        settings["fs"] = humanfriendly.parse_size(settings["fs"])
    return GriffinLim(**settings).to(device).eval()


def _parameters(features: Mapping[str, Any] | torch.nn.Module | None) -> dict[str, Any]:
    extractor = getattr(features, "feats_extract", None)
    if isinstance(extractor, torch.nn.Module):
        return dict(extractor.get_parameters())  # type: ignore[operator]
    return dict(features) if isinstance(features, Mapping) else {}


def _read(config: str | Path | Mapping[str, Any] | None) -> dict[str, Any]:
    if config is None or isinstance(config, Mapping):
        return dict(config or {})
    import yaml

    if not Path(config).is_file():
        raise UserError(f"no such vocoder config: {config}")
    return yaml.safe_load(Path(config).read_text(encoding="utf-8")) or {}


def _pretrained(config: Any, file: str | Path | None, tag: str | None) -> torch.nn.Module:
    from espnet2.tts.utils import ParallelWaveGANPretrainedVocoder

    try:
        if tag:
            from parallel_wavegan.utils import download_pretrained_model  # type: ignore[import-not-found]

            file = download_pretrained_model(tag.removeprefix("parallel_wavegan/"))
        if not str(file).endswith(".pkl") or not Path(str(file)).is_file():
            raise UserError(f"vocoder_file {file}: expected an existing ParallelWaveGAN checkpoint (.pkl)")
        return ParallelWaveGANPretrainedVocoder(str(file), None if isinstance(config, Mapping) else config)
    except ImportError as error:
        message = "this vocoder needs ParallelWaveGAN: pip install parallel_wavegan"
        raise UserError(f"{message} ({error})") from error
