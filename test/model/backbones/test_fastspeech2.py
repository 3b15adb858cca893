import pytest
import torch

from espnet_mtl.system.espnet_imports import import_tts_task

import_tts_task()

from espnet2.torch_utils.load_pretrained_model import load_pretrained_model  # noqa: E402
from espnet2.tts.fastspeech2.fastspeech2 import FastSpeech2  # noqa: E402

from espnet_mtl.model.backbones.fastspeech2 import DurationLoss, MTLFastSpeech2  # noqa: E402
from espnet_mtl.model.taps import valid_mask  # noqa: E402


@pytest.fixture
def sizes(tiny):
    return {"idim": 6, "odim": 80, "spks": 2, **tiny}


@pytest.fixture
def both(sizes):
    torch.manual_seed(0)
    theirs = FastSpeech2(**sizes).eval()
    ours = MTLFastSpeech2(**sizes).eval()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def backbone_batch(batch):
    batch = {key: value for key, value in batch.items() if key != "emotion"}
    return {key.replace("speech", "feats"): value for key, value in batch.items()}


def test_parameters_have_espnets_names(both):
    ours, theirs = both
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_without_style_the_loss_is_espnets_but_for_durations(both, batch):
    ours, theirs = both
    batch = backbone_batch(batch)
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


def test_style_is_added_behind_the_encoder(both, batch):
    ours, _ = both
    style = torch.randn(4, 8)
    taps = ours(**backbone_batch(batch), style=style).taps
    speaker = ours.sid_emb(batch["sids"].view(-1))
    torch.testing.assert_close(taps["speaker"].values, speaker)
    torch.testing.assert_close(taps["shared"].values, taps["encoder"].values + (style + speaker).unsqueeze(1))


def test_what_is_predicted_per_token_is_a_tap_beside_the_real_one(both, batch):
    ours, _ = both
    batch = backbone_batch(batch)
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


def test_style_may_change_along_the_text(both, batch):
    ours, _ = both
    style = torch.randn(4, 6, 8)
    taps = ours(**backbone_batch(batch), style=style).taps
    added = taps["shared"].values - taps["encoder"].values - ours.sid_emb(batch["sids"].view(-1)).unsqueeze(1)
    torch.testing.assert_close(added[:, :6], style, rtol=1e-4, atol=1e-5)
    assert added[:, 6].abs().max() < 1e-5


def test_style_changes_the_speech_and_only_that_call(both):
    ours, theirs = both
    text, options = torch.tensor([2, 3, 4]), {"sids": torch.tensor([0])}
    plain = theirs.inference(text, **options)["pitch"]
    styled = ours.inference(text, style=torch.ones(1, 8), **options)["pitch"]
    assert not torch.allclose(plain, styled)
    torch.testing.assert_close(ours.inference(text, **options)["pitch"], plain)


def test_an_espnet_checkpoint_loads_with_init_param(make_model, sizes, tiny, tmp_path):
    torch.manual_seed(5)
    theirs = FastSpeech2(**sizes)
    path = tmp_path / "espnet.pth"
    torch.save({f"tts.{key}": value for key, value in theirs.state_dict().items()}, path)
    model = make_model(tts_conf=tiny)
    before = model.style.table.clone()
    load_pretrained_model(str(path), model, ignore_init_mismatch=False)
    for key, value in theirs.state_dict().items():
        torch.testing.assert_close(model.tts.state_dict()[key], value)
    torch.testing.assert_close(model.style.table, before)
