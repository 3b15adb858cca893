"""Vocoders that were trained with the package parallel_wavegan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from espnet2.tts.utils import ParallelWaveGANPretrainedVocoder
from pydantic import Field
from torch import Tensor
from torch.overrides import TorchFunctionMode

from espnet_mtl.config.fields import AtLeastOne, Options, build
from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.trained import check_sizes
from espnet_mtl.errors import UserError, downloading, one_of
from espnet_mtl.system.networks import load_tensors, replica
from espnet_mtl.vocoder.base import Vocoder

MISSING = "this vocoder needs ParallelWaveGAN: pip install parallel_wavegan"
GENERATORS = (
    *("ParallelWaveGANGenerator", "MelGANGenerator", "HiFiGANGenerator"),
    *("StyleMelGANGenerator", "UHiFiGANGenerator"),
)
"""Classes of parallel_wavegan that a config.yml may name: the package would call whatever it names."""
REFUSED = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, NotImplementedError),
    *(OSError, RuntimeError, TypeError, ValueError),
)
"""What parallel_wavegan raises over settings and weights that it cannot use."""
WANTED = (
    "A vocoder's checkpoint must hold tensors and Python's own numbers only: where it comes from somebody you trust, "
    'save {"model": {"generator": its weights}} anew'
)
DRAWN = (torch.randn, torch.rand)


class VocoderSettings(Options):
    """What is read of a config.yml of parallel_wavegan, which holds its training, too."""

    sampling_rate: AtLeastOne
    generator_type: str = GENERATORS[0]
    generator_params: dict[str, Any] = Field(default_factory=dict)


class ParallelWaveGAN(Vocoder):
    """A checkpoint of parallel_wavegan, as ESPnet loads it (Parallel WaveGAN, MelGAN, HiFi-GAN, …).

    Both files may come with a model from anybody: they are checked before parallel_wavegan reads them.

    Args:
        file: The checkpoint (.pkl).
        config: Its config.yml; None: the one beside it.

    Raises:
        UserError: There is no such checkpoint, one of the files could run code or is none of a vocoder, or
            parallel_wavegan is not installed.
    """

    def __init__(self, file: str | Path, config: str | Path | None = None):
        super().__init__()
        if not str(file).endswith(".pkl") or not Path(file).is_file():
            raise UserError(f"vocoder_file {file}: expected an existing ParallelWaveGAN checkpoint (.pkl)")
        config = Path(config or Path(file).with_name("config.yml"))
        settings = read_settings(config)
        load_tensors(file, wanted=WANTED)  # refuses what could run code
        try:
            self.network = ParallelWaveGANPretrainedVocoder(str(file), str(config))
        except ImportError as error:
            raise UserError(f"{MISSING} ({error})") from error
        except REFUSED as error:
            raise UserError(f"{file}: not the vocoder that {config} describes: {error}") from error
        self.fs = settings.sampling_rate

    @classmethod
    def build(
        cls, features: Mapping[str, Any], config: str | Path | Mapping[str, Any] | None, file: str | Path | None
    ) -> ParallelWaveGAN:
        """Loads the checkpoint; `config` may hold Griffin-Lim's options, which do not matter here."""
        return cls(str(file), None if isinstance(config, Mapping) else config)

    @torch.no_grad()
    def forward(self, logmel: Tensor, log_f0: Tensor | None = None, voicing: Tensor | None = None) -> Tensor:
        """Synthesizes one utterance from its log-mel spectrogram (T, n_mels): the same one always sounds the same."""
        with _OwnNoise():
            return replica(self.network)(logmel)


def read_settings(config: Path) -> VocoderSettings:
    """Reads what a config.yml says of the network.

    Raises:
        UserError: A key is missing or its value is wrong.
    """
    given = read_yaml(config)
    try:
        settings = build(VocoderSettings, {key: given[key] for key in VocoderSettings.model_fields if key in given}, "")
        if settings.generator_type not in GENERATORS:
            raise one_of("generator_type", settings.generator_type, GENERATORS)
        check_sizes("generator_params", settings.generator_params)
    except UserError as error:
        raise UserError(f"{config}: {error}") from error
    return settings


class _OwnNoise(TorchFunctionMode):
    """Draws the noise of this thread's vocoder from a generator of its own, which begins anew with each call."""

    def __init__(self) -> None:
        super().__init__()
        self._generators: dict[torch.device, torch.Generator] = {}

    def __torch_function__(self, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in DRAWN and kwargs.get("generator") is None:
            device = torch.device(kwargs.get("device") or "cpu")
            if device not in self._generators:
                self._generators[device] = torch.Generator(device).manual_seed(0)
            kwargs["generator"] = self._generators[device]
        return func(*args, **kwargs)


def download(tag: str) -> Path:
    """Downloads the checkpoint that parallel_wavegan knows as `parallel_wavegan/<name>`.

    Raises:
        UserError: parallel_wavegan is not installed, or the download fails.
    """
    try:
        from parallel_wavegan.utils import download_pretrained_model  # type: ignore[import-not-found]
    except ImportError as error:
        raise UserError(f"{MISSING} ({error})") from error
    with downloading(f"vocoder_tag {tag}: the vocoder cannot be downloaded"):
        return Path(download_pretrained_model(tag.removeprefix("parallel_wavegan/")))
