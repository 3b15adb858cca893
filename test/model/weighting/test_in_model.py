"""Every method in the real model, with heads at every tap and a discriminator, on both backbones."""

import math

import pytest
import torch
from tiny_backbones import batch_for, take_turn, with_backbone

from espnet_mtl.errors import UserError
from espnet_mtl.registry import BACKBONES, WEIGHTINGS

HEAD = {"head": "classifier", "label": "emotion", "channels": 4, "dropout": 0.0}


@pytest.fixture(params=BACKBONES)
def backbone(request):
    return request.param


@pytest.fixture
def batch(backbone, batch):
    return batch_for(backbone, batch)


@pytest.fixture
def make(backbone, make_model):
    """Builds a model with one head or two at every tap."""

    def build(**overrides):
        taps = BACKBONES.spec(backbone).taps
        tasks = {f"at_{tap}": {**HEAD, "tap": tap, "weight": 0.1} for tap in taps}
        tasks["voice"] = {**HEAD, "tap": "shared", "label": "speaker", "weight": 0.1}
        tasks["game"] = {"head": "discriminator", "tap": "mel", "label": "emotion", "channels": 4, "weight": 0.1}
        tasks["match"] = {"head": "matching", "tap": "visual", "label": "emotion", "weight": 0.1}
        tasks["tts"] = {"weight": 1.0, "split": overrides.pop("split", False)}
        style = {"channels": 8, "visual": {"channels": 4}}
        return make_model(tasks=tasks, style_conf=style, **with_backbone(backbone), **overrides)

    return build


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("name", WEIGHTINGS)
def test_it_trains(backbone, make, batch, name, split):
    model = make(weighting=name, split=split)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        torch.manual_seed(1)  # JETS draws the segments that it makes sound of
        loss, stats = take_turn(model, batch)
        loss.backward()
        optimizer.step()
        losses.append(float(stats["tts_loss"]))
    end_to_end = BACKBONES.spec(backbone).end_to_end  # such a network takes more than a few steps
    if not (model.weighting.smallest_first or end_to_end):  # the smallest gradients are here those of the heads
        assert losses[-1] < losses[0]
    parts = {f"tts_{part}" for part in BACKBONES.spec(backbone).parts} if split else {"tts"}
    for task in {*parts, "voice", "game", "at_mel", "at_style", "match"}:
        assert math.isfinite(float(stats[f"{task}_weight"]))


def test_a_cap_binds_whatever_the_method_gives(backbone, make_model, batch):
    """An easy task gets a large weight, and still sends no more into the spectrogram than with fixed weights."""
    tasks = {"tts": {"weight": 1.0}, "emotion": {**HEAD, "tap": "mel", "grad_cap": 1e-3}}
    norms = []
    for weighting in ("fixed", "uw"):
        model = make_model(weighting=weighting, tasks=tasks, **with_backbone(backbone))
        if weighting == "uw":
            with torch.no_grad():
                model.weighting.scalarizer.log_var.copy_(torch.tensor([0.5, -3.0]))
        loss, stats = take_turn(model, batch)
        loss.backward()
        norms.append(float(model.multitask.grad_figures()["mel_emotion_norm"] / stats["tts_weight"]))
    assert stats["emotion_weight"] == stats["tts_weight"]
    assert norms[1] == pytest.approx(norms[0], rel=1e-4)


def test_fixed_weights_pass_on_the_sum_of_the_gradients(make, batch):
    """Branches for the gradients change nothing."""
    branched, whole = (make(split=split, weighting="fixed") for split in (True, False))
    for model in (branched, whole):
        torch.manual_seed(1)
        loss, _ = take_turn(model, batch)
        loss.backward()
    for (name, one), (_, other) in zip(branched.named_parameters(), whole.named_parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None), name
        if one.grad is not None:
            # The bias of keys has no gradient but for rounding, which goes with the size of the loss
            tolerance = max(1e-6, 1e-8 * float(loss.detach()))
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=tolerance, msg=name)


def test_gradients_are_measured_at_every_tap(backbone, make, batch):
    """What each task sends into a tap is what it sends there alone."""
    model = make()
    take_turn(model, batch)[0].backward()
    _, stats = take_turn(model, batch)
    for tap in BACKBONES.spec(backbone).taps:
        assert stats[f"{tap}_at_{tap}_norm"] > 0
        # Every utterance has a label, so the TTS loss does not reach the encoders of recordings and faces
        if tap not in ("style", "visual"):
            assert stats[f"{tap}_tts_norm"] > 0
        assert stats[f"{tap}_at_{tap}_share"] == 1
    assert -1 <= stats["shared_tts_voice_cos"] <= 1
    assert -1 <= stats["shared_at_shared_voice_cos"] <= 1


def test_figures_of_gradients_do_not_depend_on_the_scale(make, batch):
    model = make().eval()
    found = []
    for scale in (1.0, 1024.0):
        model.zero_grad()
        torch.manual_seed(1)
        (take_turn(model, batch)[0] * scale).backward()
        found.append(model.multitask.grad_figures())
    for key, value in found[0].items():
        torch.testing.assert_close(found[1][key], value, rtol=1e-3, atol=1e-5, msg=key)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_bfloat16_trains(make, batch, name, monkeypatch):
    monkeypatch.setattr(torch.nn.Dropout, "forward", lambda layer, values: values)  # it draws other numbers then
    losses = []
    for half in (False, True):
        model = make(weighting=name)
        torch.manual_seed(1)  # JETS draws the segments that it makes sound of
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            losses.append(take_turn(model, batch)[0])
    losses[1].backward()
    assert losses[1].item() == pytest.approx(losses[0].item(), rel=0.05)
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert {gradient.dtype for gradient in gradients} == {torch.float32}


def test_a_loss_that_is_not_a_number_names_task_and_utterances(make, batch):
    model = make()
    with torch.no_grad():
        model.heads["voice"].output.weight.fill_(float("nan"))
    with pytest.raises(UserError, match=r"not finite: voice nan; utterances f1_a, m1_b, f1_c, m1_d: look for"):
        take_turn(model, batch, utt_id=["f1_a", "m1_b", "f1_c", "m1_d"])
