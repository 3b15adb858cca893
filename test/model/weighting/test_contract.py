"""What every weighting must do."""

import copy

import pytest
import torch
from tiny_network import TASKS, Network, data

from espnet_mtl.registry import WEIGHTINGS

every = pytest.mark.parametrize("name", WEIGHTINGS)
PREFERENCES = dict(zip(TASKS, (1.0, 0.5, 0.3, 2.0, 1.0), strict=True))


def network(name, tasks=3, **conf):
    preferences = {task: PREFERENCES[task] for task in TASKS[:tasks]}
    return Network(WEIGHTINGS.load(name)(preferences, **conf), tasks)


def train(model, steps, start=0, scale=1.0, lr=0.05):
    """Steps of Adam, as ESPnet trains: all parameters, an end of an epoch every third step."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for step in range(start, start + steps):
        optimizer.zero_grad()
        loss, _ = model(*data(step))
        (loss * scale).backward()
        optimizer.step()
        if step % 3 == 2:
            model.eval()
            model.train()
    return model


@every
@pytest.mark.parametrize("tasks", [1, 2, 5])
def test_it_trains(name, tasks):
    model = network(name, tasks)
    before = sum(loss.item() for loss in _losses(model).values())
    train(model, 60)
    after = sum(loss.item() for loss in _losses(model).values())
    assert after < before
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def _losses(model):
    inputs, target = data()
    return model.losses([torch.tanh(inputs @ model.shared)] * len(model.tasks), target)


@every
def test_a_new_training_begins_with_the_users_weights(name):
    weighting = network(name).weighting
    losses = dict.fromkeys(TASKS[:3], torch.tensor(1.7))
    draws = []
    for _ in range(2000 if weighting.random else 1):
        _, weights = weighting(losses)
        draws.append(torch.stack([*weights.values()]))
    expected = torch.tensor([PREFERENCES[task] for task in TASKS[:3]])
    mean = torch.stack(draws).mean(0)
    torch.testing.assert_close(mean, expected, rtol=0.05 if weighting.random else 1e-6, atol=0)


@every
def test_a_preference_stays_one(name):
    """Twice the λ is twice the weight, whatever the method made of the losses."""
    one, two = network(name), network(name)
    two.weighting.preferences["emotion"] *= 2
    train(one, 5)
    two.load_state_dict(one.state_dict())
    one, two = (model(*data(9))[1]["emotion"] for model in (one, two))
    assert float(two) == pytest.approx(2 * float(one))


@every
def test_a_capped_task_gets_no_more_weight_than_the_first(name):
    model = network(name)
    model.weighting.capped = frozenset({"emotion"})
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    found = []
    for step in range(30):
        optimizer.zero_grad()
        inputs, target = data(step)
        target[:, 1] *= 0.1  # an easy task
        loss, factors = model(inputs, target)
        loss.backward()
        optimizer.step()
        weights = {task: float(factor) / PREFERENCES[task] for task, factor in factors.items()}
        shares = dict(zip(TASKS, model.recorded[-1].weights.tolist(), strict=False))
        found += [weights, shares]
    for weights in found:
        assert weights["emotion"] <= weights["tts"] * (1 + 1e-6)


@every
@pytest.mark.parametrize("size", [0.01, 100.0])
def test_a_task_whose_loss_says_nothing_by_its_size_is_weighed_by_its_preference(name, size):
    """And the others are weighed as if it were not there."""
    tasks = {task: PREFERENCES[task] for task in TASKS[:3]}
    others = {task: PREFERENCES[task] for task in tasks if task != "emotion"}
    make = WEIGHTINGS.load(name)
    weighting, without = make(tasks, unsized=["emotion"]), make(others)
    for step in range(12):
        losses = {"tts": torch.tensor(3 * 0.8**step), "speaker": torch.tensor(1 + 0.1 * step)}
        weights = move(weighting, {**losses, "emotion": torch.tensor(size * (1 + step % 3))}, step)
        expected = move(without, losses, step)
        assert float(weights["emotion"]) == pytest.approx(PREFERENCES["emotion"])
        assert {task: float(weights[task]) for task in others} == pytest.approx(
            {task: float(weight) for task, weight in expected.items()}
        )


def move(weighting, losses, step):
    """One step of training of a weighting alone, an end of an epoch every third step; returns its weights."""
    loss, weights = weighting({task: losses[task] for task in weighting.preferences})
    parameters = [*weighting.parameters()]
    if parameters:
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter -= 0.05 * gradient
    if step % 3 == 2:
        weighting.eval()
        weighting.train()
    return weights


def test_gradnorm_does_not_even_out_the_gradient_of_such_a_task():
    model = Network(WEIGHTINGS.load("gradnorm")(dict.fromkeys(TASKS[:3], 1.0), unsized=["emotion"]), 3)
    inputs, target = data()
    for _ in range(50):
        model.zero_grad()
        loss, weights = model(inputs, target * torch.tensor([1.0, 30, 1, 1, 1]))
        loss.backward()
    assert float(weights["emotion"]) == 1
    assert float(weights["tts"] + weights["speaker"]) == pytest.approx(2)
    assert float(weights["tts"]) != float(weights["speaker"])


@every
@pytest.mark.parametrize("tasks", [2, 5])
def test_labels_of_one_task_may_be_missing(name, tasks):
    model = network(name, tasks)
    train(model, 4)
    model.zero_grad()
    loss, _ = model(*data(5), without=[TASKS[1]])
    loss.backward()
    assert model.shared.grad.isfinite().all()
    assert model.shared.grad.abs().sum() > 0
    assert model.heads.grad[1].eq(0).all()
    assert model.recorded[-1].gramian[1].eq(0).all()


@every
def test_a_task_may_have_a_loss_and_no_gradient(name):
    model = network(name, 3)
    train(model, 4)
    model.zero_grad()
    loss, weights = model(*data(5), waiting=[TASKS[1]])
    loss.backward()
    assert model.heads.grad[1].abs().sum() > 0
    assert model.recorded[-1].gramian[1].eq(0).all()
    assert model.shared.grad.isfinite().all()
    assert model.shared.grad.abs().sum() > 0
    assert float(weights[TASKS[1]]) > 0


@every
def test_a_batch_without_any_label_is_the_first_task_alone(name):
    model = network(name, 3)
    loss, weights = model(*data(), without=TASKS[1:])
    loss.backward()
    factor = float(weights["tts"])
    z, grads = model.explicit(*data(), dict.fromkeys(TASKS, factor))
    expected = torch.autograd.grad(z, model.shared, grads[0].view_as(z))[0]
    torch.testing.assert_close(model.shared.grad, expected)


@every
def test_the_scale_of_mixed_precision_changes_nothing(name):
    plain, scaled = (network(name, 5) for _ in range(2))
    for step in range(4):
        for model, scale in ((plain, 1.0), (scaled, 2.0**12)):
            model.zero_grad()
            (model(*data(step))[0] * scale).backward()
        for one, other in zip(plain.parameters(), scaled.parameters(), strict=True):
            if one.grad is not None:
                torch.testing.assert_close(other.grad / 2**12, one.grad, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(scaled.weighting.scale.value, torch.tensor(2.0**12))


@every
def test_gradients_that_overflow_are_passed_on(name):
    """A scaler of mixed precision has to see them."""
    model = network(name, 3)
    (model(*data())[0] * float("inf")).backward()
    assert not model.shared.grad.isfinite().all()


@every
def test_a_resumed_training_goes_on_as_if_not_interrupted(name):
    """All of a method's state is in its state_dict (the network's optimizer aside, which has none here)."""
    whole, first = network(name), network(name)
    for model, steps in ((whole, 9), (first, 6)):
        for step in range(steps):
            _sgd(model, step)
    resumed = network(name)
    resumed.load_state_dict(copy.deepcopy(first.state_dict()))
    resumed.train()
    for step in range(6, 9):
        _sgd(resumed, step)
    for key, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[key], value, rtol=0, atol=0)


def _sgd(model, step):
    model.zero_grad()
    model(*data(step))[0].backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= 0.05 * parameter.grad
    if step % 3 == 2:
        model.eval()
        model.train()


@every
def test_validation_changes_nothing(name):
    model = train(network(name), 6)  # to the end of an epoch
    state = copy.deepcopy(model.weighting.state_dict())
    model.eval()
    with torch.no_grad():
        losses = [float(model(*data(7))[0]) for _ in range(2)]
    assert losses[0] == losses[1]
    assert all(torch.equal(model.weighting.state_dict()[key], value) for key, value in state.items())


@every
def test_its_options_are_those_of_its_class(name):
    options = WEIGHTINGS.options(name)
    assert WEIGHTINGS.load(name).Options is options
    assert network(name).weighting.options == options()
    with pytest.raises(ValueError, match="nonsense"):
        network(name, nonsense=1)


@every
def test_every_gradient_norm_is_recorded(name):
    model = network(name, 3)
    model(*data())[0].backward()
    (measured,) = model.recorded
    assert measured.tasks == TASKS[:3]
    assert measured.gramian.diagonal().gt(0).all()
    assert measured.weights.shape == (3,)


@every
def test_a_checkpoint_of_before_is_taken(name):
    """Each count was a tensor of its own."""
    model = train(network(name), 7)
    state = copy.deepcopy(model.state_dict())
    (key,) = (key for key in state if key.endswith("_extra_state"))
    for count, value in zip(model.weighting.counts, state.pop(key), strict=True):
        state[key.replace("_extra_state", count)] = value
    other = network(name)
    other.load_state_dict(state)
    assert other.weighting.steps == model.weighting.steps == 7
    torch.testing.assert_close(other.state_dict(), model.state_dict())
