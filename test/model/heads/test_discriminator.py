from dataclasses import replace

import pytest
import torch
from torch.nn.functional import one_hot

from espnet_mtl.model.heads.discriminator import Discriminator
from espnet_mtl.model.taps import Tap

LENGTHS = torch.tensor([12, 7, 9, 3])
LABELS = torch.tensor([[0], [2], [1], [0]])


def head(classes=3, **options):
    torch.manual_seed(0)
    return Discriminator(dim=4, classes=classes, label="emotion", tap="mel", **{"channels": 8, **options})


def tap(seed=0):
    torch.manual_seed(seed)
    return Tap(torch.randn(4, 12, 4, requires_grad=True), LENGTHS, real=torch.randn(4, 12, 4))


def valid(scores):
    return torch.cat([row[:length] for row, length in zip(scores, LENGTHS, strict=True)])


def test_it_learns_by_least_squares_on_real_and_predicted_speech():
    judge, values = head(), tap()
    real, fake = (valid(judge.scores(judge(Tap(steps, LENGTHS)), LABELS)) for steps in (values.real, values.values))
    loss, stats, _ = judge.learn(values, LABELS)
    torch.testing.assert_close(loss, (real - 1).square().mean() + fake.square().mean())
    torch.testing.assert_close(stats, {"d": loss.detach(), "real": real.mean().detach(), "fake": fake.mean().detach()})
    loss.backward()
    assert values.values.grad is None


def test_the_network_learns_to_be_taken_for_real():
    judge, values = head(), tap()
    fake = valid(judge.scores(judge(values), LABELS))
    loss, stats = judge.loss(values, LABELS, progress=1.0)
    torch.testing.assert_close(stats["judged_loss"], (fake - 1).square().mean().detach())
    torch.testing.assert_close(stats["g"], stats["judged_loss"])
    torch.testing.assert_close(loss.detach(), stats["d"] + stats["g"])
    assert "fm" not in stats


def test_feature_matching_is_the_distance_to_the_features_of_real_speech():
    judge, values = head(fm=2.0, layers=2), tap()
    fake, real = (judge(Tap(steps, LENGTHS)).features for steps in (values.values, values.real))
    distances = [valid((one - other).abs().transpose(1, 2)).mean() for one, other in zip(fake, real, strict=True)]
    _, stats = judge.loss(values, LABELS, progress=1.0)
    torch.testing.assert_close(stats["fm"], torch.stack(distances).mean().detach())
    torch.testing.assert_close(stats["judged_loss"], stats["g"] + 2 * stats["fm"])


def test_the_label_is_projected():
    """ψ + wᵀ V φ: of a mixture, the mixture of the scores; without a label, ψ alone."""
    judge = head()
    reading = judge(tap())
    by_label = torch.stack([judge.scores(reading, torch.full((4, 1), label)) for label in range(3)])
    assert not torch.allclose(by_label[0], by_label[1])
    weights = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5], [0.0, 0.0, 1.0], [-1.0, -1.0, -1.0]])
    mixed = judge.scores(reading, weights)
    torch.testing.assert_close(mixed[:3], torch.einsum("bk,kbt->bt", weights[:3], by_label[:, :3]))
    torch.testing.assert_close(mixed[3], reading.plain[3])
    torch.testing.assert_close(judge.scores(reading, torch.full((4, 1), -1)), reading.plain)


def test_hard_labels_are_soft_ones():
    judge, values = head(fm=1.0), tap()
    hard = judge.loss(values, LABELS, progress=1.0)[0]
    torch.testing.assert_close(judge.loss(values, one_hot(LABELS[:, 0], 3).float(), progress=1.0)[0], hard)


def test_data_without_the_label_have_a_discriminator_all_the_same():
    judge, values = head(classes=0), tap()
    loss, _ = judge.loss(values, torch.full((4, 1), -1), progress=1.0)
    loss.backward()
    assert values.values.grad.abs().sum() > 0
    assert judge.class_parameters() == ()


