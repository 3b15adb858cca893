"""Exporting a trained model to ONNX."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from espnet_mtl.errors import UserError
from espnet_mtl.inference.pytorch.parts import Decoder, Encoder
from espnet_mtl.onnx.files import DECODER, ENCODER, FILTERS, FORMAT, REFERENCE, SIGNAL, TEXT_EMOTION, VISUAL, VOCODER
from espnet_mtl.onnx.graphs import Face, Filters, Reference, TextEmotion
from espnet_mtl.vocoder.source_filter.vocoder import SourceFilter

if TYPE_CHECKING:
    from espnet_mtl.inference.text2speech import Text2Speech

FRAMES = 8
"""Of the examples that graphs are made with."""


def why_not(tts: Text2Speech) -> str | None:
    """Says why a model cannot be exported; None: it can be."""
    network, args = tts.model.tts, tts.train_args
    if args.tts != "fastspeech2":
        return f"ONNX needs tts: fastspeech2, and this model is of {args.tts}"
    if network.use_gst:
        return "ONNX does without ESPnet's style tokens (use_gst), which this model has"
    if not isinstance(tts.vocoder, SourceFilter):
        return "ONNX needs the source-filter vocoder: train one for this model (vocoder: of the training YAML)"
    return None


def export_model(tts: Text2Speech, folder: Path, int8: bool = True) -> None:
    """Writes the graphs of a model, and what is around them, into a folder.

    Args:
        tts: The model, on the CPU in single precision, with the vocoder that it is to speak with.
        folder: Where to write; it is made.
        int8: Whether the vocoder's matrices are of 8 bits: it is twice as fast, and nobody hears it (docs/onnx.md).

    Raises:
        UserError: The model cannot be exported (`why_not`).
    """
    if reason := why_not(tts):
        raise UserError(reason)
    assert isinstance(tts.vocoder, SourceFilter)
    folder.mkdir(parents=True, exist_ok=True)
    model, vocoder = tts.model, tts.vocoder.network
    encoder = Encoder(model)
    inputs = encoder.inputs()
    with torch.no_grad():
        encoded = dict(zip(encoder.outputs(), encoder(**inputs), strict=True))
    growing = {"tokens": 1, "weights": 1}
    _export(encoder, inputs, folder / ENCODER, encoder.outputs(), growing)

    said = {name: encoded[name] for name in ("hidden", "pitch", "energy", "mel_range") if name in encoded}
    frames = {"token": torch.arange(FRAMES).unsqueeze(0) // 2}
    decoder = Decoder(model, "mel_range" in said)
    growing = {"hidden": 1, "pitch": 1, "energy": 1, "token": 1}
    _export(decoder, said | frames, folder / DECODER, ["mel"], growing)

    logmel = torch.full((1, FRAMES, model.tts.odim), -2.0)
    contour = {"logmel": logmel, "log_f0": torch.full((1, FRAMES), 5.0)}
    _export(Filters(vocoder), contour, folder / VOCODER, FILTERS, {"logmel": 1, "log_f0": 1})
    if int8:
        _quantize(folder / VOCODER)
    if model.text_predictor is not None:
        tokens = {"tokens": inputs["tokens"]}
        _export(TextEmotion(model), tokens, folder / TEXT_EMOTION, ["weights"], {"tokens": 1})
    if model.style is not None and model.style.reference is not None:
        long = logmel.repeat(1, FRAMES, 1)
        _export(Reference(model), {"logmel": long}, folder / REFERENCE, ["weights"], {"logmel": 1})
    if model.style is not None and model.style.visual is not None:
        seen = torch.zeros(1, FRAMES, prod(model.style.visual.shape))
        _export(Face(model), {"frames": seen}, folder / VISUAL, ["weights", "trust"], {"frames": 1})
    np.savez(folder / SIGNAL, **_signal(tts))


def _signal(tts: Text2Speech) -> dict[str, Any]:
    """Gathers what `espnet_mtl.onnx.signal` needs of the vocoder, and of the model's features."""
    assert isinstance(tts.vocoder, SourceFilter)
    network = tts.vocoder.network
    arrays = {name: getattr(network, name).numpy() for name in ("basis", "mel_window", "slope", "window")}
    sizes = {"fs": tts.vocoder.fs, "hop": network.hop, "steps": network.steps, "mel_n_fft": network.signal.n_fft}
    features = tts.model.feats_extract
    arrays["feature_basis"] = features.logmel.melmat.numpy()
    stft = features.stft
    sizes |= {"feature_n_fft": stft.n_fft, "feature_hop": stft.hop_length}
    length = stft.win_length or stft.n_fft
    window = getattr(torch, f"{stft.window}_window")(length) if stft.window else torch.ones(length)
    return {**arrays, **sizes, "feature_window": window.numpy(), "format": FORMAT}


def _export(
    graph: nn.Module, inputs: Mapping[str, Tensor], path: Path, outputs: Sequence[str], growing: Mapping[str, int]
) -> None:
    """Writes one graph; `growing` names the dimension of an input that may have any length."""
    any_length = torch.export.Dim.DYNAMIC
    shapes = {name: {growing[name]: any_length} if name in growing else None for name in inputs}
    graph.eval()
    with _quiet(), torch.no_grad():
        # What a first call computes and keeps is then kept as numbers, not as parts of a graph
        graph(**inputs)
        torch.onnx.export(
            graph,
            kwargs=dict(inputs),
            f=str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=shapes,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def _quantize(path: Path) -> None:
    """Makes the matrices of a graph whole numbers of 8 bits, with a factor for each of their columns."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    single = path.with_suffix(".float.onnx")
    path.rename(single)
    with _quiet():
        quantize_dynamic(single, path, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul"])
    single.unlink()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps to itself what PyTorch and onnxruntime say while they export: of torchvision, of what they would prefer."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
