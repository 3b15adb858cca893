"""What a training step makes a GPU wait for, counted on the CPU: this package makes one copy, and one a junction."""

import argparse

import pytest
import torch
from host_reads import HostReads, by_package, reads_of_a_step
from tiny_backbones import batch_for, with_backbone

from espnet_mtl.registry import BACKBONES, WEIGHTINGS
from espnet_mtl.tasks.tts import training_task

HEAD = {"head": "classifier", "label": "emotion", "channels": 4}
OPTIMIZERS = {"optim": "adam", "optim_conf": {}, "optim2": "adam", "optim2_conf": {}}


def tasks_of(backbone):
    """Every kind of head, with all that acts in training: caps, ramps, reversal, windows, feature matching, context."""
    taps = BACKBONES.spec(backbone).taps
    tasks = {f"at_{tap}": {**HEAD, "tap": tap, "grad_cap": 0.1, "ramp": 0.5} for tap in taps}
    tasks["voice"] = {**HEAD, "tap": "shared", "label": "speaker", "reversed": True}
    tasks["game"] = {"head": "discriminator", "tap": "mel", "label": "emotion", "window": 4, "fm": 1.0}
    if "prosody" in taps:
        tasks["prosody_game"] = {"head": "discriminator", "tap": "prosody", "label": "emotion", "context": True}
    if "pitch" in BACKBONES.spec(backbone).ranges:
        tasks["pitch_range"] = {"head": "regressor", "tap": "shared", "label": "pitch_range"}
    tasks["match"] = {"head": "matching", "tap": "visual", "label": "emotion"}
    tasks["independent"] = {"head": "independence", "tap": "shared", "label": "speaker"}
    return {**tasks, "tts": {"weight": 1.0, "split": True}}


@pytest.fixture
def step_of(make_args, batch):
    """Makes a function that trains a tiny model with every head, and counts; returns the count and the model."""

    def step(backbone, weighting):
        task = training_task(backbone)
        style = {"channels": 8, "hard": True, "visual": {"channels": 4}}
        tiny = make_args(
            tasks=tasks_of(backbone),
            style_conf=style,
            weighting=weighting,
            num_iters_per_epoch=4,
            max_epoch=1,
            **with_backbone(backbone),
        )
        args = argparse.Namespace(**{**vars(task.get_parser().parse_args([])), **vars(tiny), **OPTIMIZERS})
        torch.manual_seed(0)
        model = task.build_model(args)
        return reads_of_a_step(task, model, args, batch_for(backbone, batch)), model

    return step


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_a_step_reads_once_and_where_gradients_are_combined_once_a_junction(step_of, weighting):
    places, model = step_of("fastspeech2", weighting)
    ours = by_package(places, "espnet_mtl")
    junctions = len(model.multitask.junction_tasks()) if model.weighting.combines else 0
    assert junctions in (0, 7)
    assert sum(ours.values()) == 1 + junctions, ours


def test_what_the_reporter_reads_is_on_the_host(step_of):
    """A norm and a learning rate are ESPnet's own: of fifty figures each would else be read by itself."""
    places, _ = step_of("fastspeech2", "uw")
    assert sum(count for place, count in places.items() if place.startswith("espnet2/train/reporter.py")) <= 2


@pytest.mark.parametrize(("backbone", "turns"), [("tacotron2", 1), ("jets", 2)])
def test_other_backbones_read_once_a_turn(step_of, backbone, turns):
    ours = by_package(step_of(backbone, "uw")[0], "espnet_mtl")
    assert sum(ours.values()) == turns, ours


VALUES = torch.arange(4)
READS = {
    "item": lambda: VALUES.sum().item(),
    "condition": lambda: 1 if VALUES.any() else 2,
    "list": lambda: VALUES.tolist(),
    "copy": lambda: VALUES.cpu(),
    "size": lambda: VALUES[VALUES > 1],
    "slice": lambda: VALUES[: VALUES.max()],
    "nonzero": lambda: VALUES.nonzero(),
    "repeats": lambda: VALUES.repeat_interleave(VALUES),
    "index": lambda: VALUES[[0, 2]],
    "upload": lambda: torch.tensor([1, 2], device=VALUES.device),
    "similar": lambda: VALUES.new_tensor([1, 2]),
}
FREE = {
    "arithmetic": lambda: torch.where(VALUES > 1, VALUES, 0).sum(),
    "indices": lambda: VALUES[VALUES.argsort()],
    "host": lambda: torch.tensor([1, 2])[0].item(),
    "written": lambda: VALUES.clone().__setitem__(0, 1),
    "classes": lambda: torch.nn.functional.one_hot(VALUES, 4),
}


@pytest.mark.parametrize("name", READS)
def test_each_kind_of_read_is_seen(name):
    with HostReads() as reads:
        READS[name]()
    assert reads.places.total() == 1, reads.places


@pytest.mark.parametrize("name", FREE)
def test_what_needs_no_host_does_not_count(name):
    with HostReads() as reads:
        FREE[name]()
    assert not reads.places


def test_a_copy_is_read_for_nothing():
    with HostReads() as reads:
        copy = VALUES.cpu()
        assert (copy + 1).sum().item() == 10
    assert reads.places.total() == 1


def test_reads_in_hooks_of_the_backward_pass_are_seen():
    values = torch.ones(2, requires_grad=True)
    with HostReads() as reads:
        product = 2 * values
        product.register_hook(lambda gradient: gradient * len(gradient.tolist()))
        product.sum().backward()
    assert reads.places.total() == 1
