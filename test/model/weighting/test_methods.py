"""The methods against torchjd's explicit computation, and what sets each apart."""

from itertools import pairwise

import pytest
import torch
from tiny_network import TASKS, Network, data
from torchjd import aggregation, scalarization

from espnet_mtl.model.weighting.base import same_draws
from espnet_mtl.registry import WEIGHTINGS

PREFERENCES = dict(zip(TASKS, (1.0, 0.5, 0.3, 2.0, 1.0), strict=True))
AGGREGATORS = {
    "pcgrad": lambda: aggregation.PCGrad(),
    "upgrad": lambda: aggregation.UPGrad(),
    "aligned_mtl": lambda: aggregation.AlignedMTL(),
    "cagrad": lambda: aggregation.CAGrad(c=0.5),
    "imtl_g": lambda: aggregation.IMTLG(),
    "mgda": lambda: aggregation.MGDA(),
}
BY_SIZE = {
    "aligned_mtl": lambda: aggregation.AlignedMTLWeighting(),
    "cagrad": lambda: aggregation.CAGradWeighting(c=0.5),
    "imtl_g": lambda: aggregation.IMTLGWeighting(),
    "mgda": lambda: aggregation.MGDAWeighting(),
}
SCALARIZERS = {
    "uw": (lambda: scalarization.UW(5), 2),
    "imtl_l": (lambda: scalarization.IMTLL(5), 1),
    "stch": (lambda: scalarization.STCH(0.5), 25),
    "dwa": (lambda: scalarization.DWA(), 1),
    "famo": (lambda: scalarization.FAMO(5), 5),
}


def build(name, preferences=PREFERENCES):
    return Network(WEIGHTINGS.load(name)(preferences), len(preferences))


