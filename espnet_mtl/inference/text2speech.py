"""Synthesis from a trained model: the Python API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from espnet_mtl.config.decode import DecodeOptions
from espnet_mtl.config.fields import build
from espnet_mtl.config.numbers import MAX_TOKENS
from espnet_mtl.inference.base import BaseText2Speech, Request
from espnet_mtl.inference.prosody import prosody_of
from espnet_mtl.inference.pytorch.batches import BatchedFastSpeech2
from espnet_mtl.inference.pytorch.network import TorchNetwork
from espnet_mtl.inference.pytorch.options import (
    check_attention_options,
    check_device,
    check_paths,
    check_switch,
    decoding_options,
    without_none,
)
from espnet_mtl.inference.pytorch.vocoding import vocoder_of, waveform
from espnet_mtl.inference.request.controls import Numbers
from espnet_mtl.inference.request.inputs import at, check_finite, check_spoken
from espnet_mtl.inference.request.natural import natural_inputs
from espnet_mtl.inference.request.network import Floats
from espnet_mtl.inference.request.utterance import Utterance, UtteranceReader
from espnet_mtl.registry import BACKBONES
from espnet_mtl.system.forks import HomeProcess
from espnet_mtl.tasks.tts import MTLTTSTask
from espnet_mtl.vocoder.base import Vocoder

SAID = ("duration", "pitch_denorm", "energy_denorm")
"""What a `Prosody` is made of."""


class Text2Speech(BaseText2Speech):
    """Text to speech with a choice of speaker and emotion. Several threads may share one.

    Constructor arguments are those of ESPnet's `Text2Speech` where both have them, so that
    `Text2Speech(**ModelDownloader().download_and_unpack(...))` works.

        >>> tts = Text2Speech.from_pretrained("model.zip")
        >>> wav = tts("Good morning.", speaker="f2", emotion={"sad": 0.3, "neutral": 0.7})["wav"]

    Args:
        train_config: The model's config.yaml.
        model_file: The model's weights.
        speed_control_alpha: Factor on durations, 0.1 to 10: above 1 is slower.
        griffin_lim_iters: Iterations of Griffin-Lim.
        vocoder_config: Configuration of another vocoder.
        vocoder_file: Weights of another vocoder (.pth), or a ParallelWaveGAN checkpoint (.pkl).
        device: "cpu" or "cuda".
        dtype: Numbers that the network computes in.
        use_teacher_forcing: Whether natural speech, which every call then gives (`decode_conf`), takes the place of
            what is predicted.
        max_tokens: The most tokens (phones, for the token type phn) of one text at the model's own speed, 1000: about a
            minute of speech.
        vocoder: "griffin_lim", "source_filter" or "parallel_wavegan"; None: that of `vocoder_file`; without one, the
            vocoder that was trained with the model; without one, see `espnet_mtl.vocoder.build.build_vocoder`.
        attention: Options of a backbone with attention (Tacotron2), as in ESPnet: threshold, minlenratio, maxlenratio,
            use_att_constraint, backward_window, forward_window.

    An option that is None has its default.

    Attributes:
        model: The model (`espnet_mtl.model.model.MTLTTSModel`).
        device: Where it is.

    Raises:
        UserError: A file is missing or is not what it should be, or the backbone does not have an option.
    """

    vocoder: Vocoder | None

    def __init__(
        self,
        train_config: str | Path | None = None,
        model_file: str | Path | None = None,
        speed_control_alpha: float | None = None,
        griffin_lim_iters: int | None = None,
        vocoder_config: str | Path | Mapping[str, Any] | None = None,
        vocoder_file: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        use_teacher_forcing: bool | None = None,
        max_tokens: int | None = None,
        vocoder: str | None = None,
        **attention: float | None,
    ):
        given = {"speed_control_alpha": speed_control_alpha, "dtype": dtype, "max_tokens": max_tokens}
        of_vocoder: dict[str, Any] = {"vocoder": vocoder, "griffin_lim_iters": griffin_lim_iters}
        build(DecodeOptions, {**given, **of_vocoder}, "Text2Speech")
        alpha = 1.0 if speed_control_alpha is None else speed_control_alpha
        device = "cpu" if device is None else device
        dtype = dtype or "float32"
        forced = False if use_teacher_forcing is None else use_teacher_forcing
        check_device(device)
        check_switch("use_teacher_forcing", forced)
        check_paths({"train_config": train_config, "model_file": model_file, "vocoder_file": vocoder_file})
        if not isinstance(vocoder_config, Mapping):
            check_paths({"vocoder_config": vocoder_config})
        model, self.train_args = MTLTTSTask.build_model_from_file(train_config, model_file, device)
        self.model = model.to(dtype=getattr(torch, dtype)).eval()
        self.device = device
        self._process = HomeProcess()
        self.max_tokens = max_tokens or MAX_TOKENS
        self.reader = UtteranceReader(TorchNetwork(self.model, device), self.train_args, self.max_tokens)
        of_vocoder |= {"vocoder_config": vocoder_config, "vocoder_file": vocoder_file}
        self.vocoder = vocoder_of(self.model, self.train_args, of_vocoder, device)
        check_attention_options(self.train_args.tts, attention)
        self.decode_conf = {"alpha": alpha, "use_teacher_forcing": forced, **without_none(attention)}

    @classmethod
    def _of_files(cls, files: Mapping[str, str], options: Mapping[str, Any]) -> Self:
        return cls(**{**files, **options})

    def _options(self, decode_conf: Any) -> dict[str, Any]:
        return decoding_options(self.model.tts, self.train_args.tts, self.decode_conf, decode_conf)

    @torch.no_grad()
    def _synthesize(self, request: Request, options: Mapping[str, Any], vocode: bool, seed: int) -> dict[str, Any]:
        utterance = request.utterance
        self._process.check(self.device)
        ids = torch.from_numpy(utterance.ids).to(self.device)
        token_features = BACKBONES.spec(self.train_args.tts).token_features
        options = natural_inputs(self.model, options, token_features, len(ids))
        weights = None if utterance.weights is None else torch.from_numpy(utterance.weights).to(self.device)
        inputs = {**self._voice(utterance), **options, "seed": seed}
        output = self.model.inference(ids, weights=weights, edits=request.edits, **inputs)
        return self._finished(output, utterance, vocode)

    def _finished(self, output: dict[str, Any], utterance: Utterance, vocode: bool) -> dict[str, Any]:
        """Checks what the network says, and makes a waveform of it."""
        if "feat_gen" in output:
            check_finite("spectrogram", bool(output["feat_gen"].isfinite().all()))
        said = {name: output[name].flatten().double().cpu().numpy() for name in SAID if name in output}
        check_spoken(said["duration"])
        if vocode and self.vocoder is not None:
            output["wav"] = waveform(self.vocoder, output)
        if "wav" in output:
            self.check_wave(output["wav"])
        return output | {"prosody": prosody_of(said, utterance, self.frame)}

    @torch.no_grad()
    def _synthesize_all(
        self, requests: Mapping[str, Request], options: Mapping[str, Any], vocode: bool, seed: int
    ) -> list[dict[str, Any]]:
        batched = self.train_args.tts == "fastspeech2" and not self.model.tts.use_gst
        if not batched or len(requests) == 1 or options["use_teacher_forcing"]:
            return super()._synthesize_all(requests, options, vocode, seed)
        self._process.check(self.device)
        outputs = BatchedFastSpeech2(self.model, self.device)(requests, options["alpha"])
        finished = []
        for (place, request), output in zip(requests.items(), outputs, strict=True):
            with at(place):
                finished.append(self._finished(output, request.utterance, vocode))
        return finished

    def _voice(self, utterance: Utterance) -> dict[str, Tensor | None]:
        voice = {name: as_given(values, self.device) for name, values in utterance.voice.items()}
        embedding = voice["spembs"]
        if embedding is not None:
            voice["spembs"] = embedding.to(next(self.model.parameters()).dtype)
        return voice

    def scaled(self, wave: Tensor, factors: Numbers) -> Tensor:
        """Returns a waveform (T_wav,) times factors (T_wav,)."""
        return wave * torch.from_numpy(factors).to(wave)

    def padded(self, wave: Tensor, before: int, behind: int) -> Tensor:
        """Returns a waveform with samples of silence before and behind it."""
        return functional.pad(wave, [before, behind])

    def samples(self, wave: Tensor) -> Floats:
        """Returns a waveform (T_wav,) as an array of NumPy."""
        return wave.float().cpu().numpy()

    def check_wave(self, wave: Tensor) -> None:
        """Raises UserError where a waveform is not finite."""
        check_finite("waveform", bool(wave.isfinite().all()))


def as_given(values: NDArray[Any] | None, device: str) -> Tensor | None:
    """Returns an array as a tensor on a device; None where there is none."""
    return None if values is None else torch.from_numpy(values).to(device)
