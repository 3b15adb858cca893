"""Copies of a network for one call, which threads that share the network cannot see."""

from __future__ import annotations

from torch import nn


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
