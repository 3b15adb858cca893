"""Natural speech that a call of `Text2Speech` gives for teacher forcing, checked and made into tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.inputs import as_array


def natural_inputs(
    model: torch.nn.Module, options: Mapping[str, Any], token_features: tuple[str, ...], tokens: int
) -> dict[str, Any]:
    """Returns options of decoding whose natural speech, where this call reads it, is tensors as the model takes them.

    Args:
        model: The model, with ESPnet's `feats_extract`, and its backbone as `tts`.
        options: What `decoding_options` returned: options, and the natural `speech` (T_wav,) and `durations` in frames
            (T_text + 1,), `pitch` and `energy` (T_text + 1[, 1]), as tensors, arrays or lists.
        token_features: What the backbone takes per token.
        tokens: T_text.

    Returns:
        The options without natural speech that this call does not read.

    Raises:
        UserError: Not numbers of these shapes, not finite, too short, or durations that are not those of the speech.
    """
    natural = {name: options[name] for name in ("speech", *token_features) if name in options}
    result = {name: value for name, value in options.items() if name not in natural}
    forced = result["use_teacher_forcing"]
    if not forced and not getattr(model.tts, "use_gst", False):
        return result
    result["speech"] = _speech(natural.pop("speech"), model)
    if not forced:
        return result
    for name, value in natural.items():
        read = _durations if name == "durations" else _values
        result[name] = read(f"decode_conf: {name}", value, tokens + 1).to(result["speech"].device)
    if "durations" in result:
        _check_sum(result["durations"], result["speech"], model)
    return result


def _speech(value: Any, model: torch.nn.Module) -> Tensor:
    """Returns a waveform (T_wav,) as the model computes."""
    wanted = "decode_conf: speech: expected a waveform (T_wav,) of floats from -1 to 1"
    tensor = as_tensor("decode_conf: speech", value, "a waveform (T_wav,)")
    if not tensor.is_floating_point():
        raise UserError(f"{wanted}, got {tensor.dtype}")
    if tensor.dim() != 1:
        raise UserError(f"{wanted}, got the shape {tuple(tensor.shape)}")
    shortest = int(model.feats_extract.get_parameters()["n_fft"])  # type: ignore[operator, union-attr]
    if len(tensor) < shortest:
        raise UserError(f"decode_conf: speech: expected {shortest} samples or more, got {len(tensor)}")
    if not tensor.isfinite().all():
        raise UserError("decode_conf: speech: it must not hold NaN or infinity")
    parameter = next(model.parameters())
    return tensor.to(parameter.device, parameter.dtype)


def _durations(name: str, value: Any, count: int) -> Tensor:
    """Returns durations in frames as int64 (count,)."""
    numbers = f"{count} whole numbers of frames (one a token, and the end)"
    wanted = f"{name}: expected {numbers}"
    tensor = as_tensor(name, value, numbers)
    whole = _is_integral(tensor) or (tensor.is_floating_point() and bool((tensor == tensor.round()).all()))
    if not whole:
        raise UserError(f"{wanted}, got {tensor.tolist()}")
    if tuple(tensor.shape) != (count,):
        raise UserError(f"{wanted}, got the shape {tuple(tensor.shape)}")
    if (tensor < 0).any() or not tensor.isfinite().all():
        raise UserError(f"{wanted}, not negative, got {tensor.tolist()}")
    return tensor.long()


def _values(name: str, value: Any, count: int) -> Tensor:
    """Returns one finite number a token as float (count, 1)."""
    wanted = f"numbers of shape ({count},) or ({count}, 1): one a token, and the end"
    tensor = as_tensor(name, value, wanted)
    if tuple(tensor.shape) not in ((count,), (count, 1)):
        raise UserError(f"{name}: expected {wanted}, got the shape {tuple(tensor.shape)}")
    if tensor.is_complex() or not tensor.isfinite().all():
        raise UserError(f"{name}: expected finite {wanted}")
    return tensor.float().view(count, 1)


def _check_sum(durations: Tensor, speech: Tensor, model: torch.nn.Module) -> None:
    """Raises UserError where durations are not those of this speech."""
    frames = model.feats_extract(speech[None])[0].shape[1]  # type: ignore[operator]
    total = int(durations.sum())
    lacking = frames - total
    if not 0 <= lacking < getattr(model.tts, "reduction_factor", 1):
        raise UserError(f"decode_conf: durations: they sum to {total} frames, but the speech has {frames}")


def as_tensor(name: str, value: Any, wanted: str) -> Tensor:
    """Returns a tensor, an array or a list as a tensor.

    Raises:
        UserError: It is none of these; `wanted` says what would be right.
    """
    if isinstance(value, Tensor):
        return value
    array = as_array(name, value, wanted)
    # PyTorch takes neither another byte order nor negative strides
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


def _is_integral(tensor: Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)
