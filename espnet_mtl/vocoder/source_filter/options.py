"""What a source-filter vocoder is built from: the signal it is for, and the sizes of its networks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from espnet_mtl.config.fields import Layers, Options, Width, whole

Rate = Annotated[int, whole(1, 2**20)]
Samples = Annotated[int, whole(1, 2**15)]
Channels = Annotated[int, whole(1, 2**10)]
Frequency = Annotated[float | None, Field(ge=0, allow_inf_nan=False, description="a frequency in Hz, or null")]


class Signal(Options):
    """The log-mel spectrogram that a vocoder reads, by the names of `feats_extract_conf`.

    Attributes:
        fs: Sampling rate (Hz).
        n_fft: Size of the FFT (samples).
        hop_length: Frame shift (samples).
        win_length: Window (samples); None: `n_fft`.
        window: Its shape.
        n_mels: Mel channels.
        fmin, fmax: Lowest and highest mel frequency (Hz); None: 0 and `fs` / 2.
    """

    fs: Rate
    n_fft: Samples
    hop_length: Samples
    win_length: Samples | None = None
    window: str | None = "hann"
    n_mels: Channels
    fmin: Frequency = None
    fmax: Frequency = None


class NetworkOptions(Options):
    """Sizes of the networks.

    Attributes:
        channels: Features of a frame in the filter network.
        hidden: Features inside its blocks.
        blocks: ConvNeXt blocks.
        source_channels: Features of a frame in the network that finds F0 and voicing in a mel.
    """

    channels: Width = 256
    hidden: Width = 768
    blocks: Layers = 6
    source_channels: Width = 128
