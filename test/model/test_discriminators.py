"""Discriminators in the real model."""

import copy
from functools import partial

import pytest
import torch
from tiny_backbones import batch_for, take_turn, with_backbone

from espnet_mtl.model.progress import TrainProgress
from espnet_mtl.registry import BACKBONES

GAME = {"head": "discriminator", "label": "emotion", "channels": 4, "layers": 2, "kernel": 3, "fm": 1.0}
TASKS = {
    "tts": {"weight": 1.0},
    "real_mel": {**GAME, "tap": "mel", "weight": 0.5, "grad_cap": 0.4, "window": 4},
    "real_prosody": {**GAME, "tap": "prosody", "weight": 0.3, "start": 0.5, "ramp": 0.5, "context": True},
}
FIGURES = {"d", "real", "fake", "g", "fm"}


@pytest.fixture(params=BACKBONES)
def backbone(request):
    return request.param


@pytest.fixture
def make(backbone, make_model):
    """Builds a model with discriminators."""
    taps = BACKBONES.spec(backbone).taps
    tasks = {name: task for name, task in TASKS.items() if task.get("tap", "mel") in taps}
    return partial(make_model, tasks=tasks, weighting="uw", **with_backbone(backbone))


@pytest.fixture
def game(backbone, make, batch):
    """A model with discriminators and its batch."""
    return make(), batch_for(backbone, batch)


def train(model, optimizer, batch, steps):
    for step in steps:
        torch.manual_seed(step)
        optimizer.zero_grad()
        loss, stats = take_turn(model, batch)
        loss.backward()
        optimizer.step()
    return stats


def optimizer_of(model, total=6):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    model.multitask.progress = TrainProgress(optimizer, total)
    return optimizer


def test_a_training_with_them_goes_on_as_if_not_interrupted(game, make):
    """All of a discriminator is in the checkpoint: its weights in the model's, their moments in the optimizer's."""
    model, batch = game
    resumed = make()
    optimizer = optimizer_of(model)
    train(model, optimizer, batch, range(3))
    checkpoint = copy.deepcopy([model.state_dict(), optimizer.state_dict()])
    assert {f"heads.real_mel.{name}" for name in ("convs.0.weight", "projection.weight")} <= checkpoint[0].keys()
    expected = train(model, optimizer, batch, range(3, 6))
    optimizer = optimizer_of(resumed)
    resumed.load_state_dict(checkpoint[0])
    optimizer.load_state_dict(checkpoint[1])
    stats = train(resumed, optimizer, batch, range(3, 6))
    assert {f"real_mel_{name}" for name in FIGURES} <= stats.keys()
    for name, value in expected.items():
        torch.testing.assert_close(torch.as_tensor(stats[name]), torch.as_tensor(value), rtol=0, atol=0, msg=name)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0, msg=name)


def test_the_network_gets_no_gradient_by_the_context(make_model, batch):
    """It is what prosody is predicted from: a discriminator that sees it must not move it."""
    model = make_model(tasks={"tts": {}, "real_prosody": {**GAME, "tap": "prosody", "context": True}})
    taps = model.run_network(**batch).taps
    assert taps["prosody"].context.shape == taps["shared"].values.shape
    assert not taps["prosody"].context.requires_grad
    assert model.heads["real_prosody"].convs[0].in_channels == 3 + taps["shared"].values.size(-1)


def test_before_its_start_it_only_learns(game):
    model, batch = game
    optimizer = optimizer_of(model, total=100)
    if "real_prosody" not in model.heads:
        pytest.skip("the backbone predicts no prosody")
    stats = train(model, optimizer, batch, range(2))
    assert {name for name in FIGURES if f"real_prosody_{name}" in stats} == {"d", "real", "fake"}
    assert stats["prosody_real_prosody_norm"] == 0


def test_learned_uncertainty_does_not_weigh_it(game):
    model, batch = game
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    stats = train(model, optimizer, batch, range(20))
    assert float(stats["tts_weight"]) != pytest.approx(1, abs=0.1)
    assert float(stats["real_mel_weight"]) == pytest.approx(0.5 * min(1.0, float(stats["tts_weight"])))


def test_data_without_labels_have_discriminators(backbone, make_model, batch):
    """Other tasks, which have nothing to learn then, are left out."""
    emotion = {"head": "classifier", "tap": "mel", "label": "emotion"}
    tasks = {"tts": {}, "real_mel": TASKS["real_mel"], "emotion": emotion}
    model = make_model(tasks=tasks, emotions=[], **with_backbone(backbone))
    assert set(model.heads) == {"real_mel"}
    assert model.heads["real_mel"].classes == 0
    batch = batch_for(backbone, batch)
    del batch["emotion"]
    stats = train(model, torch.optim.Adam(model.parameters(), lr=0.003), batch, range(2))
    assert stats["mel_real_mel_norm"] > 0
