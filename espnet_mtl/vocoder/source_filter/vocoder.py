"""The source-filter vocoder as models use it, and the file that holds one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn

from espnet_mtl.config.fields import build
from espnet_mtl.config.signal import KIND_OF_MEL, MEL_CHANNELS
from espnet_mtl.errors import UserError
from espnet_mtl.system.networks import check_fits, is_parameter, load_tensors
from espnet_mtl.vocoder.base import Vocoder
from espnet_mtl.vocoder.source_filter.network import SourceFilterNetwork
from espnet_mtl.vocoder.source_filter.options import NetworkOptions, Signal
from espnet_mtl.vocoder.source_filter.shared import white_noise

SUFFIX = ".pth"
UNIVERSAL = "universal_16k.pth"
"""Weights in this package, for the signal of the shipped configurations."""
SIGNAL_KEYS = tuple(Signal.model_fields)


class SourceFilter(Vocoder):
    """Speaks with F0 and voicing that it is given, or that it finds in the mel.

    The noise in a voice is drawn anew from one seed in each call: the same mel gives the same samples.

    Args:
        network: The trained network.
    """

    needs_f0 = True

    def __init__(self, network: SourceFilterNetwork):
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.fs = network.signal.fs

    @classmethod
    def build(
        cls,
        features: Mapping[str, Any],
        config: str | Path | Mapping[str, Any] | None = None,
        file: str | Path | None = None,
    ) -> SourceFilter:
        """Loads a vocoder; without a file, the one in this package.

        Raises:
            UserError: The file is no such vocoder, or it is for other features.
        """
        if isinstance(config, (str, Path)):
            raise UserError(f"vocoder_config {config}: a source-filter vocoder has none beside its file: leave it out")
        path = Path(file) if file else universal_weights()
        return cls(read_network(path, features))

    @torch.no_grad()
    def forward(self, logmel: Tensor, log_f0: Tensor | None = None, voicing: Tensor | None = None) -> Tensor:
        """Synthesizes one utterance.

        Args:
            logmel: Log10-mel spectrogram (T, n_mels).
            log_f0: Logarithm of F0 in Hz (T,), in all frames; None: as found in the mel.
            voicing: How voiced each frame is, 0 to 1 (T,); None: as found in the mel.

        Returns:
            Waveform of (T - 1) * hop_length samples.
        """
        mel = logmel.unsqueeze(0).float()
        found = self.network.find_source(mel)
        pitch = found.log_f0 if log_f0 is None else log_f0.unsqueeze(0).to(mel)
        voiced = (found.voicing > 0).to(mel) if voicing is None else voicing.unsqueeze(0).to(mel)
        samples = (len(logmel) - 1) * self.network.signal.hop_length
        if samples == 0:
            return mel.new_zeros(0)
        noise = torch.from_numpy(white_noise(samples)).view(1, 1, -1).to(mel)
        return self.network(mel, pitch, voiced, noise)[0, 0]


def universal_weights() -> Path:
    """Path of the weights that this package has for the signal of its shipped configurations."""
    return Path(str(files("espnet_mtl.vocoder.source_filter") / UNIVERSAL))


def universal_difference(features: Mapping[str, Any]) -> str:
    """Says in what features differ from those that the weights in this package are for; "": in nothing."""
    try:
        return differing(_universal_signal(), features)
    except UserError as error:
        return str(error)


@cache
def _universal_signal() -> Signal:
    """The signal of the weights in this package: every model that is loaded asks for it."""
    path = universal_weights()
    signal, _ = _settings_in(path, load_tensors(path))
    return signal


def signal_of(features: Mapping[str, Any]) -> Signal:
    """Reads the signal off the parameters of a feature extraction (`feats_extract_conf`).

    Raises:
        UserError: One is missing, or of the wrong type.
    """
    full = {**MEL_CHANNELS, **features}
    return build(Signal, {key: full[key] for key in SIGNAL_KEYS if key in full}, "feats_extract_conf")


def differing(signal: Signal, features: Mapping[str, Any]) -> str:
    """Says in what features differ from those of a vocoder, such as "fs is 22050, not 16000"; "": in nothing."""
    wanted, given = signal.model_dump(), signal_of(features).model_dump()
    for values in (wanted, given):
        values["win_length"] = values["win_length"] or values["n_fft"]
        values["fmin"] = float(values["fmin"] or 0)
        values["fmax"] = float(values["fmax"] or values["fs"] / 2)
    for key, value in KIND_OF_MEL.items():
        wanted[key], given[key] = value, features.get(key, value)
    differences = [f"{key} is {given[key]}, not {wanted[key]}" for key in wanted if given[key] != wanted[key]]
    return ", ".join(differences)


def write_network(network: SourceFilterNetwork, file: BinaryIO, discriminators: nn.Module | None = None) -> None:
    """Writes a network in half precision, with what it is built from.

    Args:
        network: The network.
        file: Where it goes.
        discriminators: What it was trained against, so that another training may go on with them; None: nothing.
    """
    settings = {"signal": network.signal.model_dump(), "network": network.options.model_dump()}
    content: dict[str, Any] = {"source_filter": settings, "weights": _halved(network)}
    if discriminators is not None:
        content["discriminators"] = _halved(discriminators)
    buffer = BytesIO()
    torch.save(content, buffer)
    file.write(buffer.getvalue())


def _halved(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.half().cpu() for name, value in module.state_dict().items()}


def read_discriminators(path: str | Path) -> dict[str, Tensor] | None:
    """Reads the weights of the discriminators that a network was trained against; None: they are not in the file.

    Raises:
        UserError: There is something else in their place.
    """
    weights = load_tensors(path).get("discriminators")
    return None if weights is None else _checked(weights, f"{path}: discriminators")


def read_network(path: str | Path, features: Mapping[str, Any] | None = None) -> SourceFilterNetwork:
    """Reads a network that `write_network` wrote.

    Args:
        path: The file, which may come from anybody.
        features: The feature extraction that it must be for, as in `feats_extract_conf`; None: any.

    Raises:
        UserError: The file is missing, damaged, holds something else, or is for other features.
    """
    content = load_tensors(path)
    signal, options = _settings_in(path, content)
    if features is not None and (difference := differing(signal, features)):
        raise UserError(f"{path}: this vocoder is for other features: {difference}")
    weights = _checked(content["weights"], f"{path}: weights")
    # First without memory: the file may describe a larger network than it has weights of
    with torch.device("meta"):
        described = SourceFilterNetwork(signal, options).state_dict()
    check_fits(described, weights, path)
    network = SourceFilterNetwork(signal, options)
    network.load_state_dict(weights)
    return network


def _checked(weights: Any, where: str) -> dict[str, Tensor]:
    """Returns weights, of which each must be a tensor with a name."""
    if not isinstance(weights, dict) or not all(map(is_parameter, weights, weights.values())):
        raise UserError(f"{where}: expected parameter name -> tensor: the file is damaged")
    return weights


def _settings_in(path: str | Path, content: Any) -> tuple[Signal, NetworkOptions]:
    """Reads what a network is built from off the content of its file, checked."""
    settings = content.get("source_filter") if isinstance(content, dict) else None
    if not isinstance(settings, dict) or not isinstance(content.get("weights"), dict):
        raise UserError(f"{path} is no source-filter vocoder: train one with espnet_mtl.bin.train_vocoder")
    signal = build(Signal, settings.get("signal"), f"{path}: signal")
    options = build(NetworkOptions, settings.get("network"), f"{path}: network")
    return signal, options
