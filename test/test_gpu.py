"""What only a GPU can show; tools/gpu_checks.sh runs it there."""

import copy
import re
import warnings

import pytest
import torch
from tiny_backbones import batch_for, take_turn, with_backbone
from tiny_network import TASKS, Network, data
from tiny_stages import FULL, TRAINABLE, run_stage, write_data

from espnet_mtl.registry import BACKBONES, WEIGHTINGS

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
PREFERENCES = dict(zip(TASKS[:3], (1.0, 0.5, 0.3), strict=True))


def steps_on(device, name, steps=4):
    """Trains a network whose tasks are weighed; returns its state on the CPU."""
    model = Network(WEIGHTINGS.load(name)(PREFERENCES), 3).to(device)
    for step in range(steps):
        model.zero_grad()
        model(*(part.to(device) for part in data(step)))[0].backward()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter -= 0.05 * parameter.grad
    return {key: value.cpu() for key, value in model.state_dict().items()}


@pytest.mark.parametrize("name", [name for name in WEIGHTINGS if not WEIGHTINGS.load(name).random])
def test_a_gpu_learns_what_a_cpu_learns(name):
    on_cpu = steps_on("cpu", name)
    for key, value in steps_on("cuda", name).items():
        torch.testing.assert_close(value, on_cpu[key], rtol=1e-3, atol=1e-4, msg=key)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_a_weighting_waits_for_the_gpu_only_where_it_combines_gradients(name):
    model = Network(WEIGHTINGS.load(name)(PREFERENCES), 3).cuda()
    batches = [[part.cuda() for part in data(step)] for step in range(3)]
    for batch in batches[:2]:  # constants are copied once
        model(*batch)[0].backward()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        model(*batches[2])[0].backward()
        torch.cuda.set_sync_debug_mode("default")
    waits = [str(one.message) for one in caught if "synchronizing" in str(one.message)]
    assert len(waits) == int(model.weighting.combines), waits


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_mixed_precision_is_within_noise_of_single(make_model, batch, backbone, dtype, monkeypatch):
    monkeypatch.setattr(torch.nn.Dropout, "forward", lambda layer, values: values)
    batch = {name: value.cuda() for name, value in batch_for(backbone, batch).items()}
    losses = []
    for half in (False, True):
        model = make_model(weighting="pcgrad", **with_backbone(backbone)).cuda()
        torch.manual_seed(1)
        with torch.autocast("cuda", dtype=dtype, enabled=half):
            losses.append(take_turn(model, copy.deepcopy(batch))[0])
    losses[1].backward()
    assert losses[1].item() == pytest.approx(losses[0].item(), rel=0.05)
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters() if parameter.grad is not None)


@pytest.mark.parametrize("use_amp", ["false", "true"])
def test_stage_5_trains_on_a_gpu(tmp_path, use_amp):
    write_data(tmp_path / "data", FULL)
    for stage in (2, 3, 4):
        run_stage(stage, tmp_path, base=TRAINABLE)
    options = ["--vocoder", "steps=0", "--ngpu", "1", "--use_amp", use_amp]
    run_stage(5, tmp_path, base=TRAINABLE, arguments=options)
    log = (tmp_path / "exp/model/train.log").read_text()
    losses = [float(loss) for loss in re.findall(r":train:.*? tts_loss=([\d.]+)", log)]
    assert losses[-1] < losses[0]
