"""JETS through the stages: trained, cut off, resumed, decoded, judged, packed and spoken with."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny_backbones import HOP, TINY
from tiny_stages import HEAD, TRAINABLE, run_stage, write_data

from espnet_mtl.errors import UserError
from espnet_mtl.inference import Text2Speech
from espnet_mtl.model.checkpoint import load_state
from espnet_mtl.training.recordings import check_recordings

ROWS = [(text, speaker, emotion) for text in ("ab", "ba") for speaker, emotion in (("s1", "sad"), ("s2", "neutral"))]
CONFIG = {
    **TRAINABLE,
    "tts": "jets",
    "tts_conf": TINY["jets"],
    "tasks": {
        "tts": {"weight": 0.1},
        "emotion": {**HEAD, "tap": "style", "label": "emotion"},
        "emotion_mel": {**HEAD, "tap": "mel", "label": "emotion", "layers": 0, "channels": 8},
        "speaker_shared": {**HEAD, "tap": "shared", "label": "speaker", "layers": 0, "channels": 8},
    },
    "weighting": "pcgrad",
    "optim_conf": {"lr": 0.001},
    "optim2": "adam",
    "optim2_conf": {"lr": 0.001},
    "max_epoch": 2,
    "num_iters_per_epoch": 3,
    "log_interval": 1,
    "best_model_criterion": [["valid", "generator_g_mel_loss", "min"]],
}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A directory in which stages 1 to 4 have run."""
    path = tmp_path_factory.mktemp("jets")
    write_data(path / "data", {"train": ROWS, "dev": ROWS[:1], "test": ROWS[2:]})
    for stage in (2, 3, 4):
        run_stage(stage, path, base=CONFIG)
    return path


def cut_off(monkeypatch, calls: int) -> None:
    """Ends a training at a call of its model."""
    from espnet_mtl.model.gan import MTLGANTTSModel

    forward, counted = MTLGANTTSModel.forward, []

    def count(*args, **batch):
        counted.append(1)
        if len(counted) > calls:
            raise KeyboardInterrupt
        return forward(*args, **batch)

    monkeypatch.setattr(MTLGANTTSModel, "forward", count)


def test_jets_passes_all_stages(work: Path, monkeypatch):
    exp, whole = work / "exp/model", work / "exp/whole"
    run_stage(5, work, base=CONFIG)
    shutil.move(exp, whole)
    with monkeypatch.context() as patch:
        cut_off(patch, calls=11)  # in the second epoch: 3 steps and a validation take 8
        with pytest.raises(KeyboardInterrupt):
            run_stage(5, work, base=CONFIG)
    assert (exp / "1epoch.pth").is_file()
    assert not (exp / "2epoch.pth").exists()
    run_stage(5, work, base=CONFIG)
    expected, found = load_state(whole / "latest.pth"), load_state(exp / "latest.pth")
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, msg=key)
    log = (exp / "train.log").read_text()
    assert all(
        f"{figure}=" in log for figure in ("discriminator_loss", "emotion_mel_loss", "shared_speaker_shared_norm")
    )

    for stage in (6, 7, 8):
        run_stage(stage, work, base=CONFIG)
    decoded = exp / "decode/test"
    durations = dict(line.split(" ", 1) for line in (decoded / "durations").read_text().splitlines())
    for line in (decoded / "wav.scp").read_text().splitlines():
        utt, wav = line.split()
        assert soundfile.info(wav).frames == HOP * sum(map(int, durations[utt].split()))
    systems = json.loads((decoded / "metrics.json").read_text())["systems"]
    assert {"natural", "model"} <= systems.keys()
    assert "natural vocoded" not in systems

    tts = Text2Speech.from_pretrained(exp / "model.zip")
    tokens = np.array([2, 3, 2])
    call = {"speaker": "s2", "emotion": "sad"}
    plain, weak = tts(tokens, **call), tts(tokens, **call, intensity=0.2)
    slow = tts(tokens, **call, decode_conf={"alpha": 3.0})
    assert tts.fs == 16000
    assert not torch.equal(plain["wav"], weak["wav"])
    assert len(slow["wav"]) > len(plain["wav"])
    assert plain["pitch_denorm"].shape == (4, 1)
    with pytest.raises(UserError, match=r"vocoder_file: jets makes waveforms itself"):
        Text2Speech.from_pretrained(exp / "model.zip", vocoder_file=exp / "config.yaml")


def test_recordings_that_are_not_those_of_the_features_are_named(work):
    check_recordings(work / "dump/raw", {"fs": 16000, "hop_length": HOP})
    with pytest.raises(UserError, match=r"dump/raw/train/wav.scp:1: .* at 16000 Hz, which are not those"):
        check_recordings(work / "dump/raw", {"fs": 22050, "hop_length": HOP})
