"""What lies in the folder of an exported model, beside its config.yaml."""

from __future__ import annotations

FOLDER = "onnx"
ENCODER, DECODER, VOCODER = "encoder.onnx", "decoder.onnx", "vocoder.onnx"
ENCODED = ("hidden", "durations", "pitch", "energy")
FILTERS = ("voicing", "gains", "shift", "trust")
"""What two of them say."""
TEXT_EMOTION = "text_emotion.onnx"
"""Only of a model that tells the emotion of a text."""
REFERENCE = "reference.onnx"
"""Only of a model that tells the emotion of a recording."""
VISUAL = "visual.onnx"
"""Only of a model that tells the emotion of a face."""
SIGNAL = "signal.npz"
"""Arrays and numbers of the STFTs around the networks (`espnet_mtl.onnx.signal.read_signal`)."""

FORMAT = 1
"""Number of this layout, which `SIGNAL` holds."""

POSITIONS = 5000
"""Frames that ESPnet's tables of positions are made for; with PyTorch they grow as they have to."""
