import torch

from espnet_mtl.model.heads.regressor import Regressor
from espnet_mtl.model.taps import Tap


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


def test_an_additive_one_says_the_sum_of_what_the_parts_say():
    additive = Regressor(dim=4, classes=2, label="pitch_range", tap="shared", additive=True)
    lengths = torch.tensor([3, 2])
    text, style, speaker = torch.randn(2, 3, 4), torch.randn(2, 1, 4), torch.randn(2, 1, 4)

    def say(values):
        return additive(Tap(values, lengths))

    whole = say(text + style + speaker)
    torch.testing.assert_close(whole, say(text + style) + say(text + speaker) - say(text))
    padded = torch.cat([text, torch.full((2, 4, 4), 9.0)], 1)
    torch.testing.assert_close(say(padded), say(text))
    assert [name for name, _ in additive.named_parameters()] == ["output.weight", "output.bias"]
