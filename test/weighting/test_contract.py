"""What every weighting must do."""

import pytest
import torch

from espnet_mtl.weighting import WEIGHTINGS

every = pytest.mark.parametrize("name", WEIGHTINGS)


@every
@pytest.mark.parametrize("tasks", [1, 2, 5])
def test_one_finite_loss_and_a_weight_per_task(name, tasks):
    losses = {f"task{index}": torch.tensor(1.0 + index, requires_grad=True) for index in range(tasks)}
    total, weights = WEIGHTINGS.load(name)(dict.fromkeys(losses, 1.0))(losses)
    total.backward()
    assert total.dim() == 0
    assert total.isfinite()
    assert weights.keys() == losses.keys()
    assert all(loss.grad is not None for loss in losses.values())


def test_fixed_is_the_weighted_sum():
    losses = {"tts": torch.tensor(2.0), "emotion": torch.tensor(3.0)}
    total, weights = WEIGHTINGS.load("fixed")({"tts": 1.0, "emotion": 0.5})(losses)
    assert total.item() == 3.5
    assert weights == {"tts": 1.0, "emotion": 0.5}
