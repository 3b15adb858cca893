"""The networks of the source-filter vocoder: one finds F0 and voicing in a mel, one filters excitations."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from espnet_mtl.vocoder.base import mel_basis, stft_window
from espnet_mtl.vocoder.source_filter.excitation import bursts, gate, phase_of, pulses
from espnet_mtl.vocoder.source_filter.options import NetworkOptions, Signal
from espnet_mtl.vocoder.source_filter.shared import LEAST_MEL, MOST_CORRECTION

LOG_F0_CENTRE, LOG_F0_SCALE = math.log(160), 0.5
"""Log F0 of voices is about this far around this."""
MOST_GAIN = 7.0
"""Logarithm of the largest gain of a filter."""


class Source(NamedTuple):
    """What a mel says of the voice.

    Attributes:
        log_f0: Logarithm of F0 in Hz (B, T), in all frames.
        voicing: Logit of how likely each frame is voiced (B, T).
    """

    log_f0: Tensor
    voicing: Tensor


class Filters(NamedTuple):
    """What is done to the excitations, in T' = steps (T - 1) + 1 frames of the vocoder's own STFT.

    Attributes:
        gains: Of pulses, bursts and noise (3, B, bins, T').
        shift: Phase of the pulses (B, bins, T').
        trust: How far the mel of the sum is brought to the one that was asked for, 0 to 1 (B, T, n_mels).
    """

    gains: Tensor
    shift: Tensor
    trust: Tensor


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time and a perceptron on each frame, added to the input.

    From ConvNeXt (Liu et al. 2022, arXiv 2201.03545) as Vocos uses it (Siuzdak 2023, arXiv 2306.00814).
    """

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.depthwise = nn.Conv1d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, hidden)
        self.narrow = nn.Linear(hidden, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.2))

    def forward(self, frames: Tensor) -> Tensor:
        """Maps (B, T, channels) to the same shape."""
        mixed = self.depthwise(frames.transpose(1, 2)).transpose(1, 2)
        return frames + self.scale * self.narrow(functional.gelu(self.widen(self.norm(mixed))))


class FrameNetwork(nn.Module):
    """ConvNeXt blocks between a convolution and a linear layer: (B, T, inputs) to (B, T, outputs)."""

    def __init__(self, inputs: int, outputs: int, channels: int, hidden: int, blocks: int):
        super().__init__()
        self.embed = nn.Conv1d(inputs, channels, 7, padding=3)
        self.first_norm = nn.LayerNorm(channels)
        self.blocks = nn.ModuleList(ConvNeXtBlock(channels, hidden) for _ in range(blocks))
        self.last_norm = nn.LayerNorm(channels)
        self.output = nn.Linear(channels, outputs)

    def forward(self, frames: Tensor) -> Tensor:
        hidden = self.first_norm(self.embed(frames.transpose(1, 2)).transpose(1, 2))
        for block in self.blocks:
            hidden = block(hidden)
        return self.output(self.last_norm(hidden))


