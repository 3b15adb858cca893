import logging

import pytest
import torch
from tiny_backbones import TINY, backbone_batch_for

from espnet_mtl.system.imports.espnet import import_tts_task

import_tts_task()

from espnet2.tts.tacotron2.tacotron2 import Tacotron2  # noqa: E402

from espnet_mtl.errors import UserError  # noqa: E402
from espnet_mtl.model.backbones.tacotron2 import MTLTacotron2, focus_rate  # noqa: E402

TINY_TACOTRON = TINY["tacotron2"]


@pytest.fixture
def both():
    torch.manual_seed(0)
    sizes = {"idim": 6, "odim": 80, "spks": 2, **TINY_TACOTRON}
    theirs, ours = Tacotron2(**sizes).eval(), MTLTacotron2(**sizes).eval()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def sorted_batch(batch):
    """Longest text first, as ESPnet's own class wants it."""
    order = batch["text_lengths"].argsort(descending=True, stable=True)
    return {key: value[order] for key, value in batch.items()}


def test_without_style_the_loss_is_espnets_in_any_order(both, batch):
    ours, theirs = both
    batch = backbone_batch_for("tacotron2", batch)
    torch.manual_seed(1)
    output = ours(**batch)
    torch.manual_seed(1)
    loss, stats, _ = theirs(**sorted_batch(batch))
    torch.testing.assert_close(sum(output.losses.values()), loss[0])
    assert output.stats["l1_loss"] == pytest.approx(stats["l1_loss"].item())
    assert 0 < output.stats["focus_rate"] <= 1


def test_frames_beyond_a_multiple_of_the_reduction_factor_are_dropped(both, batch):
    ours, _ = both
    batch = backbone_batch_for("tacotron2", batch)
    tap = ours(**batch).taps["mel"]
    assert torch.equal(tap.lengths, batch["feats_lengths"] // 2 * 2)
    assert tap.values.size(1) == int(batch["feats_lengths"].max()) // 2 * 2
    torch.testing.assert_close(tap.real, batch["feats"][:, : tap.values.size(1)])


def test_durations_are_the_frames_that_attend_most(both):
    ours, _ = both
    attention = torch.tensor([[0.9, 0.1, 0], [0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0, 0.1, 0.9]])
    durations, focus = ours.token_durations(attention, frames=9)
    assert durations.tolist() == [4, 2, 3]
    assert focus == pytest.approx((0.9 + 0.7 + 0.8 + 0.9) / 4)
    rate = focus_rate(torch.stack([attention, attention]), torch.tensor([4, 2]))
    assert rate == pytest.approx((0.9 + 0.7 + 0.8 + 0.9 + 0.9 + 0.7) / 6)


@pytest.mark.parametrize("control", ["alpha", "pitch_scale", "energy_scale"])
def test_controls_that_it_lacks_are_named(both, control):
    ours, _ = both
    with pytest.raises(UserError, match=f"{control}: Tacotron2 has no such control"):
        ours.inference(torch.tensor([2, 3]), sids=torch.tensor([0]), **{control: 1.5})


def test_what_espnet_warns_of_at_every_batch_is_not_logged_and_the_rest_is(both, batch, caplog):
    ours, theirs = both
    before = list(logging.getLogger().filters)
    hook = ours.enc.register_forward_hook(lambda *_: logging.warning("a warning"))
    ours(**backbone_batch_for("tacotron2", batch))
    assert [record.message for record in caplog.records] == ["a warning"]
    hook.remove()
    theirs(**sorted_batch(backbone_batch_for("tacotron2", batch)))
    assert "is not tracable" in caplog.text
    assert logging.getLogger().filters == before
