"""Options of `Text2Speech` that say how it computes and decodes, checked."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from espnet_mtl.config.decode import DecodeOptions
from espnet_mtl.config.fields import build, known
from espnet_mtl.config.numbers import FASTEST, SLOWEST, number_between
from espnet_mtl.errors import UserError
from espnet_mtl.registry import BACKBONES

DEVICES = ("cpu", "cuda")


def check_device(device: str) -> None:
    """Raises UserError where a device is none that we compute on, or PyTorch does not find this GPU."""
    import torch  # which the API without it has no need of

    wanted = f"device: expected cpu, cuda or cuda:<number>, got {device!r}"
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise UserError(wanted) from error
    if chosen.type not in DEVICES:
        raise UserError(wanted)
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device {device!r}: PyTorch finds no GPU here; take cpu")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise UserError(f"device {device!r}: PyTorch finds {torch.cuda.device_count()} GPU(s) here, counted from 0")


def check_paths(given: Mapping[str, object]) -> None:
    """Raises UserError where an argument, which may be None, is no path of a file."""
    for name, path in given.items():
        if path is not None and not (isinstance(path, (str, PathLike)) and str(path)):
            raise UserError(f"{name}: expected the path of a file, got {path!r}")
        try:
            Path(path or "").is_file()
        except OSError as error:  # such as a name that is too long
            raise UserError(f"{name} {str(path)[:40]}…: {error.strerror}") from error


def check_switch(name: str, value: object) -> None:
    """Raises UserError where a value is neither True nor False."""
    if not isinstance(value, bool):
        raise UserError(f"{name}: expected True or False, got {value!r}")


def without_none(options: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out the options that are None, which stands for their defaults."""
    return {name: value for name, value in options.items() if value is not None}


def refuse_vocoder(backbone: str, given: Mapping[str, object]) -> None:
    """Raises UserError for a vocoder where the backbone makes waveforms itself; a choice among
    those that need no file is ignored, as one decoding configuration serves all backbones."""
    for name in ("vocoder_file", "vocoder_config"):
        if given.get(name) is not None:
            raise UserError(f"{name}: {backbone} makes waveforms itself, and takes no vocoder: leave it out")


def check_attention_options(backbone: str, options: Mapping[str, Any]) -> None:
    """Raises UserError where a backbone does not have an option of attention, or its value cannot be."""
    known(f"decoding option of {backbone}", options, BACKBONES.spec(backbone).decoding_options)
    build(DecodeOptions, dict(options), "Text2Speech")


def decoding_options(network: Any, backbone: str, options: Mapping[str, Any], changes: Any) -> dict[str, Any]:
    """Returns the options of decoding as the `decode_conf` of a call changes them.

    Args:
        network: The model's backbone.
        backbone: Its name.
        options: The options of the model.
        changes: `alpha`, `use_teacher_forcing`, options of attention, and natural `speech` with what the backbone takes
            per token; None: nothing. An option that is None stays as it is.

    Raises:
        UserError: No mapping, an option that the backbone does not have, a value that cannot be, or natural speech that
            is missing.
    """
    changes = {} if changes is None else changes
    if not isinstance(changes, Mapping):
        raise UserError(f"decode_conf: expected options by name, such as {{'alpha': 1.2}}, got {changes!r}")
    spec = BACKBONES.spec(backbone)
    valid = ("alpha", "use_teacher_forcing", *spec.decoding_options, "speech", *spec.token_features)
    known(f"decoding option of {backbone}", changes, valid)
    changes = without_none(changes)
    if "alpha" in changes:
        number_between("decode_conf: alpha", changes["alpha"], FASTEST, SLOWEST)
    if "use_teacher_forcing" in changes:
        check_switch("decode_conf: use_teacher_forcing", changes["use_teacher_forcing"])
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