class SourceFilterNetwork(nn.Module):
    """Filters pulses, breath in bursts, and noise, in the STFT domain.

    A pulse train at F0 and two noises go through an STFT. A network reads log-mel, F0 and voicing, and says for each
    bin of the STFT a gain for each of the three and a phase for the pulses, around the envelope that the mel shows
    (FreeV's prior, Lv et al. 2024, arXiv 2406.08196; sources and filters as in DDSP, Engel et al. 2020, arXiv
    2001.04643). The harmonics are in the excitation already, so that the filters need to resolve formants only: their
    frames are half as long as the mel's, and twice as many. The inverse STFT adds the three up.

    Noise that is drawn at random has a mel of its own. What it lacks or has too much of is corrected once, as far as
    the network trusts the mel: wholly if it is a recording's, hardly where it is a prediction, an average of many.

    Args:
        signal: The log-mel spectrogram that it reads.
        options: Sizes.
    """

    window: Tensor
    slope: Tensor
    offset: Tensor
    basis: Tensor
    mel_window: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, signal: Signal, options: NetworkOptions):
        super().__init__()
        self.signal, self.options = signal, options
        self.steps = 2 if signal.hop_length % 2 == 0 else 1
        self.hop = signal.hop_length // self.steps
        self.n_fft = 4 * self.hop
        self.bins = self.n_fft // 2 + 1
        self.source = FrameNetwork(signal.n_mels, 2, options.source_channels, 2 * options.source_channels, 2)
        outputs = self.steps * 4 * self.bins + signal.n_mels
        self.filter = FrameNetwork(signal.n_mels + 2, outputs, options.channels, options.hidden, options.blocks)
        self._begin_at_envelope()
        self.register_buffer("window", torch.hann_window(self.n_fft), persistent=False)
        with torch.device("cpu"):  # torchaudio looks at the values of a filterbank, wherever the network is built
            basis = mel_basis(signal.fs, signal.n_fft, signal.n_mels, signal.fmin, signal.fmax)
            mel_window = stft_window(signal.window, signal.win_length or signal.n_fft)
            slope, offset = envelope_of_mel(signal, basis, mel_window, self.bins)
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("mel_window", mel_window, persistent=False)
        self.register_buffer("slope", slope, persistent=False)
        self.register_buffer("offset", offset, persistent=False)
        self.register_buffer("mean", torch.full((signal.n_mels,), -2.0))
        self.register_buffer("std", torch.ones(signal.n_mels))

    def _begin_at_envelope(self) -> None:
        """Starts as an untrained filter that already speaks: pulses and a little noise, shaped by the mel."""
        output = self.filter.output
        nn.init.normal_(output.weight, std=1e-3)
        nn.init.zeros_(output.bias)
        with torch.no_grad():
            output.bias[: -self.signal.n_mels].view(self.steps, 4, self.bins)[:, 1:3] = -1.5

    def find_source(self, logmel: Tensor) -> Source:
        """Finds F0 and voicing in a log10-mel spectrogram (B, T, n_mels)."""
        log_f0, voicing = self.source(self.normalized(logmel)).unbind(-1)
        return Source(LOG_F0_CENTRE + LOG_F0_SCALE * log_f0, voicing)

    def normalized(self, logmel: Tensor) -> Tensor:
        """Scales a log10-mel spectrogram by the statistics of the vocoder's own training."""
        return (logmel - self.mean) / self.std

    def forward(self, logmel: Tensor, log_f0: Tensor, voicing: Tensor, noises: Tensor) -> Tensor:
        """Synthesizes speech, once for each noise.

        Args:
            logmel: Log10-mel spectrograms (B, T, n_mels).
            log_f0: Logarithm of F0 in Hz (B, T), in all frames.
            voicing: How voiced each frame is, 0 to 1 (B, T).
            noises: White noise of unit power (N, B, (T - 1) * hop_length).

        Returns:
            Waveforms (N, B, (T - 1) * hop_length).
        """
        signal = self.signal
        phase, f0 = phase_of(log_f0, signal.hop_length, signal.fs)
        voiced = gate(voicing, signal.hop_length)
        gains, shift, trust = self.filters(logmel, log_f0, voicing)
        deterministic = self.stft(pulses(phase, f0, signal.fs) * voiced) * torch.polar(gains[0], shift)
        speech = []
        for noise in noises:
            breath = self.stft(bursts(phase, noise) * voiced) * gains[1]
            spectrum = deterministic + breath + self.stft(noise) * gains[2]
            lacking = logmel - self.logmel(self.istft(spectrum, noise.size(-1)))
            correction = self.dense(trust * lacking.clamp(-MOST_CORRECTION, MOST_CORRECTION) @ self.slope).exp()
            speech.append(self.istft(spectrum * correction, noise.size(-1)))
        return torch.stack(speech)

    def filters(self, logmel: Tensor, log_f0: Tensor, voicing: Tensor) -> Filters:
        """Computes the filters."""
        pitch = (log_f0 - LOG_F0_CENTRE) / LOG_F0_SCALE
        inputs = torch.cat([self.normalized(logmel), pitch.unsqueeze(-1), voicing.unsqueeze(-1)], -1)
        output = self.filter(inputs)
        n_mels = self.signal.n_mels
        output, trust = output[..., :-n_mels], output[..., -n_mels:].sigmoid()
        output = output.unflatten(-1, (self.steps, 4, self.bins)).flatten(1, 2)
        envelope = self.dense(logmel @ self.slope + self.offset)  # of noise of unit power that is to have this mel
        output = output[:, : envelope.size(-1)].permute(2, 0, 3, 1)  # (4, B, bins, T')
        log_gains = output[:3] + envelope
        return Filters(log_gains.clamp(max=MOST_GAIN).exp(), output[3], trust)

    def dense(self, log_gains: Tensor) -> Tensor:
        """Interpolates between the mel's frames: (B, T, bins) to (B, bins, T')."""
        frames = self.steps * (log_gains.size(1) - 1) + 1
        return functional.interpolate(log_gains.transpose(1, 2), size=frames, mode="linear", align_corners=True)

    def logmel(self, samples: Tensor) -> Tensor:
        """Makes the mel (B, T, n_mels) of samples (B, (T - 1) * hop_length), as `LogMelFbank` of ESPnet does."""
        signal = self.signal
        spectrum = torch.stft(
            samples,
            signal.n_fft,
            signal.hop_length,
            len(self.mel_window),
            self.mel_window,
            pad_mode="reflect" if samples.size(-1) > signal.n_fft // 2 else "constant",
            return_complex=True,
        )
        return (spectrum.abs().transpose(1, 2) @ self.basis).clamp(min=LEAST_MEL).log10()

    def stft(self, samples: Tensor) -> Tensor:
        """STFT (B, bins, T') of samples (B, T_wav)."""
        return torch.stft(samples, self.n_fft, self.hop, window=self.window, pad_mode="constant", return_complex=True)

    def istft(self, spectrum: Tensor, length: int) -> Tensor:
        """Samples (B, length) of an STFT (B, bins, T')."""
        return torch.istft(spectrum, self.n_fft, self.hop, window=self.window, length=length)


