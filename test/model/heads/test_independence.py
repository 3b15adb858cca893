import pytest
import torch

from espnet_mtl.model.heads.independence import Independence
from espnet_mtl.model.taps import Tap


def head():
    return Independence(dim=3, classes=2, label="speaker", tap="shared")


LABELS = torch.tensor([[0], [0], [1], [1], [-1]])


def test_it_is_the_share_of_the_spread_that_the_classes_explain():
    told_apart = torch.tensor([[1.0, 0, 0], [1, 0, 0], [3, 0, 0], [3, 0, 0], [9, 9, 9]])
    assert head().criterion(told_apart, LABELS)[0] == pytest.approx(1)
    alike = torch.tensor([[1.0, 0, 0], [3, 0, 0], [1, 0, 0], [3, 0, 0], [9, 9, 9]])
    assert head().criterion(alike, LABELS)[0] == pytest.approx(0)


@pytest.mark.parametrize("labels", [torch.zeros(5, 1, dtype=torch.long), torch.full((5, 1), -1)])
def test_one_class_alone_costs_nothing(labels):
    values = torch.randn(5, 3, requires_grad=True)
    loss, _ = head().criterion(values, labels)
    loss.backward()
    assert loss == 0
    assert values.grad.isfinite().all()


def test_descending_it_hides_the_label_and_keeps_the_rest():
    torch.manual_seed(0)
    labels = torch.arange(40).view(-1, 1) % 2
    values = torch.randn(40, 1, 3)
    values[:, :, 0] += 4 * labels
    values.requires_grad_()
    optimizer = torch.optim.Adam([values], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        loss, _ = head().loss(Tap(values, torch.ones(40, dtype=torch.long)), labels, progress=1.0)
        loss.backward()
        optimizer.step()
    means = [values.detach()[labels.view(-1) == k].mean(0) for k in (0, 1)]
    assert (means[0] - means[1]).norm() < 0.3
    assert values.detach()[:, 0, 1:].std(0).min() > 0.7
