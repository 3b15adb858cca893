"""What is measured on: a device, sizes, and the models that are compared."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import torch

WEIGHTINGS = {"single": "fixed", "fixed": "fixed", "pcgrad": "pcgrad"}
"""The models that are compared with ESPnet's, and their weightings; `single` has no auxiliary task."""
SMALL = {"adim": 16, "eunits": 16, "dunits": 16, "elayers": 1, "dlayers": 1, "postnet_layers": 0}
"""Sizes of a network that a CPU trains in no time."""


class Setting:
    """What is measured on.

    Args:
        make_args: Makes the arguments of a training with these tasks.
        heads: The tasks with a head.
        device: `cuda`, or `cpu`.
        small: Whether networks and batches are tiny.
        rounds: Turns of each model.
        workers: Processes that read features.

    Attributes:
        size: Utterances of a batch.
        tokens: Those of a text.
        steps: Steps of a model until it is the next one's turn.
    """

    def __init__(
        self,
        make_args: Callable[[dict[str, Any]], argparse.Namespace],
        heads: dict[str, Any],
        *,
        device: str,
        small: bool,
        rounds: int,
        workers: int,
    ):
        self.make_args, self.heads, self.device, self.small = make_args, heads, device, small
        self.rounds, self.workers = rounds, workers
        self.size, self.tokens, self.steps = (4, 8, 2) if small else (64, 80, 10)

    def args(self, name: str) -> argparse.Namespace:
        """Returns the arguments of one of the trainings."""
        args = self.make_args({} if name in ("ESPnet", "single") else self.heads)
        args.token_list = ["<blank>", "<unk>", *args.token_list[2:-1], "<sos/eos>"]
        args.weighting = WEIGHTINGS.get(name, "fixed")
        args.style_conf = {**args.style_conf, "reference": name not in ("ESPnet", "single")}
        args.num_workers, args.ngpu = self.workers, int(self.device != "cpu")
        if self.small:
            args.tts_conf = {**args.tts_conf, **SMALL}
        return args

    def model(self, name: str) -> torch.nn.Module:
        """Builds a model; ESPnet's own has the sizes of ours."""
        from espnet_mtl.tasks.tts import MTLTTSTask  # isort: skip  (first: it imports ESPnet without noise)
        from espnet2.tts.espnet_model import ESPnetTTSModel
        from espnet2.tts.fastspeech2.fastspeech2 import FastSpeech2

        torch.manual_seed(0)
        args = self.args(name)
        ours = MTLTTSTask.build_model(args)
        if name != "ESPnet":
            return ours.to(self.device)
        parts = ("normalize", "pitch_extract", "pitch_normalize", "energy_extract", "energy_normalize")
        network = FastSpeech2(idim=len(args.token_list), odim=80, **args.tts_conf)
        # A batch has spectrograms, and nothing to extract
        espnet = ESPnetTTSModel(tts=network, feats_extract=None, **{part: getattr(ours, part) for part in parts})
        return espnet.to(self.device)

    def wait(self) -> None:
        """Waits for the device."""
        if self.device != "cpu":
            torch.cuda.synchronize()