@pytest.mark.parametrize("name", AGGREGATORS)
@pytest.mark.parametrize("seed", range(3))
def test_one_backward_pass_equals_the_explicit_combination(name, seed):
    preferences = dict.fromkeys(TASKS, 1.0) if name in BY_SIZE else PREFERENCES
    model = build(name, preferences)
    torch.manual_seed(0)
    model(*data(seed))[0].backward()
    z, jacobian = model.explicit(*data(seed), preferences)
    jacobian = jacobian.double()
    size = jacobian.norm()
    torch.manual_seed(1)
    combined = AGGREGATORS[name]()(jacobian / size) * size * (1 if name == "pcgrad" else len(TASKS))
    expected = torch.autograd.grad(z, model.shared, combined.view_as(z).float())[0]
    torch.testing.assert_close(model.shared.grad, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", BY_SIZE)
def test_preferences_stand_on_top_of_methods_that_go_by_size(name):
    model = build(name)
    model(*data())[0].backward()
    z, jacobian = model.explicit(*data(), dict.fromkeys(TASKS, 1.0))
    jacobian = jacobian.double() / jacobian.norm()
    weights = len(TASKS) * BY_SIZE[name]()(jacobian @ jacobian.T)
    _, scaled = model.explicit(*data(), PREFERENCES)
    expected = torch.autograd.grad(z, model.shared, (weights.float() @ scaled).view_as(z))[0]
    torch.testing.assert_close(model.shared.grad, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", AGGREGATORS)
def test_the_aggregators_do_combine(name):
    """They differ from the sum: else the test above would show nothing."""
    model, plain = build(name), build("fixed")
    for one in (model, plain):
        one(*data())[0].backward()
    assert not torch.allclose(model.shared.grad, plain.shared.grad, rtol=1e-3)
    torch.testing.assert_close(model.heads.grad, plain.heads.grad)


@pytest.mark.parametrize("name", ["pcgrad", "upgrad"])
def test_preferences_scale_what_is_projected(name):
    """g_1 = (1, 0), g_2 = (-1, 1): projected (.5, .5) and (0, 1); with λ_2 = 2 the sum is (.5, .5) + 2 (0, 1)."""
    gradients = torch.tensor([[1.0, 0.0], [-2.0, 2.0]], dtype=torch.float64)
    gramian = gradients @ gradients.T
    weights = WEIGHTINGS.load(name)({"a": 1.0, "b": 2.0}).combine("z", ["a", "b"], gramian / gramian.trace())
    torch.testing.assert_close(weights @ gradients, torch.tensor([0.5, 2.5], dtype=torch.float64), rtol=0, atol=0.01)


@pytest.mark.parametrize("name", AGGREGATORS)
@pytest.mark.parametrize("size", [1e-2, 1e-4, 1e-6])
def test_a_small_gradient_does_not_take_the_others_away(name, size):
    gradients = torch.tensor([[1.0, 0.0], [0.0, size]], dtype=torch.float64)
    gramian = gradients @ gradients.T
    weights = WEIGHTINGS.load(name)({"a": 1.0, "b": 1.0}).combine("z", ["a", "b"], gramian / gramian.trace())
    assert weights.isfinite().all()
    shrinks = {"mgda", "aligned_mtl", "imtl_g"}  # they make the sum as small as the smallest, by design
    assert name in shrinks or float((weights @ gradients).norm()) > 0.4


@pytest.mark.parametrize("name", SCALARIZERS)
def test_gradients_are_those_of_the_scalarizer(name):
    model = build(name, dict.fromkeys(TASKS, 1.0))
    model(*data())[0].backward()
    make, factor = SCALARIZERS[name]
    scalarizer = make()
    z = torch.tanh(data()[0] @ model.shared)
    losses = torch.stack([*model.losses([z] * 5, data()[1]).values()])
    total = factor * scalarizer(losses)
    expected = torch.autograd.grad(total, [model.shared, model.heads, *scalarizer.parameters()], allow_unused=True)
    torch.testing.assert_close(model.shared.grad, expected[0])
    torch.testing.assert_close(model.heads.grad, expected[1])
    own = [parameter.grad for parameter in model.weighting.parameters()]
    for mine, theirs in zip(own, expected[2:], strict=True):
        assert (mine is None) == (theirs is None)
        if mine is not None:
            torch.testing.assert_close(mine, theirs)


def test_uncertainty_learns_the_inverse_of_the_loss():
    weighting = WEIGHTINGS.load("uw")({"tts": 1.0, "emotion": 0.5})
    optimizer = torch.optim.Adam(weighting.parameters(), lr=0.05)
    for _ in range(500):
        optimizer.zero_grad()
        loss, weights = weighting({"tts": torch.tensor(4.0), "emotion": torch.tensor(0.5)})
        loss.backward()
        optimizer.step()
    assert float(weights["tts"]) == pytest.approx(1 / 4, rel=0.02)
    assert float(weights["emotion"]) == pytest.approx(0.5 / 0.5, rel=0.02)


def test_dynamic_average_favours_the_loss_that_falls_slowly():
    weighting = WEIGHTINGS.load("dwa")({"tts": 1.0, "emotion": 1.0})
    for tts, emotion in ((4.0, 4.0), (2.0, 4.0)):
        for _ in range(3):
            _, weights = weighting({"tts": torch.tensor(tts), "emotion": torch.tensor(emotion)})
            assert float(weights["tts"]) == 1
        weighting.eval()
        weighting.train()
    _, weights = weighting({"tts": torch.tensor(2.0), "emotion": torch.tensor(4.0)})
    expected = 2 * torch.tensor([0.5, 1.0]).div(2).softmax(0)
    torch.testing.assert_close(torch.stack([weights["tts"], weights["emotion"]]), expected)


def test_famo_favours_the_loss_that_falls_slowly():
    weighting = WEIGHTINGS.load("famo")({"tts": 1.0, "emotion": 1.0})
    for step in range(20):
        _, weights = weighting({"tts": torch.tensor(4.0 * 0.8**step), "emotion": torch.tensor(4.0)})
    share = weighting.scalarizer._w.softmax(0)
    assert share[1] > share[0] + 0.1
    assert float(weights["emotion"]) < float(weights["tts"])  # c z / ℓ: a small loss counts by its logarithm


def test_famo_moves_as_torchjds_does_from_batch_to_batch():
    batches = torch.tensor([[4.0, 1.0], [3.0, 1.0], [2.5, 0.4], [2.6, 0.3]])
    weighting, theirs = (
        WEIGHTINGS.load("famo")({"a": 1.0, "b": 1.0}),
        scalarization.FAMO(2, lr=0.025, weight_decay=0.001),
    )
    for losses in batches:
        _, weights = weighting(dict(zip("ab", losses, strict=True)))
    for before, after in pairwise(batches):
        theirs(before)
        theirs.update(after)
    last = batches[-1].clone().requires_grad_()
    (expected,) = torch.autograd.grad(2 * theirs(last), last)
    torch.testing.assert_close(torch.stack([*weights.values()]), expected)


def test_random_weights_are_torchjds():
    weighting = WEIGHTINGS.load("rlw")({"a": 1.0, "b": 1.0})
    _, weights = weighting({"a": torch.tensor(3.0), "b": torch.tensor(5.0)})
    losses = torch.tensor([3.0, 5.0], requires_grad=True)
    with same_draws(1, torch.device("cpu")):
        (expected,) = torch.autograd.grad(2 * scalarization.Random()(losses), losses)
    torch.testing.assert_close(torch.stack([*weights.values()]), expected)
    assert weights["a"] != weights["b"]


def test_gradnorm_evens_out_the_norms():
    preferences = {"tts": 1.0, "emotion": 2.0}
    model = Network(WEIGHTINGS.load("gradnorm")(preferences, alpha=0.0), 2)
    inputs, target = data()
    ratios = []
    for _ in range(300):
        model.zero_grad()
        model(inputs, target * torch.tensor([10.0, 1, 1, 1, 1]))[0].backward()
        first, second = model.recorded[-1].gramian.diagonal().sqrt()
        ratios.append(float(first / second))
    assert ratios[0] > 2
    assert ratios[-1] == pytest.approx(1 / 2, rel=0.1)  # the user's λ stands on top
    assert float(model.weighting.weights.sum()) == pytest.approx(2)


def test_fixed_is_the_weighted_sum():
    losses = {"tts": torch.tensor(2.0), "emotion": torch.tensor(3.0)}
    total, weights = WEIGHTINGS.load("fixed")({"tts": 1.0, "emotion": 0.5})(losses)
    assert total.item() == 3.5
    assert {name: float(weight) for name, weight in weights.items()} == {"tts": 1.0, "emotion": 0.5}


def test_opposed_gradients_do_not_cancel_what_pcgrad_keeps():
    """g_1 = (1, 0), g_2 = (-1, 1): each loses what opposes the other."""
    gramian = torch.tensor([[1.0, -1.0], [-1.0, 2.0]], dtype=torch.float64)
    weights = WEIGHTINGS.load("pcgrad")({"a": 1.0, "b": 1.0}).combine("z", ["a", "b"], gramian)
    torch.testing.assert_close(weights, torch.tensor([2.0, 1.5], dtype=torch.float64))
