"""Models that were packed on ESPnet 202511 still load, and say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from espnet_mtl.inference import Text2Speech
from espnet_mtl.model.checkpoint import load_state
from espnet_mtl.zoo.archive import resolve

FIXTURES = Path(__file__).parents[1] / "fixtures"
NO_END = {"maxlenratio": 2.0, "threshold": 1.0}
"""Tacotron2 goes on to the longest speech: 2 frames a token."""


def shapes(state, but):
    assert but in state
    return {name: value.shape for name, value in state.items() if name != but}


@pytest.mark.parametrize(
    ("backbone", "options", "frames", "mean", "std"),
    [("fastspeech2", {}, 221, 0.0043878, 0.4130892), ("tacotron2", NO_END, 18, -0.0142994, 0.8050238)],
)
def test_loads_and_speaks_as_then(backbone: str, options: dict, frames: int, mean: float, std: float, tmp_path: Path):
    archive = FIXTURES / f"espnet_202511_{backbone}.zip"
    tts = Text2Speech(**resolve(archive, tmp_path))
    state = load_state(resolve(archive, tmp_path)["model_file"])
    # The weighting's count of steps was a tensor of its own then
    assert shapes(tts.model.state_dict(), but="weighting._extra_state") == shapes(state, but="weighting.steps")
    torch.manual_seed(0)  # the prenet of Tacotron2 drops out when it speaks, too
    mel = tts("good morning", speaker="m1", emotion="sad", vocode=False, decode_conf=options)["feat_gen"]
    assert mel.shape == (frames, 80)
    assert [mel.mean().item(), mel.std().item()] == pytest.approx([mean, std], abs=1e-4)
