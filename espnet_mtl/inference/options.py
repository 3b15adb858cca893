"""Options of `Text2Speech` that say how it computes and decodes, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from espnet_mtl.config.decode import DecodeOptions
from espnet_mtl.config.fields import build, known
from espnet_mtl.errors import UserError
from espnet_mtl.inference.inputs import positive_number
from espnet_mtl.registry import BACKBONES

NATURAL_SPEECH = ("speech", "durations", "pitch", "energy")
"""What `decode_conf` may hold beside options, for teacher forcing."""


def check_device(device: str) -> None:
    """Raises UserError where PyTorch does not know a device, or finds no GPU."""
    try:
        kind = torch.device(device).type
    except (RuntimeError, TypeError) as error:
        raise UserError(f"device: expected cpu, cuda or cuda:<number>, got {device!r}") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device {device!r}: PyTorch finds no GPU here; take cpu")


def check_attention_options(backbone: str, options: Mapping[str, Any]) -> None:
    """Raises UserError where a backbone does not have an option of attention, or its value cannot be."""
    known(f"decoding option of {backbone}", options, BACKBONES.spec(backbone).decoding_options)
    build(DecodeOptions, dict(options), "Text2Speech")


def decoding_options(
    network: torch.nn.Module, backbone: str, options: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the options of decoding as the `decode_conf` of a call changes them.

    Args:
        network: The model's backbone.
        backbone: Its name.
        options: The options of the model.
        changes: `alpha`, `use_teacher_forcing`, options of attention, and `NATURAL_SPEECH`.

    Raises:
        UserError: An option that the backbone does not have, a value that cannot be, or natural speech that is missing.
    """
    spec = BACKBONES.spec(backbone)
    valid = ("alpha", "use_teacher_forcing", *spec.decoding_options, *NATURAL_SPEECH)
    known(f"decoding option of {backbone}", changes, valid)
    if "alpha" in changes:
        positive_number("decode_conf: alpha", changes["alpha"])
    attention = {name: changes[name] for name in spec.decoding_options if name in changes}
    build(DecodeOptions, attention, "decode_conf")

    changed = {**options, **changes}
    forced = changed["use_teacher_forcing"]
    reads_speech = forced or getattr(network, "use_gst", False)  # ESPnet's style tokens
    reads_durations = forced and "durations" in spec.token_features
    needed = ["speech"] * bool(reads_speech) + ["durations"] * bool(reads_durations)
    for name in needed:
        if changed.get(name) is None:
            raise UserError(f"decode_conf: {name} is missing: this call reads natural speech ({', '.join(needed)})")
    return changed
