"""The multi-task core with a network that is none of ESPnet's."""

import pytest
import torch
from torch import nn

from espnet_mtl.errors import UserError
from espnet_mtl.model.heads.classifier import Classifier
from espnet_mtl.model.heads.regressor import Regressor
from espnet_mtl.model.multitask import MultiTask
from espnet_mtl.model.taps import Tap
from espnet_mtl.registry import WEIGHTINGS

PREFERENCES = {"tts": 1.0, "emotion": 0.5, "rate": 0.2}
LABELS = {"emotion": torch.tensor([[0], [1], [2], [-1]]), "speaking_rate": torch.randn(4, 1)}


class Network(nn.Module):
    """A shared representation, and a spectrogram that is predicted from it."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(5, 6), nn.Linear(6, 3)

    def forward(self, inputs):
        shared = self.encoder(inputs)
        mel = self.decoder(shared)
        taps = {"shared": Tap(shared, torch.full((4,), 7)), "mel": Tap(mel, torch.full((4,), 7), real=mel.detach() + 1)}
        return taps, {"tts": mel.square().mean()}


def build(weighting="fixed", **options):
    torch.manual_seed(0)
    heads = {
        "emotion": Classifier(6, 3, label="emotion", tap="shared", weight=0.5, dropout=0.0, **options),
        "rate": Regressor(3, 1, label="speaking_rate", tap="mel", weight=0.2, dropout=0.0),
    }
    return MultiTask(heads, WEIGHTINGS.load(weighting)(PREFERENCES)), Network()


def inputs():
    return torch.randn(4, 7, 5, generator=torch.Generator().manual_seed(1))


def test_the_loss_is_the_weighted_sum():
    multitask, network = build()
    loss, stats = multitask(*_taps_and_losses(network))
    expected = sum(factor * stats[f"{task}_loss"] for task, factor in PREFERENCES.items())
    torch.testing.assert_close(loss, expected.float())
    torch.testing.assert_close(stats["loss"].float(), loss.detach())
    assert {task: float(stats[f"{task}_weight"]) for task in PREFERENCES} == pytest.approx(PREFERENCES)
    assert {"emotion_acc", "rate_mae", "rate_real_mae", "rate_judged_loss"} <= stats.keys()


def _taps_and_losses(network):
    taps, losses = network(inputs())
    return taps, LABELS, losses


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_figures_of_a_backward_pass_are_reported_with_the_next_batch(weighting):
    multitask, network = build(weighting)
    loss, stats = multitask(*_taps_and_losses(network))
    assert not [name for name in stats if name.endswith("_norm")]
    loss.backward()
    _, stats = multitask(*_taps_and_losses(network))
    for name in ("shared_tts", "shared_emotion", "mel_tts", "mel_rate"):
        assert stats[f"{name}_norm"] > 0
        assert f"{name}_share" in stats
    assert -1 <= stats["shared_tts_emotion_cos"] <= 1
    multitask.weighting.eval()
    _, stats = multitask(*_taps_and_losses(network))
    assert "shared_tts_norm" not in stats


def test_fixed_weights_give_the_gradient_of_the_sum():
    multitask, network = build()
    loss, _ = multitask(*_taps_and_losses(network))
    loss.backward()
    taps, losses = network(inputs())
    total = losses["tts"]
    for name, head in multitask.heads.items():
        total = total + PREFERENCES[name] * head.loss(taps[head.tap], LABELS[head.label], 1.0)[0]
    expected = torch.autograd.grad(total, [*network.parameters()])
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_parts_of_the_tts_loss_come_first_at_the_shared_tap():
    multitask, _ = build()
    multitask.branched_parts = ("pitch",)
    assert multitask.junction_tasks() == {"shared": ["tts_mel", "tts_pitch", "emotion"], "mel": ["tts", "rate"]}


def test_a_loss_that_is_not_a_number_names_its_task():
    multitask, network = build()
    taps, labels, losses = _taps_and_losses(network)
    with pytest.raises(UserError, match=r"tts inf; utterances of this batch: look for"):
        multitask(taps, labels, {"tts": losses["tts"] * torch.inf})


def test_a_capped_task_is_known_to_the_weighting():
    assert build(grad_cap=0.1)[0].weighting.capped == {"emotion"}
