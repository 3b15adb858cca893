import pytest
import torch

from espnet_mtl.system.espnet_imports import import_tts_task

import_tts_task()

from espnet2.torch_utils.load_pretrained_model import load_pretrained_model  # noqa: E402
from espnet2.tts.tacotron2.tacotron2 import Tacotron2  # noqa: E402

from espnet_mtl.errors import UserError  # noqa: E402
from espnet_mtl.model.backbones.tacotron2 import MTLTacotron2, focus_rate  # noqa: E402
from test.model.backbones.test_fastspeech2 import backbone_batch  # noqa: E402

TINY_TACOTRON = {
    **{"embed_dim": 8, "econv_layers": 1, "econv_chans": 8, "econv_filts": 3, "elayers": 1, "eunits": 8, "adim": 8},
    **{"aconv_chans": 4, "aconv_filts": 3, "dlayers": 1, "dunits": 8, "prenet_layers": 1, "prenet_units": 8},
    **{"postnet_layers": 1, "postnet_chans": 8, "postnet_filts": 3, "dropout_rate": 0.0, "zoneout_rate": 0.0},
    **{"reduction_factor": 2, "use_guided_attn_loss": True, "use_masking": True},
}


@pytest.fixture
def both():
    torch.manual_seed(0)
    sizes = {"idim": 6, "odim": 80, "spks": 2, **TINY_TACOTRON}
    theirs, ours = Tacotron2(**sizes).eval(), MTLTacotron2(**sizes).eval()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def tacotron_batch(batch):
    dropped = ("durations", "pitch", "energy")
    return {key: value for key, value in backbone_batch(batch).items() if not key.startswith(dropped)}


def sorted_batch(batch):
    """Longest text first, as ESPnet's own class wants it."""
    order = batch["text_lengths"].argsort(descending=True, stable=True)
    return {key: value[order] for key, value in batch.items()}


def test_parameters_have_espnets_names(both):
    ours, theirs = both
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_without_style_the_loss_is_espnets_in_any_order(both, batch):
    ours, theirs = both
    batch = tacotron_batch(batch)
    torch.manual_seed(1)
    output = ours(**batch)
    torch.manual_seed(1)
    loss, stats, _ = theirs(**sorted_batch(batch))
    torch.testing.assert_close(sum(output.losses.values()), loss[0])
    assert output.stats["l1_loss"] == pytest.approx(stats["l1_loss"].item())
    assert 0 < output.stats["focus_rate"] <= 1


def test_taps_come_back_in_the_order_of_the_batch(both, batch):
    ours, _ = both
    batch = tacotron_batch(batch)
    batch["text"][torch.arange(6)[None] >= batch["text_lengths"][:, None]] = 0
    whole = ours(**batch).taps
    for index in range(4):
        tokens, frames = int(batch["text_lengths"][index]) + 1, int(batch["feats_lengths"][index])
        one = {key: value[index : index + 1] for key, value in batch.items()}
        one["text"], one["feats"] = one["text"][:, : tokens - 1], one["feats"][:, :frames]
        alone = ours(**one).taps
        torch.testing.assert_close(
            whole["encoder"].values[index, :tokens], alone["encoder"].values[0], atol=1e-5, rtol=1e-4
        )
        torch.testing.assert_close(whole["mel"].real[index, : frames // 2 * 2], alone["mel"].real[0])
        assert whole["mel"].lengths[index] == frames // 2 * 2


def test_style_is_added_behind_the_encoder(both, batch):
    ours, _ = both
    batch, style = tacotron_batch(batch), torch.randn(4, 8)
    taps = ours(**batch, style=style).taps
    speaker = ours.sid_emb(batch["sids"].view(-1))
    torch.testing.assert_close(taps["speaker"].values, speaker)
    valid = torch.arange(7)[None] <= batch["text_lengths"][:, None]
    added = (taps["shared"].values - taps["encoder"].values)[valid]
    expected = (style + speaker).unsqueeze(1).expand(-1, 7, -1)[valid]
    torch.testing.assert_close(added, expected, rtol=1e-4, atol=1e-5)


def test_an_espnet_checkpoint_loads_with_init_param(both, tmp_path, make_model):
    _, theirs = both
    torch.save({f"tts.{key}": value for key, value in theirs.state_dict().items()}, tmp_path / "espnet.pth")
    model = make_model(tts="tacotron2", tts_conf=dict(TINY_TACOTRON))
    before = model.style.table.clone()
    load_pretrained_model(f"{tmp_path}/espnet.pth", model, ignore_init_mismatch=False)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(model.tts.state_dict()[name], value)
    assert torch.equal(model.style.table, before)


def test_a_multi_task_model_trains_and_speaks(make_model, batch):
    model = make_model(tts="tacotron2", tts_conf=dict(TINY_TACOTRON))
    inputs = {key: value for key, value in batch.items() if not key.startswith(("durations", "pitch", "energy"))}
    loss, stats, _ = model(**inputs)
    loss.backward()
    assert {"emotion_loss", "emotion_mel_loss", "speaker_mel_loss", "focus_rate"} <= set(stats)
    assert model.style.table.grad.abs().sum() > 0
    output = model.eval().inference(
        batch["text"][0], sids=torch.tensor([0]), maxlenratio=3.0, use_teacher_forcing=False
    )
    assert output["duration"].sum() == len(output["feat_gen"])
    assert len(output["duration"]) == len(batch["text"][0]) + 1
    assert "pitch_denorm" not in output


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
