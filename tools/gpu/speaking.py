"""Speaking in batches with the neural vocoder: how many times as fast as real time."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import torch
import yaml
from inference_speed import SENTENCES, even_durations

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
    tts = speaker(setting, directory)
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


def speaker(setting: Setting, directory: Path) -> Any:
    """Builds a model without training, each of whose tokens takes some frames, and loads it to speak."""
    from espnet_mtl.inference.text2speech import Text2Speech
    from espnet_mtl.tasks.tts import MTLTTSTask
    from espnet_mtl.text.espeak import phonemize

    args = setting.args("fixed")
    phones = {phone for sentence in SENTENCES for phone in phonemize(sentence, "en-us", punctuation=True)}
    args.token_list = ["<blank>", "<unk>", *sorted(phones), "<sos/eos>"]
    args.use_preprocessor = True
    model = MTLTTSTask.build_model(args)
    even_durations(model.tts)
    config = {key: value for key, value in vars(args).items() if isinstance(value, (str, int, float, list, dict, bool))}
    (directory / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    torch.save(model.state_dict(), directory / "model.pth")
    return Text2Speech(directory / "config.yaml", directory / "model.pth", device=setting.device)


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
