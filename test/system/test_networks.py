"""Weights that are not those of the network that is described are named."""

import pytest
import torch

from espnet_mtl.errors import UserError
from espnet_mtl.system.networks import check_fits


def weights() -> dict[str, torch.Tensor]:
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)).state_dict()


def test_every_key_that_does_not_fit_is_named():
    own, state = weights(), weights()
    state["0.weight"] = torch.zeros(4, 5)
    state["extra"] = torch.zeros(1)
    del state["1.bias"], state["1.num_batches_tracked"]
    with pytest.raises(UserError) as error:
        check_fits(own, state, "some.pth")
    message = str(error.value)
    assert message.startswith("some.pth does not fit")
    assert "missing: 1.bias, 1.num_batches_tracked" in message
    assert "unexpected: extra" in message
    assert "wrong shape: 0.weight (4, 5) instead of (4, 3)" in message


def test_many_keys_are_counted():
    with pytest.raises(UserError, match=r"unexpected: k0, .*k9 and 15 more$"):
        check_fits({}, {f"k{i}": torch.zeros(1) for i in range(25)})
