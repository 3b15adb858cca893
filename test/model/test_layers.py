import pytest
import torch

from espnet_mtl.model.layers import ConvPool


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
