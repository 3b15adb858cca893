import copy
import gc
import math
import weakref

import pytest
import torch
from tiny_backbones import batch_for, take_turn, with_backbone

from espnet_mtl.registry import BACKBONES

TASKS = {"tts", "emotion", "emotion_mel", "speaker_mel"}


def test_the_loss_is_the_weighted_sum_of_the_tasks(make_model, batch):
    loss, stats, weight = make_model()(**batch)
    total = sum(stats[f"{task}_weight"] * stats[f"{task}_loss"] for task in TASKS)
    torch.testing.assert_close(loss[0], total[0].float(), rtol=1e-5, atol=1e-5)
    assert weight.item() == 4
    assert {"emotion_acc", "emotion_mel_acc", "emotion_mel_real_acc", "speaker_mel_acc"} <= set(stats)


def test_the_loss_may_be_divided_in_place(make_model, batch):
    """ESPnet's Trainer does so."""
    loss, _, _ = make_model()(**batch)
    loss /= 2
    loss.backward()


def test_single_task_has_the_loss_of_the_backbone_only(make_model, batch):
    loss, stats, _ = make_model(tasks={"tts": {"weight": 1.0}}, style_conf={"reference": False})(**batch)
    torch.testing.assert_close(loss, stats["tts_loss"].float())


def test_every_parameter_is_trained(make_model, batch):
    model = make_model()
    loss, _, _ = model(**batch)
    loss.backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_the_batch_is_left_as_it_was(make_model, batch):
    copy = {key: value.clone() for key, value in batch.items()}
    make_model()(**batch)
    for key, value in copy.items():
        torch.testing.assert_close(batch[key], value, equal_nan=True)


def test_a_waveform_gives_what_its_features_give(make_model, batch):
    model = make_model().eval()
    hop = 256
    wav = torch.randn(1, 20 * hop) * 0.1
    lengths = torch.tensor([20 * hop])
    feats, frames = model.feats_extract(wav, lengths)
    durations = torch.tensor([[3, 3, 3, 3, 3, 3, 3]])
    one = {key: batch[key][:1] for key in ("text", "text_lengths", "sids", "emotion")}
    one.update(durations=durations, durations_lengths=torch.tensor([7]))
    tokens = {"feats_lengths": frames, "durations": durations, "durations_lengths": torch.tensor([7])}
    pitch, _ = model.pitch_extract(wav, lengths, **tokens)
    energy, _ = model.energy_extract(wav, lengths, **tokens)
    given = {
        "pitch": pitch,
        "energy": energy,
        "pitch_lengths": torch.tensor([7]),
        "energy_lengths": torch.tensor([7]),
    }
    precomputed, _, _ = model(**one, **given, speech=feats, speech_lengths=frames)
    from_wav, _, _ = model(**one, speech=wav, speech_lengths=lengths)
    torch.testing.assert_close(from_wav, precomputed)


@pytest.mark.parametrize("share", ["some", "all", "no file"])
def test_missing_emotions_are_masked(make_model, batch, share):
    if share == "no file":
        del batch["emotion"]
    else:
        batch["emotion"][slice(None) if share == "all" else slice(2)] = -1.0
    loss, stats, _ = make_model()(**batch)
    assert math.isfinite(loss.item())
    assert (stats["emotion_loss"].item() == 0) == (share != "some")


def test_heads_wait_for_their_start(make_model, batch):
    model = make_model()

    class Early:
        fraction = 0.1

    model.multitask.progress = Early()
    _, stats, _ = model(**batch)
    assert "emotion_mel_judged_loss" not in stats
    assert "emotion_mel_real_loss" in stats


def test_inference_denormalizes_pitch_and_mixes_styles(make_model):
    model = make_model().eval()
    text, options = (
        torch.tensor([2, 3, 4]),
        {"sids": torch.tensor([0]), "use_teacher_forcing": False, "alpha": 1.0},
    )
    happy = model.inference(text, weights=torch.tensor([1.0, 0, 0]), **options)
    sad = model.inference(text, weights=torch.tensor([0, 0, 1.0]), **options)
    assert not torch.allclose(happy["pitch"], sad["pitch"])
    mean, std = model.pitch_normalize.mean.float(), model.pitch_normalize.std.float()
    torch.testing.assert_close(happy["pitch_denorm"], happy["pitch"] * std + mean)
    assert happy["feat_gen_denorm"].shape[1] == 80


