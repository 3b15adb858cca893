"""What a loaded model knows."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from espnet_mtl.inference.request.inputs import input_errors
from espnet_mtl.inference.request.utterance import UtteranceReader


class HasRate(Protocol):
    """A vocoder, as far as it is known here."""

    fs: int


class LoadedModel:
    """A model, and the names of what it knows.

    Attributes:
        train_args: Its config.yaml.
        reader: Reads what callers want said.
        vocoder: Makes waveforms; None: the model makes them itself.
    """

    train_args: Namespace
    reader: UtteranceReader
    vocoder: HasRate | None

    @classmethod
    def from_pretrained(cls, model: str | Path | None = None, *, model_tag: str | None = None, **options: Any) -> Self:
        """Loads a packed model.

        Args:
            model: A zip (or tar), a URL, a model directory, or "user/repo" of the Hugging Face hub.
            model_tag: ESPnet's name for `model`.
            options: Arguments of the constructor.

        Raises:
            UserError: There is no such model, its archive is refused, or it lacks what this engine needs.
        """
        from espnet_mtl.zoo.archive import naming, resolve

        if (model or model_tag) is None:
            return cls(**options)
        name = str(model or model_tag)
        files = resolve(name)
        with naming(name, files):
            return cls._of_files(files, options)

    @classmethod
    def _of_files(cls, files: Mapping[str, str], options: Mapping[str, Any]) -> Self:
        """Builds it of what `espnet_mtl.zoo.archive.resolve` found, and of arguments of the constructor."""
        raise NotImplementedError

    @property
    def fs(self) -> int:
        """Sampling rate in Hz."""
        return int(self.train_args.feats_extract_conf["fs"] if self.vocoder is None else self.vocoder.fs)

    @property
    def frame(self) -> float:
        """Seconds of a frame."""
        conf = self.train_args.feats_extract_conf
        return conf["hop_length"] / conf["fs"]

    @property
    def speakers(self) -> list[str]:
        """Names of the speakers; `sids` counts in this order."""
        return self.reader.tables["speaker"]

    @property
    def emotions(self) -> list[str]:
        """Names of the emotions, in the order of emotion weights."""
        return self.reader.tables["emotion"]

    @property
    def languages(self) -> list[str]:
        """espeak's names of the languages that it was trained on."""
        return self.reader.tables["language"]

    @input_errors()
    def emotion_weights(self, emotion: str | Mapping[str, float] | None, intensity: float = 1.0) -> np.ndarray:
        """Turns an emotion, or a mixture, into weights (K,) that sum to 1.

        Args:
            emotion: As in a call; None: neutral where the model knows that, else all alike.
            intensity: As in a call.

        Raises:
            UserError: An unknown emotion, a weight or an intensity that cannot be; also a ValueError.
        """
        return self.reader.emotion_weights(emotion, intensity)
