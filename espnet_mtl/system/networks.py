"""Networks of PyTorch: copies for one call, which threads that share a network cannot see, and files of weights."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from espnet_mtl.errors import UserError
from espnet_mtl.system.files import DAMAGE


def replica[NetworkT: nn.Module](network: NetworkT) -> NetworkT:
    """Copies a network's modules, but not its parameters and buffers, which both have.

    ESPnet's modules keep things of a call as attributes: attention, for one, its weights and what it has computed of
    the encoder's output. On a copy that one call has for itself, no other call finds them. PyTorch's `DataParallel`
    copies networks in this way, too. It takes 5 µs a module (1.1 ms for a FastSpeech2 of 8 blocks).
    """
    copies: dict[nn.Module, nn.Module] = {}
    for module in network.modules():
        copy = module.__new__(type(module))
        vars(copy).update(vars(module))
        copies[module] = copy
    for module, copy in copies.items():
        children = {name: child and copies[child] for name, child in module._modules.items()}
        own = {"_modules": children, "_parameters": dict(module._parameters), "_buffers": dict(module._buffers)}
        vars(copy).update(own)
        if isinstance(module, nn.RNNBase):
            # It would move the weights, which other threads read; `to` has put them into one block already
            vars(copy)["flatten_parameters"] = _do_nothing
    copied = copies[network]
    assert isinstance(copied, type(network))
    return copied


def _do_nothing() -> None:
    pass


SHOWN = 10  # names in an error message
MODEL_FILES = "A model file must hold tensors only (<epoch>epoch.pth or *.ave.pth; checkpoint.pth is not one)"


def load_tensors(path: str | Path, device: str = "cpu", wanted: str = MODEL_FILES) -> Any:
    """Reads a file of `torch.save` with `weights_only`, so that a pickle cannot run code.

    Args:
        path: The file.
        device: Where its tensors go.
        wanted: What to say of a file that is refused.

    Raises:
        UserError: The file is missing, damaged, or its pickle asks for more than tensors and plain values.
    """
    if not Path(path).is_file():
        raise UserError(f"no such model file: {path}")
    # `torch.save` does not compress: what grows when it is read is no file of its
    if unpacked_size(path) > 2 * Path(path).stat().st_size + 2**20:
        raise UserError(f"{path} is refused: it is compressed, as no file of PyTorch is")
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(_refusal(path, str(error), wanted)) from None
    except DAMAGE as error:
        raise UserError(f"{path} is damaged or not a PyTorch file") from error


def _refusal(path: str | Path, message: str, wanted: str) -> str:
    unsafe = re.search(r"GLOBAL (\S+)", message)
    if not unsafe:
        return f"{path} is damaged or not a PyTorch weights file"
    return f"{path} is refused: unpickling it would call {unsafe[1].rstrip('.')}, which can run code. {wanted}"


def unpacked_size(path: str | Path) -> int:
    """Returns the bytes of all members of a zip file; 0 where it is none."""
    if not zipfile.is_zipfile(path):
        return 0
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return 0


def is_parameter(name: object, value: object) -> bool:
    """Tells whether a name and a value are of a plain state dict: a tensor that has its numbers in memory."""
    if not (isinstance(name, str) and isinstance(value, torch.Tensor)):
        return False
    is_plain = value.layout == torch.strided and not value.is_meta and not value.is_quantized
    return is_plain and not value.is_complex()


def check_fits(
    own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor], source: str | Path = "the checkpoint"
) -> None:
    """Makes sure that every name and shape of a checkpoint is a model's.

    Args:
        own: The model's parameters and buffers by name.
        state: Those of the checkpoint.
        source: Named in the error.

    Raises:
        UserError: Names the missing, unexpected and wrongly shaped entries.
    """
    wrong = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    found = {
        "missing": [key for key in own if key not in state],
        "unexpected": [key for key in state if key not in own],
        "wrong shape": wrong,
    }
    problems = [f"{kind}: {_names(names)}" for kind, names in found.items() if names]
    if problems:
        raise UserError(f"{source} does not fit the network of this config; {'; '.join(problems)}")


def _names(names: list[str]) -> str:
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(name[:80] for name in names[:SHOWN]) + rest