def test_bfloat16_autocast_trains(make_model, batch):
    model = make_model()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _, _ = model(**batch)
    loss.backward()
    assert math.isfinite(loss.item())
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_the_gradient_of_the_spectrogram_loss_is_combined_with_the_heads(make_model, batch):
    head = {"head": "classifier", "label": "emotion", "channels": 4}
    tasks = {"tts": {"weight": 1.0}, "mel": {**head, "tap": "mel", "weight": 0.7}}
    model = make_model(tasks=tasks, style_conf={"reference": False})
    found = {}
    model.weighting.observe_gradients = lambda tap, tasks, gramian: found.update({tap: (tasks, gramian)})
    model(**batch)[0].backward()
    tasks, gramian = found["mel"]
    assert tasks == ("tts", "mel")
    # the mean absolute error of n elements, twice in ESPnet's loss with a postnet, has a gradient of norm 1 / sqrt(n)
    measured = model.multitask.grad_stats["mel"]
    norm = measured.gramian.diagonal()[0].sqrt()
    elements = float(batch["speech_lengths"].sum() * 80)
    assert float(norm) == pytest.approx(elements**-0.5, rel=0.01)
    assert measured.weights.tolist() == [1, 1]
    assert gramian is measured.gramian


def test_the_parts_of_the_loss_are_combined_at_the_encoder(make_model, batch):
    model = make_model(tasks={"tts": {"weight": 1.0, "split": {"pitch": 0.5}}}, style_conf={"reference": False})
    assert model.weighting.preferences == {"tts_mel": 1, "tts_duration": 1, "tts_pitch": 0.5, "tts_energy": 1}
    torch.manual_seed(1)
    model(**batch)[0].backward()
    _, stats, _ = model(**batch)
    norms = {task: float(stats[f"shared_{task}_norm"]) for task in model.weighting.preferences}
    assert min(norms.values()) > 0
    model.weighting.preferences["tts_pitch"] = 1.0
    torch.manual_seed(1)
    model(**batch)[0].backward()
    _, stats, _ = model(**batch)
    assert float(stats["shared_tts_pitch_norm"]) == pytest.approx(2 * norms["tts_pitch"], rel=1e-4)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_text_suggests_a_style(make_model, batch, backbone):
    head = {"head": "classifier", "tap": "encoder", "label": "emotion", "channels": 4, "dropout": 0.0, "weight": 5.0}
    tasks = {"tts": {}, "no": {**head, "reversed": True, "weight": 0.0}, "text": head}
    model = make_model(tasks=tasks, **with_backbone(backbone))
    assert model.text_predictor is model.heads["text"]
    batch = batch_for(backbone, batch)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        take_turn(model, batch)[0].backward()
        optimizer.step()
    model.eval()
    rows = zip(batch["text"], batch["text_lengths"], strict=True)
    predicted = [model.predict_style(text[:length]) for text, length in rows]
    assert [int(weights.argmax()) for weights in predicted] == batch["emotion"].argmax(-1).tolist()
    torch.testing.assert_close(torch.stack(predicted).sum(-1), torch.ones(4))


def test_independence_from_the_text_suggests_nothing(make_model):
    head = {"head": "independence", "tap": "encoder", "label": "emotion"}
    assert make_model(tasks={"tts": {}, "free": head}).text_predictor is None


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_trained_model_can_be_let_go(make_model, batch, backbone):
    model = make_model(**with_backbone(backbone))
    take_turn(model, batch_for(backbone, batch))[0].backward()
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_without_such_a_head_it_suggests_none(make_model):
    assert make_model().text_predictor is None


def test_a_copy_trains_its_own_heads(make_model, batch):
    model = make_model()
    twin = copy.deepcopy(model)
    assert twin.multitask.heads["emotion_mel"] is twin.heads["emotion_mel"]
    assert twin.multitask.weighting is twin.weighting
    twin(**batch)[0].backward()
    assert any(parameter.grad.abs().sum() > 0 for parameter in twin.heads.parameters())
    assert all(parameter.grad is None for parameter in model.parameters())
