"""What a training step reads on the host: each such place would wait for a GPU. They are counted on a CPU."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from espnet2.train.distributed_utils import DistributedOption
from espnet2.train.reporter import SubReporter
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

WAITING = {
    *("_local_scalar_dense", "nonzero", "nonzero_static", "masked_select", "repeat_interleave", "bincount"),
    *("equal", "is_nonzero", "allclose", "_unique", "_unique2", "unique_dim", "unique_consecutive"),
    *("linalg_eigh", "_linalg_eigh", "linalg_svd", "_linalg_svd", "linalg_inv_ex"),
}
"""Operations whose result, or its size, the host has to know."""
INDEXING = {"index", "index_put", "index_put_"}
"""Operations that wait where an index is a mask."""
COPIES = {"cpu", "tolist", "numpy", "__array__"}
"""Methods that copy a tensor to the host."""
UPLOADS = {"tensor", "as_tensor", "new_tensor"}
"""Functions that copy numbers to a device, and wait for it, where they are told one."""
HOST, NEITHER = "host", "neither"
"""Where a tensor is that is on no device: HOST, copied there; NEITHER, made of nothing."""
PACKAGES = ("espnet_mtl", "espnet2")


class HostReads(TorchFunctionMode):
    """Counts, while it is active, what reads values of tensors on the host, by the place in the code that asks for it.

    All tensors are on the CPU, so that they are said to be on a device unless they were copied from it (`Tensor.cpu`)
    or made of such copies. `torch.nn.functional.one_hot` reads on the CPU only, and does not count.

    Attributes:
        places: How often each place has read: "package/file.py:line operation".
    """

    def __init__(self) -> None:
        super().__init__()
        self.places: Counter[str] = Counter()
        self.homes: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self.exempt = 0
        self.operations = _Operations(self)

    def __enter__(self):
        self.operations.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self.operations.__exit__(*error)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if name == "register_hook":
            tensor, hook = args
            return function(tensor, self._watched(hook))
        reads_on_cpu_only = name == "one_hot" or (name == "__setitem__" and not isinstance(args[-1], Tensor))
        if name in COPIES and args[0] not in self.homes:
            self.note(name)
            copied = function(args[0].clone(), *args[1:], **kwargs) if name == "cpu" else function(*args, **kwargs)
            if isinstance(copied, Tensor):
                self.homes[copied] = HOST
            return copied
        if name in UPLOADS:
            made = function(*args, **kwargs)
            if self._uploads(name, args, kwargs):
                self.note(name)
                self.homes.pop(made, None)
            else:
                self.homes[made] = HOST
            return made
        if name == "to" and kwargs.get("non_blocking") and args[0] in self.homes:
            return torch.empty_like(args[0], device="cpu").copy_(function(*args, **kwargs))
        self.exempt += reads_on_cpu_only
        try:
            return function(*args, **kwargs)
        finally:
            self.exempt -= reads_on_cpu_only

    def _uploads(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        if name == "new_tensor":
            return self.homes.get(args[0]) != HOST
        # A device that is written out is the host; so is that of what torchjd computes with
        return isinstance(kwargs.get("device"), torch.device) and "torchjd" not in sys._getframe(2).f_code.co_filename

    def _watched(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[Tensor], Tensor | None]:
        """Returns a hook that is watched: PyTorch calls hooks of the backward pass outside of modes like this."""

        def call(gradient: Tensor) -> Tensor | None:
            super(HostReads, self).__enter__()
            changed = hook(gradient)
            super(HostReads, self).__exit__(None, None, None)
            return changed

        return call

    def note(self, operation: str) -> None:
        """Counts one read, at the innermost place in the code of this package or of ESPnet."""
        if self.exempt:
            return
        frame = sys._getframe(1)
        while frame is not None:
            parts = Path(frame.f_code.co_filename).parts
            for package in PACKAGES:
                if package in parts:
                    file = "/".join(parts[len(parts) - parts[::-1].index(package) - 1 :])
                    self.places[f"{file}:{frame.f_lineno} {operation}"] += 1
                    return
            frame = frame.f_back
        self.places[f"elsewhere {operation}"] += 1


class _Operations(TorchDispatchMode):
    """Sees the operations of PyTorch, and keeps account of what is on the host."""

    def __init__(self, reads: HostReads) -> None:
        super().__init__()
        self.reads = reads

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        name = function._schema.name.removeprefix("aten::")
        tensors = _tensors((args, kwargs))
        homes = {self.reads.homes.get(tensor) for tensor in tensors}
        on_device = None in homes
        if on_device and self._waits(name, args):
            self.reads.note(name)
        if name == "lift_fresh":  # of numbers of Python
            self.reads.homes[result] = HOST
        elif not on_device:
            home = HOST if HOST in homes else NEITHER
            for tensor in _tensors(result):
                self.reads.homes[tensor] = home
        return result

    def _waits(self, name: str, args: Sequence[Any]) -> bool:
        if name in INDEXING:
            indices = [index for index in args[1] if index is not None]
            return any(index.dtype == torch.bool or self.reads.homes.get(index) == HOST for index in indices)
        return name in WAITING


def _tensors(values: Any) -> list[Tensor]:
    """Lists the tensors in nested sequences and mappings."""
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, Mapping):
        values = list(values.values())
    if not isinstance(values, (list, tuple)):
        return []
    found = []
    for value in values:
        found += _tensors(value)
    return found


def reads_of_a_step(task: Any, model: torch.nn.Module, args: Namespace, batch: Mapping[str, Tensor]) -> Counter[str]:
    """Counts what ESPnet's Trainer and the model read in the third step of a training, when all figures are there."""
    reads = HostReads()
    before: list[Counter[str]] = []

    def batches():
        for _ in range(3):
            before.append(Counter(reads.places))
            yield ["utt"] * len(batch["text"]), {name: value.clone() for name, value in batch.items()}

    optimizers = task.build_optimizers(args, model)
    with reads:
        task.trainer.train_one_epoch(
            model=model.train(),
            iterator=batches(),
            optimizers=optimizers,
            schedulers=[None] * len(optimizers),
            scaler=None,
            reporter=SubReporter("train", 1, 0),
            summary_writer=None,
            options=task.trainer.build_options(args),
            distributed_option=DistributedOption(),
        )
    return reads.places - before[-1]


def by_package(places: Mapping[str, int], package: str) -> dict[str, int]:
    """Keeps the places of a package."""
    return {place: count for place, count in places.items() if place.startswith(f"{package}/")}
