"""Durations of one utterance from the attention of a trained Tacotron2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from espnet2.torch_utils.device_funcs import to_device

from espnet_mtl.model.backbones.tacotron2 import MTLTacotron2
from espnet_mtl.tasks.tts import MTLTTSTask


@dataclass(frozen=True)
class Attended:
    """What the teacher's attention says of one utterance: its id, frames per token (N + 1) and focus rate."""

    utt: str
    durations: list[int]
    focus_rate: float


class Teacher:
    """A trained Tacotron2 that runs over natural speech with teacher forcing."""

    def __init__(self, model, args, device: str):
        self.model = model
        self.args = args
        self.device = device
        self.preprocess = MTLTTSTask.build_preprocess_fn(args, False)
        self.collate = MTLTTSTask.build_collate_fn(args, False)

    @classmethod
    def load(cls, config_file: Path, model_file: Path, device: str) -> Teacher:
        """Loads a trained model; the same one reads the same durations every time."""
        torch.manual_seed(0)  # the prenet's dropout stays on in synthesis
        model, args = MTLTTSTask.build_model_from_file(config_file, model_file, device)
        return cls(model.eval(), args, device)

    @torch.no_grad()
    def read(self, utt: str, data: Mapping[str, object]) -> Attended:
        """Reads one utterance: `text` (tokens), `speech` (log-mel), and labels as in training."""
        _, batch = self.collate([(utt, self.preprocess(utt, dict(data)))])
        batch = to_device(batch, self.device)
        output = self.model.run_network(**batch)
        backbone: MTLTacotron2 = self.model.tts
        durations, focus = backbone.token_durations(output.attention[0], int(batch["speech_lengths"][0]))
        return Attended(utt, durations.tolist(), float(focus))
