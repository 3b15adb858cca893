"""Synthesis without PyTorch: the same calls, with graphs that stage 8 packed."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np

from espnet_mtl.config.decode import DecodeOptions
from espnet_mtl.config.fields import Options, build, known, whole
from espnet_mtl.config.numbers import FASTEST, MAX_TOKENS, SLOWEST, number_between
from espnet_mtl.config.trained import read_trained_config
from espnet_mtl.errors import UserError
from espnet_mtl.inference.base import BaseText2Speech, Request
from espnet_mtl.inference.contours import edited_contours, frame_log_f0
from espnet_mtl.inference.prosody import prosody_of
from espnet_mtl.inference.request.controls import Numbers
from espnet_mtl.inference.request.inputs import check_finite
from espnet_mtl.inference.request.network import Floats
from espnet_mtl.inference.request.utterance import Utterance, UtteranceReader
from espnet_mtl.onnx.files import DECODER, ENCODED, ENCODER, FILTERS, FOLDER, POSITIONS, SIGNAL, VOCODER
from espnet_mtl.onnx.network import OnnxNetwork
from espnet_mtl.onnx.sessions import Graph
from espnet_mtl.onnx.signal import FilterOutput, Synthesis, read_signal
from espnet_mtl.vocoder.source_filter.shared import white_noise

MOST_THREADS = 1024


class Threads(Options):
    """How much a model computes at a time.

    Attributes:
        threads: Threads of one run; null = as many as there are cores.
    """

    threads: Annotated[int, whole(1, MOST_THREADS)] | None = None


class Vocoder:
    """The source-filter vocoder that was exported with a model.

    Args:
        graph: Its networks.
        synthesis: What is around them.
    """

    def __init__(self, graph: Graph, synthesis: Synthesis):
        self.graph, self.synthesis = graph, synthesis
        self.fs = synthesis.fs

    def __call__(self, logmel: Floats, log_f0: Floats) -> Floats:
        """Makes a waveform ((T - 1) hops,) of a log10-mel spectrogram (T, n_mels) and log F0 in Hz (T,)."""
        outputs = self.graph(logmel=logmel[None], log_f0=log_f0[None])
        filters = FilterOutput(
            voicing=outputs["voicing"][0],
            gains=outputs["gains"][:, 0],
            shift=outputs["shift"][0],
            trust=outputs["trust"][0],
        )
        synthesis = self.synthesis
        noise = white_noise((len(logmel) - 1) * synthesis.stft.hop * synthesis.steps)
        return synthesis(logmel, log_f0, filters, noise)


class Text2Speech(BaseText2Speech):
    """Text to speech with onnxruntime, as `espnet_mtl.Text2Speech` speaks with PyTorch, which it does not import.

        >>> tts = Text2Speech.from_pretrained("model.zip")
        >>> wav = tts("Good morning.", speaker="f2", emotion="happy", rate=1.1)["wav"]

    Arrays are NumPy's. Several threads may share one.

    Args:
        train_config: The model's config.yaml, beside which the folder `onnx` is.
        speed_control_alpha: Factor on durations, 0.1 to 10: above 1 is slower.
        max_tokens: The most tokens of one text at the model's own speed, 1000.
        threads: Threads of one run; None: as many as there are cores.

    Raises:
        UserError: A file is missing or is not what it should be, or an option cannot be.
    """

    package = "espnet_mtl.onnx"

    vocoder: Vocoder

    def __init__(
        self,
        train_config: str | Path,
        speed_control_alpha: float | None = None,
        max_tokens: int | None = None,
        threads: int | None = None,
    ):
        options = {"speed_control_alpha": speed_control_alpha, "max_tokens": max_tokens}
        build(DecodeOptions, options, "Text2Speech")
        build(Threads, {"threads": threads}, "Text2Speech")
        self.train_args = Namespace(**read_trained_config(train_config))
        folder = Path(train_config).parent / FOLDER
        if not folder.is_dir():
            raise UserError(f"{folder} is missing: the model was packed without ONNX; pack it again (stage 8)")
        synthesis, features = read_signal(folder / SIGNAL)
        self.encoder = Graph(folder / ENCODER, ENCODED, threads)
        self.decoder = Graph(folder / DECODER, ["mel"], threads)
        self.vocoder = Vocoder(Graph(folder / VOCODER, FILTERS, threads), synthesis)
        self.max_tokens = max_tokens or MAX_TOKENS
        end = len(self.train_args.token_list) - 1  # ESPnet's last token
        self.network = OnnxNetwork(folder, self.encoder, features, end, threads)
        self.reader = UtteranceReader(self.network, self.train_args, self.max_tokens)
        self.decode_conf = {"alpha": 1.0 if speed_control_alpha is None else speed_control_alpha}

    @classmethod
    def _of_files(cls, files: Mapping[str, str], options: Mapping[str, Any]) -> Self:
        return cls(files["train_config"], **options)

    def _options(self, decode_conf: Any) -> dict[str, Any]:
        changes = {} if decode_conf is None else decode_conf
        if not isinstance(changes, Mapping):
            raise UserError(f"decode_conf: expected options by name, such as {{'alpha': 1.2}}, got {changes!r}")
        known("decoding option of ONNX", changes, ["alpha"])
        if changes.get("alpha") is None:
            return dict(self.decode_conf)
        return {"alpha": number_between("decode_conf: alpha", changes["alpha"], FASTEST, SLOWEST)}

    def _synthesize(self, request: Request, options: Mapping[str, Any], vocode: bool, seed: int) -> dict[str, Any]:
        utterance = request.utterance
        encoded = self.encoder(**_inputs(utterance), tokens=self.network.ended(utterance.ids))
        predicted = {name: encoded[name][0] for name in ("durations", "pitch", "energy")}
        said = edited_contours(predicted, request.edits, float(options["alpha"]))
        durations = said["duration"].astype(np.int64)
        frames = int(durations.sum())
        if frames > POSITIONS:
            raise UserError(f"text: {frames} frames, but {POSITIONS} are the most: speak it sentence by sentence")
        contours = {name: said[f"{name}_denorm"].astype(np.float32) for name in ("pitch", "energy")}
        inputs = {**encoded, **{name: values[None] for name, values in contours.items()}}
        token = np.repeat(np.arange(len(durations)), durations)
        mel = self.decoder(**inputs, token=token[None])["mel"][0]
        check_finite("spectrogram", bool(np.isfinite(mel).all()))
        output: dict[str, Any] = {"feat_gen_denorm": mel, "duration": durations}
        output |= {f"{name}_denorm": values for name, values in contours.items()}
        if vocode:
            log_f0 = frame_log_f0(durations, contours["pitch"])
            assert log_f0 is not None  # something is said
            output["wav"] = self.vocoder(mel, log_f0)
            self.check_wave(output["wav"])
        return output | {"prosody": prosody_of(said, utterance, self.frame)}

    def scaled(self, wave: Floats, factors: Numbers) -> Floats:
        """Returns a waveform (T_wav,) times factors (T_wav,)."""
        return wave * factors.astype(np.float32)

    def padded(self, wave: Floats, before: int, behind: int) -> Floats:
        """Returns a waveform with samples of silence before and behind it."""
        return np.pad(wave, (before, behind))

    def samples(self, wave: Floats) -> Floats:
        """Returns a waveform (T_wav,) as an array of NumPy, which it is."""
        return wave

    def check_wave(self, wave: Floats) -> None:
        """Raises UserError where a waveform is not finite."""
        check_finite("waveform", bool(np.isfinite(wave).all()))


def _inputs(utterance: Utterance) -> dict[str, Any]:
    """Returns what the encoder takes beside tokens; it takes those of them that the model has."""
    voice = utterance.voice
    inputs: dict[str, Any] = {}
    if utterance.weights is not None:
        inputs["weights"] = utterance.token_weights()[None]
    if voice["sids"] is not None:
        inputs["speakers"] = utterance.speaker_weights(len(utterance.known["speaker"]))[None]
    if voice["lids"] is not None:
        inputs["languages"] = voice["lids"]
    if voice["spembs"] is not None:
        inputs["spembs"] = voice["spembs"][None]
    return inputs
