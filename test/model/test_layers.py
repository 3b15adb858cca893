import pytest
import torch

from espnet_mtl.model.layers import ConvPool, GradientCap, scale_gradient


@pytest.mark.parametrize("length", [1, 2, 7, 30])
@pytest.mark.parametrize("layers", [0, 3])
def test_pooling_ignores_padding(length, layers):
    pool = ConvPool(5, channels=8, layers=layers).eval()
    values = torch.randn(1, length, 5)
    padded = torch.cat([values, torch.full((1, 11, 5), 9.0)], dim=1)
    alone, among = pool(values, torch.tensor([length])), pool(padded, torch.tensor([length]))
    torch.testing.assert_close(alone, among)


def test_without_convolutions_it_is_mean_and_deviation():
    values = torch.randn(2, 30, 5)
    pooled = ConvPool(5, layers=0)(values, torch.tensor([30, 20]))
    torch.testing.assert_close(
        pooled[1], torch.cat([values[1, :20].mean(0), values[1, :20].std(0, correction=0)]), atol=1e-4, rtol=0
    )


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
