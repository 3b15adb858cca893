import pytest
import torch
from tiny_backbones import TINY, backbone_batch_for

from espnet_mtl.system.imports.espnet import import_tts_task

import_tts_task()

from espnet2.tts.fastspeech2.fastspeech2 import FastSpeech2  # noqa: E402

from espnet_mtl.model.backbones.durations import DurationLoss  # noqa: E402
from espnet_mtl.model.backbones.fastspeech2 import MTLFastSpeech2  # noqa: E402
from espnet_mtl.model.taps import valid_mask  # noqa: E402


@pytest.fixture
def both():
    torch.manual_seed(0)
    sizes = {"idim": 6, "odim": 80, "spks": 2, **TINY["fastspeech2"]}
    theirs = FastSpeech2(**sizes).eval()
    ours = MTLFastSpeech2(**sizes).eval()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def test_without_style_the_loss_is_espnets_but_for_durations(both, batch):
    ours, theirs = both
    batch = backbone_batch_for("fastspeech2", batch)
    output = ours(**batch)
    loss, stats, _ = theirs(**batch)
    other = sum(output.losses.values()).item() - output.stats["duration_loss"]
    assert other == pytest.approx(loss[0].item() - stats["duration_loss"].item())
    assert output.stats["l1_loss"] == pytest.approx(stats["l1_loss"].item())


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_durations_sum_to_the_true_ones_where_the_loss_is_least(reduction):
    durations = torch.tensor([1, 2, 3, 30])
    loss = DurationLoss(reduction=reduction)
    log = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([log], line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        value = loss(log.expand(4), durations).mean()
        value.backward()
        return value

    for _ in range(5):
        optimizer.step(closure)
    assert (log.exp() - 1).item() == pytest.approx(9, rel=1e-3)
    assert loss(torch.log(durations + 1.0), durations).mean().item() == pytest.approx(0, abs=1e-6)
    near = loss(torch.log(durations + 1.0) + 0.01, durations).mean()
    assert near.item() == pytest.approx(0.01**2, rel=0.02)


def test_what_is_predicted_per_token_is_a_tap_beside_the_real_one(both, batch):
    ours, _ = both
    batch = backbone_batch_for("fastspeech2", batch)
    tap = ours(**batch).taps["prosody"]
    real = torch.cat([batch["pitch"], batch["energy"], (batch["durations"] + 1).log()[..., None]], -1)
    torch.testing.assert_close(tap.real, real)
    assert tap.values.shape == real.shape
    assert tap.lengths.tolist() == (batch["text_lengths"] + 1).tolist()
    valid = valid_mask(tap.lengths, tap.values.size(1)).squeeze(-1)
    stats = {"pitch": (tap.values - real)[valid][:, 0].square().mean().item()}
    assert stats["pitch"] == pytest.approx(ours(**batch).stats["pitch_loss"], rel=1e-4)
    tap.values.sum().backward()
    for predictor in (ours.pitch_predictor, ours.energy_predictor, ours.duration_predictor):
        assert predictor.linear.weight.grad.abs().sum() > 0
