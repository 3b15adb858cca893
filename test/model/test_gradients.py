import pytest
import torch

from espnet_mtl.model.gradients import GradientCap, branch, scale_gradient


def test_reversal_changes_the_sign_of_the_gradient_only():
    values = torch.randn(3, requires_grad=True)
    out = scale_gradient(values, -1.0)
    torch.testing.assert_close(out, values)
    (out * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    torch.testing.assert_close(values.grad, torch.tensor([-1.0, -2.0, -3.0]))


def capped_gradient(limit, scale, factor=1.0):
    values = torch.full((4,), factor, requires_grad=True)
    cap = GradientCap(limit)
    loss = cap.close(cap.open(values).square().sum())
    (loss * scale).backward()
    return values.grad


def test_gradient_norm_is_limited_and_its_direction_kept():
    gradient = capped_gradient(0.5, scale=1.0)
    torch.testing.assert_close(gradient, torch.full((4,), 0.25))


def test_small_gradients_pass_unchanged():
    torch.testing.assert_close(capped_gradient(100.0, scale=1.0), torch.full((4,), 2.0))


@pytest.mark.parametrize("scale", [2.0**16, 0.25])
def test_what_multiplies_the_loss_multiplies_the_limit(scale):
    """AMP's scale and gradient accumulation do not change the result."""
    torch.testing.assert_close(capped_gradient(0.5, scale) / scale, capped_gradient(0.5, 1.0))


def test_no_gradient_at_all_stays_none_at_all():
    assert capped_gradient(0.5, scale=1.0, factor=0.0).eq(0).all()


def test_a_branch_collects_its_gradient_and_passes_none_on():
    values, branch_grads = torch.ones(2, requires_grad=True), {}
    one, other = branch(values, "a", branch_grads), branch(values, "a", branch_grads)
    (3 * one + 4 * other + 5 * branch(values, "b", branch_grads) + 2 * values).sum().backward()
    torch.testing.assert_close(values.grad, torch.full((2,), 2.0))
    torch.testing.assert_close(branch_grads, {"a": torch.full((2,), 7.0), "b": torch.full((2,), 5.0)})


def test_without_a_gradient_there_is_no_branch():
    values = torch.ones(2)
    assert branch(values, "a", {}) is values
