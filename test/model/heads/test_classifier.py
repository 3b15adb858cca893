import torch

from espnet_mtl.model.heads.classifier import Classifier
from espnet_mtl.model.taps import Tap


def head(**options):
    return Classifier(dim=4, classes=3, label="emotion", tap="style", **options)


def test_hard_labels_give_cross_entropy_and_accuracy():
    logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [3.0, 0.0, 0.0]])
    target = torch.tensor([0, 1, 2])
    loss, stats = head().criterion(logits, target)
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(logits, target))
    torch.testing.assert_close(stats["acc"], torch.tensor(2 / 3))


def test_soft_labels_give_soft_cross_entropy():
    logits, target = torch.randn(5, 3), torch.rand(5, 3).softmax(-1)
    loss, _ = head().criterion(logits, target)
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(logits, target))


def test_mean_is_over_known_labels():
    logits = torch.randn(4, 3)
    loss, _ = head().criterion(logits, torch.tensor([[1], [-1], [2], [-1]]))
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(logits[[0, 2]], torch.tensor([1, 2])))


def test_attention_over_the_style_table_is_the_prediction():
    tap = Tap(torch.randn(2, 4), table=torch.randn(3, 4))
    attentive = head(attention=True)
    assert not list(attentive.parameters())
    torch.testing.assert_close(attentive(tap), tap.values @ tap.table.T)


def test_noise_is_on_the_tap_in_training_only():
    values = torch.randn(2, 4)
    noisy = head(noise=0.5, dropout=0.0)
    assert not torch.equal(noisy(Tap(values)), noisy(Tap(values)))
    noisy.eval()
    torch.testing.assert_close(noisy(Tap(values)), noisy(Tap(values)))


def test_without_convolutions_the_order_of_the_frames_does_not_matter():
    pooled = Classifier(dim=4, classes=3, label="emotion", tap="mel", layers=0).eval()
    values, lengths = torch.randn(2, 9, 4), torch.tensor([9, 9])
    torch.testing.assert_close(pooled(Tap(values, lengths)), pooled(Tap(values.flip(1), lengths)))
    convolved = Classifier(dim=4, classes=3, label="emotion", tap="mel").eval()
    assert not torch.allclose(convolved(Tap(values, lengths)), convolved(Tap(values.flip(1), lengths)))
