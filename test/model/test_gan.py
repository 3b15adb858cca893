"""The turns of generator and discriminator."""

import pytest
import torch
from tiny_backbones import batch_for, with_backbone

from espnet_mtl.tasks.tts import MTLTTSTask, training_task

TASKS = {
    "tts": {"weight": 1.0},
    "emotion": {"head": "classifier", "tap": "style", "label": "emotion"},
    "speaker_shared": {"head": "classifier", "tap": "shared", "label": "speaker"},
    "emotion_mel": {"head": "classifier", "tap": "mel", "label": "emotion"},
    "emotion_prosody": {"head": "classifier", "tap": "prosody", "label": "emotion"},
}


@pytest.fixture
def model(make_model):
    return make_model(**with_backbone("jets"), tasks=TASKS, weighting="pcgrad").train()


@pytest.fixture
def jets_batch(batch):
    return batch_for("jets", batch)


def turns(model, batch, generator_first=False):
    order = (True, False) if generator_first else (False, True)
    return {is_generator: model(forward_generator=is_generator, **batch) for is_generator in order}


def has_gradient(parameters):
    return any(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in parameters)


@pytest.mark.parametrize("generator_first", [False, True])
def test_one_run_of_the_network_serves_both_turns(model, jets_batch, generator_first):
    runs = []
    model.tts.generator.encoder.register_forward_hook(lambda *_: runs.append(1))
    results = turns(model, jets_batch, generator_first)
    assert len(runs) == 1
    assert [results[True]["optim_idx"], results[False]["optim_idx"]] == [0, 1]
    assert results[False]["stats"].keys() >= {"discriminator_loss"}
    turns(model, jets_batch, generator_first)
    assert len(runs) == 2
    model(forward_generator=False, **jets_batch)
    model(forward_generator=True, **{**jets_batch, "speech": jets_batch["speech"].clone()})
    assert len(runs) == 4


def test_each_turn_teaches_its_own_network(model, jets_batch):
    discriminator = list(model.tts.discriminator.parameters())
    results = turns(model, jets_batch)
    results[False]["loss"].backward()
    assert has_gradient(discriminator)
    assert not has_gradient(model.tts.generator.parameters())
    model.zero_grad()
    results[True]["loss"].backward()
    assert not has_gradient(discriminator)
    assert has_gradient(model.tts.generator.parameters())
    assert model.style.table.grad.abs().sum() > 0
    assert all(has_gradient(head.parameters()) for name, head in model.heads.items() if name != "emotion")


def test_gradients_come_together_once_a_step(model, jets_batch):
    model.weighting.combined = []
    combine = model.weighting.combine
    model.weighting.combine = lambda tap, tasks, gramian: (
        model.weighting.combined.append(tap) or combine(tap, tasks, gramian)
    )
    for _ in range(2):
        for result in turns(model, jets_batch).values():
            result["loss"].backward()
    assert sorted(model.weighting.combined) == sorted(2 * ["shared", "prosody", "mel"])
    assert int(model.weighting.steps) == 2


def test_the_optimizers_share_all_parameters_out(model, make_args):
    args = make_args(**with_backbone("jets"), optim2="adam", optim2_conf={"lr": 0.1}, sharded_ddp=False)
    generator, discriminator = training_task("jets").build_optimizers(args, model)
    counts = [sum(len(group["params"]) for group in optimizer.param_groups) for optimizer in (generator, discriminator)]
    assert counts == [
        len(list(model.parameters())) - len(list(model.tts.discriminator.parameters())),
        len(list(model.tts.discriminator.parameters())),
    ]
    assert model.multitask.progress.optimizer is generator


def test_training_aligns_with_espnets_values(make_args, jets_batch):
    """By stage 3's aligner, which is quicker."""
    losses, names = [], []
    for task in (MTLTTSTask, training_task("jets")):
        torch.manual_seed(0)
        model = task.build_model(make_args(**with_backbone("jets"), tasks={"tts": {}})).eval()
        names.append(sorted(model.state_dict()))
        torch.manual_seed(1)
        losses.append(model(**jets_batch)["stats"])
    assert names[0] == names[1]
    for figure in ("generator_align_forwardsum_loss", "generator_align_bin_loss", "generator_g_mel_loss"):
        torch.testing.assert_close(losses[1][figure], losses[0][figure], rtol=1e-4, atol=1e-4, msg=figure)


def test_frames_without_voice_have_mean_pitch(model, jets_batch):
    silence = {**jets_batch, "speech": torch.zeros_like(jets_batch["speech"])}
    features = model.collect_feats(**silence)
    assert torch.equal(features["pitch"], model.pitch_normalize.mean.expand_as(features["pitch"]).float())


def test_utterances_may_be_shorter_than_a_segment(make_model, jets_batch):
    conf = with_backbone("jets")["tts_conf"]
    conf["generator_params"] = {**conf["generator_params"], "segment_size": 40}
    model = make_model(tts="jets", tts_conf=conf, tasks=TASKS)
    assert jets_batch["speech"].size(1) < 40 * 256
    for result in turns(model, jets_batch).values():
        assert result["loss"].isfinite().all()


def test_speed_stretches_the_durations(model, batch):
    text = batch["text"][0]
    torch.nn.init.constant_(model.tts.generator.duration_predictor.linear.bias, 1.5)
    plain, slow = (
        model.eval().inference(text, sids=torch.tensor([0]), use_teacher_forcing=False, alpha=alpha)
        for alpha in (1.0, 2.0)
    )
    assert torch.equal(slow["duration"], 2 * plain["duration"])
    assert len(slow["wav"]) == 2 * len(plain["wav"])


def test_teacher_forcing_takes_pitch_and_durations_of_speech(model, jets_batch):
    speech = jets_batch["speech"][0, : jets_batch["speech_lengths"][0]]
    output = model.eval().inference(
        jets_batch["text"][0], sids=torch.tensor([0]), speech=speech, use_teacher_forcing=True
    )
    assert int(output["duration"].sum()) == 1 + len(speech) // 256
