"""Speaking in batches with the neural vocoder: how many times as fast as real time."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import torch
from inference_speed import SENTENCES, untrained_speaker

from tools.gpu.setting import Setting


class InHalf(torch.nn.Module):
    """Layers that compute in bfloat16, between others that do not: Fourier transforms need single precision.

    Args:
        layers: The layers.
        device: Where they are.
    """

    def __init__(self, layers: torch.nn.Module, device: str):
        super().__init__()
        self.layers, self.device = layers, device

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        with torch.autocast(self.device, dtype=torch.bfloat16):
            return self.layers(values).float()


def benchmark_speaking(setting: Setting, directory: Path) -> dict[str, float]:
    """Measures seconds of speech a second: of spectrograms, and of sound, the vocoder's networks in bfloat16."""
    tts = untrained_speaker(setting.args("fixed"), directory, setting.device)
    vocoder = tts.vocoder.network
    vocoder.filter, vocoder.source = (InHalf(layers, setting.device) for layers in (vocoder.filter, vocoder.source))
    count = 4 if setting.small else 128
    texts = (list(SENTENCES) * (count // len(SENTENCES) + 1))[:count]

    def sound() -> Any:
        return [tts.vocoder(one["feat_gen_denorm"], one["log_f0"]) for one in spectrograms]

    from espnet_mtl.inference.pytorch.vocoding import contour_of

    spectrograms = tts.batch(texts, batch_size=count, vocode=False)
    for one in spectrograms:
        one["log_f0"] = contour_of(one)
    seconds = sum(len(one["feat_gen"]) for one in spectrograms) * tts.frame
    network_s = median_seconds(setting, lambda: tts.batch(texts, batch_size=count, vocode=False))
    vocoder_s = median_seconds(setting, sound)
    return {
        "batch": count,
        "spectrogram_times_real_time": seconds / network_s,
        "vocoder_bf16_times_real_time": seconds / vocoder_s,
        "sound_times_real_time": seconds / (network_s + vocoder_s),
    }


def median_seconds(setting: Setting, run: Any) -> float:
    """Runs something once, and then as often as there are rounds; returns the median of the seconds."""
    run()
    found = []
    for _ in range(setting.rounds):
        setting.wait()
        begin = time.perf_counter()
        run()
        setting.wait()
        found.append(time.perf_counter() - begin)
    return statistics.median(found)