def test_a_window_is_part_of_the_utterance_in_training_only():
    judge, values = head(window=5, fm=1.0), tap()
    loss = judge.loss(values, LABELS, progress=1.0)[0]
    loss.backward()
    seen = values.values.grad.abs().sum(-1) > 0
    assert seen.sum(1).tolist() == [5, 5, 5, 3]
    first, last = seen.int().argmax(1), 11 - seen.int().flip(1).argmax(1)
    assert (last - first + 1).tolist() == [5, 5, 5, 3]
    assert (last < LENGTHS).all()
    whole = head(fm=1.0).eval()
    expected = whole.loss(values, LABELS, progress=1.0)[0]
    torch.testing.assert_close(judge.eval().loss(values, LABELS, progress=1.0)[0], expected)


def test_windows_are_drawn_from_all_of_the_utterance():
    judge, starts = head(window=5), set()
    for _ in range(200):
        starts.add(int(judge._draw_window(LENGTHS, 12).steps[0, 0]))
    assert starts == set(range(8))


@pytest.mark.parametrize("window", [None, 5])
def test_it_may_see_what_the_prosody_is_predicted_from(window):
    torch.manual_seed(0)
    options = {"label": "emotion", "tap": "prosody", "context": True, "window": window, "fm": 1.0}
    judge, values = Discriminator(4, 3, context_dim=6, **options), tap()
    values.context = torch.randn(4, 12, 6)
    judge.loss(values, LABELS, progress=1.0)[0].backward()
    assert values.values.grad.abs().sum() > 0
    assert judge.convs[0].weight.grad[:, 4:].abs().sum() > 0
    scores = judge.eval()(values).plain
    assert not torch.allclose(judge(replace(values, context=values.context.flip(0))).plain, scores)
    for row, length in enumerate(LENGTHS):
        values.context[row, length:] = 99.0
    torch.testing.assert_close(valid(judge(values).plain), valid(scores))


@pytest.mark.parametrize("layers", [1, 3])
def test_a_short_batch_is_not_cut(layers):
    judge, values = head(window=50, layers=layers), tap()
    judge.loss(values, LABELS, progress=1.0)[0].backward()
    assert (values.values.grad.abs().sum(-1) > 0).sum(1).tolist() == LENGTHS.tolist()


def test_the_cap_is_that_of_the_whole_utterance():
    judge, values = head(window=5, grad_cap=1e-4), tap()
    judge.loss(values, LABELS, progress=1.0)[0].backward()
    expected = 1e-4 / (4 * int(LENGTHS.sum())) ** 0.5
    torch.testing.assert_close(values.values.grad.norm(), torch.tensor(expected), rtol=1e-4, atol=0)


def test_it_brings_back_what_a_mean_is_not():
    """Speech at +1 or -1, the class says where; a network that knows the class and has noise learns both."""
    torch.manual_seed(0)
    labels = torch.arange(32).view(-1, 1) % 2
    lengths = torch.full((32,), 6)
    network = torch.nn.Linear(3, 4)
    judge = Discriminator(4, 2, label="emotion", tap="mel", channels=16, layers=1, kernel=1)
    optimizer = torch.optim.Adam([*network.parameters(), *judge.parameters()], lr=0.01, betas=(0.5, 0.9))
    for _ in range(600):
        known = one_hot(labels[:, 0], 2).float().unsqueeze(1).expand(-1, 6, -1)
        predicted = network(torch.cat([torch.randn(32, 6, 1), known], -1))
        real = (2.0 * labels - 1).unsqueeze(-1) + 0.5 * torch.randn(32, 6, 1).expand(-1, -1, 4)
        optimizer.zero_grad()
        judge.loss(Tap(predicted, lengths, real=real), labels, progress=1.0)[0].backward()
        optimizer.step()
    for label, mean in ((0, -1.0), (1, 1.0)):
        speech = predicted[labels[:, 0] == label].detach()
        assert float(speech.mean()) == pytest.approx(mean, abs=0.35)
        assert float(speech.std()) == pytest.approx(0.5, abs=0.25)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"tap": "shared"}, "mel"),
        ({"kernel": 4}, "kernel"),
        ({"reversed": True}, "reversed"),
        ({"context": True}, "prosody"),
        ({"layers": 0}, "layers"),
    ],
)
def test_what_it_cannot_be_is_refused(options, word):
    with pytest.raises(ValueError, match=word):
        Discriminator(4, 3, **{"label": "emotion", "tap": "mel", **options})
