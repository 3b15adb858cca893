"""`tools/benchmark.py inference`: how fast speech is made, against ESPnet's own network with Griffin-Lim."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import yaml

if TYPE_CHECKING:
    from argparse import Namespace

SENTENCES = (
    "The children went to the market on Sunday morning.",
    "They bought apples, bread and a little cheese.",
    "On the way home it began to rain.",
    "Nobody had thought of an umbrella that day.",
    "So they waited under the old bridge for an hour.",
    "A boat came by, and its captain waved at them.",
    "He asked whether they wanted to come along.",
    "The youngest one said yes before anybody could answer.",
    "They reached the harbour when the lamps were lit.",
    "It was the best evening of the whole summer.",
)
FRAMES = 5
"""Of each token: so long are those of the demo on average."""


def benchmark_inference(build_args: Callable[[Path], Namespace], rounds: int, size: int, threads: int) -> None:
    """Prints how long each way takes, and how many times as fast it is as ESPnet's: medians of rounds taken in turn.

    Args:
        build_args: Makes the arguments of the shipped configuration, with statistics in this directory.
        rounds: Times that each way runs.
        size: Texts of a batch.
        threads: Threads of PyTorch, and of onnxruntime.
    """
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as directory:
        ways = build_ways(build_args, Path(directory), size, threads)
        seconds = {name: [] for name in ways}  # type: dict[str, list[float]]
        for run in ways.values():
            run()
        for _ in range(rounds):
            for name, run in ways.items():
                seconds[name].append(run())
    print(f"{rounds} rounds, {threads} thread(s), {os.cpu_count()} cores, torch {torch.__version__}; ms a sentence")
    for name, own in seconds.items():
        base = seconds["ESPnet, spectrogram" if name.endswith("spectrogram") else "ESPnet, sound"]
        ratios = [one / other for one, other in zip(base, own, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(f"{name:34} {1000 * statistics.median(own):7.1f} {middle:6.2f} x ({low:.2f} to {high:.2f})")
    first, whole = (statistics.median(seconds[f"{what}, sound"]) for what in ("first sentence of ten", "ten sentences"))
    print(f"first sound of a text of ten sentences: 1 / {10 * whole / first:.1f} of the whole")


def untrained_speaker(args: Namespace, directory: Path, device: str = "cpu") -> Any:
    """Builds a model without training, each of whose tokens takes some frames, and loads it to speak.

    Args:
        args: ESPnet's arguments; they get the tokens of `SENTENCES`.
        directory: Where `config.yaml` and `model.pth` go.
        device: Where it speaks.
    """
    from espnet_mtl.inference.text2speech import Text2Speech
    from espnet_mtl.tasks.tts import MTLTTSTask
    from espnet_mtl.text.espeak import phonemize

    phones = {phone for sentence in SENTENCES for phone in phonemize(sentence, "en-us", punctuation=True)}
    args.token_list = ["<blank>", "<unk>", *sorted(phones), "<sos/eos>"]
    args.use_preprocessor = True
    model = MTLTTSTask.build_model(args)
    even_durations(model.tts)
    config = {key: value for key, value in vars(args).items() if isinstance(value, (str, int, float, list, dict, bool))}
    (directory / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    torch.save(model.state_dict(), directory / "model.pth")
    return Text2Speech(directory / "config.yaml", directory / "model.pth", device=device)


def build_ways(
    build_args: Callable[[Path], Namespace], directory: Path, size: int, threads: int
) -> dict[str, Callable[[], float]]:
    """Builds what is timed: functions that return the seconds of one sentence, in the mean over ten or a batch."""
    from espnet_mtl.onnx.export import export_model
    from espnet_mtl.onnx.text2speech import Text2Speech as OnnxText2Speech

    args = build_args(directory)
    tts = untrained_speaker(args, directory)
    export_model(tts, directory / "onnx")
    onnx = OnnxText2Speech(directory / "config.yaml", threads=threads)
    # All are kept in memory: the directory is gone when they are timed
    shutil.rmtree(directory / "onnx")
    espnet, vocoder = espnet_parts(args)
    ids = [tts.reader.token_ids(sentence, "en-us") for sentence in SENTENCES]
    texts = list(SENTENCES) * (size // len(SENTENCES) + 1)
    speaker = torch.zeros(1, dtype=torch.long)

    def espnet_mel(tokens: Any) -> torch.Tensor:
        output = espnet.inference(torch.from_numpy(tokens), sids=speaker, use_teacher_forcing=False)
        return output["feat_gen_denorm"]

    text = " ".join(SENTENCES)
    return {
        "ESPnet, spectrogram": over(ids, espnet_mel),
        "PyTorch, spectrogram": over(SENTENCES, lambda text: tts(text, vocode=False)),
        f"batches of {size}, spectrogram": at_once(
            size, lambda: tts.batch(texts[:size], batch_size=size, vocode=False)
        ),
        "ONNX, spectrogram": over(SENTENCES, lambda text: onnx(text, vocode=False)),
        "ESPnet, sound": over(ids, lambda tokens: vocoder(espnet_mel(tokens))),
        "PyTorch, sound": over(SENTENCES, tts),
        "ONNX, sound": over(SENTENCES, onnx),
        "first sentence of ten, sound": at_once(1, lambda: next(tts.stream(text))),
        "ten sentences, sound": at_once(len(SENTENCES), lambda: list(tts.stream(text))),
    }


def espnet_parts(args: Namespace) -> tuple[Any, Any]:
    """Builds ESPnet's own model, of the same sizes and durations, and its Griffin-Lim with 32 iterations."""
    from espnet2.tts.espnet_model import ESPnetTTSModel
    from espnet2.tts.fastspeech2.fastspeech2 import FastSpeech2
    from espnet2.utils.griffin_lim import Spectrogram2Waveform

    from espnet_mtl.tasks.tts import build_espnet_parts

    parts = build_espnet_parts(args)
    network = FastSpeech2(idim=len(args.token_list), odim=80, **args.tts_conf)
    even_durations(network)
    model = ESPnetTTSModel(tts=network, **parts).eval()
    return model, Spectrogram2Waveform(griffin_lim_iters=32, **parts["feats_extract"].get_parameters())


def even_durations(network: Any) -> None:
    """Makes a network without training predict speech: so many frames for each token."""
    torch.nn.init.zeros_(network.duration_predictor.linear.weight)
    torch.nn.init.constant_(network.duration_predictor.linear.bias, torch.tensor(FRAMES + 1.0).log().item())


def over(items: Any, run: Callable[[Any], Any]) -> Callable[[], float]:
    """Returns a function that runs on one item after the other, and tells the seconds of one."""

    def timed() -> float:
        with torch.no_grad():
            begin = time.perf_counter()
            for item in items:
                run(item)
            return (time.perf_counter() - begin) / len(items)

    return timed


def at_once(count: int, run: Callable[[], Any]) -> Callable[[], float]:
    """Returns a function that runs on `count` items, and tells the seconds of one."""

    def timed() -> float:
        begin = time.perf_counter()
        run()
        return (time.perf_counter() - begin) / count

    return timed
