"""Mixed precision: what overflows or rounds in half precision, scaled losses, and ESPnet's `--use_amp true`.

ESPnet's Trainer knows mixed precision on GPUs only. Here it gets that of the CPU, with the scaler of losses.
"""

import copy
import math
import re
import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from espnet2.train import trainer
from tiny_backbones import TINY
from tiny_network import TASKS, Network, data
from tiny_stages import FULL, TRAINABLE, run_stage, write_data
from torch.amp import GradScaler

from espnet_mtl.model.backbones.durations import DurationLoss
from espnet_mtl.model.gradients import GradientCap
from espnet_mtl.model.heads.discriminator import Reading
from espnet_mtl.model.heads.matching import Matching
from espnet_mtl.model.layers import ConvPool, masked_mean
from espnet_mtl.model.taps import Tap
from espnet_mtl.registry import WEIGHTINGS

LARGE = Path(__file__).parents[2] / "egs2/mtl_tts/conf/tuning/train_fastspeech2_large.yaml"
LARGEST = 2.0**100
"""AMP's scale after 170,000 steps without an overflow in bfloat16: squares of such gradients are none of float32."""
PREFERENCES = dict(zip(TASKS[:3], (1.0, 0.5, 0.3), strict=True))


def network(name):
    return Network(WEIGHTINGS.load(name)(PREFERENCES), 3)


def scaled_steps(model, scaler, steps):
    """Trains as ESPnet's Trainer does with mixed precision; says which steps were taken."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    taken = []
    for step in range(steps):
        optimizer.zero_grad()
        loss, _ = model(*data(step))
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1e6)
        scaler.step(optimizer)
        scaler.update()
        taken.append(bool(norm.isfinite()))
    return taken


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_a_scaler_changes_nothing(name):
    plain, scaled = network(name), network(name)
    off, on = GradScaler("cpu", enabled=False), GradScaler("cpu", init_scale=LARGEST)
    assert scaled_steps(plain, off, 4) == scaled_steps(scaled, on, 4) == [True] * 4
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(scaled.state_dict()[key], value, rtol=1e-4, atol=1e-6, msg=key)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_a_step_that_overflows_leaves_no_trace(name):
    """The batch was seen, so its losses and the random draw count; its gradients do not."""
    skipped, forward_only = network(name), network(name)
    scaler = GradScaler("cpu", init_scale=math.inf, backoff_factor=0.5)
    with torch.no_grad():
        forward_only(*data(0))
    before = copy.deepcopy(dict(skipped.named_parameters()))
    optimizer = torch.optim.SGD(skipped.parameters(), lr=0.05)
    scaler.scale(skipped(*data(0))[0]).backward()
    scaler.step(optimizer)
    for key, parameter in skipped.named_parameters():
        torch.testing.assert_close(parameter, before[key], rtol=0, atol=0)
    for key, value in forward_only.state_dict().items():
        torch.testing.assert_close(skipped.state_dict()[key], value, rtol=0, atol=0, msg=key)
    assert scaled_steps(skipped, GradScaler("cpu", init_scale=4.0), 3) == [True] * 3
    assert all(value.isfinite().all() for value in skipped.state_dict().values())


def test_a_cap_holds_under_the_largest_scale():
    values = torch.full((4,), 1.0, requires_grad=True)
    cap = GradientCap(0.5)
    (cap.close(cap.open(values).square().sum()) * LARGEST).backward()
    torch.testing.assert_close(values.grad / LARGEST, torch.full((4,), 0.25))


def test_sums_over_time_do_not_overflow_in_float16():
    values = torch.full((1, 2000, 4), 300.0, dtype=torch.float16)
    lengths = torch.tensor([2000])
    torch.testing.assert_close(masked_mean(values, lengths), torch.full((1, 4), 300.0, dtype=torch.float16))
    pooled = ConvPool(4, layers=0)(values, lengths)
    assert pooled.dtype == torch.float16
    assert pooled.isfinite().all()


def test_counts_of_steps_are_exact_in_half_precision():
    mask = torch.ones(70, 1001, dtype=torch.bfloat16)
    assert Reading(mask, mask, [], mask).mean(torch.ones(70, 1001)) == 1


def test_durations_are_exact_in_half_precision():
    outputs, targets = torch.randn(9).bfloat16(), torch.randint(1, 200, (9,))
    assert torch.equal(DurationLoss()(outputs, targets), DurationLoss()(outputs.float(), targets))


def test_cosines_are_exact_in_half_precision():
    generator = torch.Generator().manual_seed(0)
    faces, voices = (torch.randn(16, 8, generator=generator) for _ in range(2))
    head = Matching(8, 3, label="emotion", tap="visual", temperature=0.01)
    tap, emotions = Tap(faces, partner=Tap(voices)), torch.full((16,), -1)
    expected, _ = head.loss(tap, emotions, progress=1.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, _ = head.loss(tap, emotions, progress=1.0)
    assert torch.equal(found, expected)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A directory in which stages 2 to 4 have run."""
    path = tmp_path_factory.mktemp("mixed")
    write_data(path / "data", FULL)
    for stage in (2, 3, 4):
        run_stage(stage, path, base=TRAINABLE)
    return path


def train(work, change, options):
    """Trains anew, and returns the log."""
    shutil.rmtree(work / "exp/model", ignore_errors=True)
    run_stage(5, work, change, base=TRAINABLE, arguments=["--vocoder", "steps=0", *options])
    return (work / "exp/model/train.log").read_text()


@pytest.fixture
def dtypes(monkeypatch):
    """Gives ESPnet's Trainer mixed precision on the CPU; notes in which the network computes."""
    found = set()

    def autocast(device, enabled, **_):
        found.add(torch.bfloat16 if enabled else torch.float32)
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled)

    monkeypatch.setattr(trainer, "autocast", autocast)
    monkeypatch.setattr(trainer, "GradScaler", partial(GradScaler, "cpu"))
    return found


@pytest.mark.parametrize("weighting", ["uw", "pcgrad", "gradnorm"])
def test_espnet_trains_with_mixed_precision(work, dtypes, weighting):
    losses = {}
    for use_amp in ("false", "true"):
        # With a larger rate, what is rounded decides where the training goes
        log = train(work, {"weighting": weighting, "optim_conf": {"lr": 0.002}}, ["--use_amp", use_amp])
        losses[use_amp] = [float(loss) for loss in re.findall(r":train:.*? tts_loss=([\d.]+)", log)][-1]
        assert ("loss_scale=6.554e+04" in log) == (use_amp == "true")
        assert "grad norm is" not in log  # no step was skipped
    assert dtypes == {torch.bfloat16, torch.float32}
    assert losses["true"] == pytest.approx(losses["false"], rel=0.03)


def test_the_large_recipe_trains(tmp_path, dtypes):
    """With its batches and its mixed precision, and a tiny network."""
    tiny = {"tts_conf": TINY["fastspeech2"], "vocoder": {"steps": 0}, "num_workers": 0, "language": "en-us"}
    few = {"num_iters_per_epoch": 2, "max_epoch": 1, "log_interval": 1, "scheduler_conf": {"first_cycle_steps": 5000}}
    recipe = {"base": str(LARGE), **tiny, **few}
    write_data(tmp_path / "data", FULL)
    for stage in (2, 3, 4, 5):
        run_stage(stage, tmp_path, base=recipe)
    log = (tmp_path / "exp/model/train.log").read_text()
    assert "NumElementsBatchSampler" in log
    assert torch.bfloat16 in dtypes
