import torch

from espnet_mtl.model.heads.regressor import Regressor


def head():
    return Regressor(dim=4, classes=2, label="vad", tap="style")


def test_the_loss_is_a_mean_over_known_values():
    prediction = torch.randn(4, 2)
    target = torch.randn(4, 2)
    target[1], target[2, 0] = torch.nan, torch.nan
    known = target.isfinite()
    loss, stats = head().criterion(prediction, target)
    torch.testing.assert_close(loss, torch.nn.functional.huber_loss(prediction[known], target[known]))
    torch.testing.assert_close(stats["mae"], (prediction[known] - target[known]).abs().mean())


def test_unknown_values_send_no_gradient():
    prediction = torch.randn(2, 2, requires_grad=True)
    target = torch.tensor([[0.5, torch.nan], [1.0, 2.0]])
    head().criterion(prediction, target)[0].backward()
    assert prediction.grad[0, 1] == 0
    assert prediction.grad.isfinite().all()