def envelope_of_mel(signal: Signal, basis: Tensor, window: Tensor, bins: int) -> tuple[Tensor, Tensor]:
    """Makes the linear map from a log10-mel to the log gains of a filter for noise of unit power.

    A mel channel is Σ_k B_k |X_k|, so that the amplitude around its centre is about its value divided by Σ_k B_k; noise
    of unit power has an amplitude of √(Σ w²) there. Between the centres of channels the map interpolates, and beyond
    the first and the last it holds.

    Args:
        signal: The log-mel.
        basis: Its filterbank B (n_fft // 2 + 1, n_mels).
        window: Its window w.
        bins: Of the filter, from 0 to fs / 2.

    Returns:
        The slope (n_mels, bins) and the offset (bins,).
    """
    weights = basis.sum(0).clamp(min=1e-12)
    centres = (basis * torch.linspace(0, signal.fs / 2, len(basis))[:, None]).sum(0) / weights
    wanted = torch.linspace(0, signal.fs / 2, bins)
    right = torch.searchsorted(centres.contiguous(), wanted).clamp(1, signal.n_mels - 1)
    share = ((wanted - centres[right - 1]) / (centres[right] - centres[right - 1])).clamp(0, 1)
    between = torch.zeros(signal.n_mels, bins)
    between[right - 1, torch.arange(bins)] = 1 - share
    between[right, torch.arange(bins)] = share
    return between * math.log(10), -weights.log() @ between - window.square().sum().log() / 2
