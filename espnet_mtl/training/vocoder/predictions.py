"""What an acoustic model makes of the speech that it was trained on: mels with natural durations, for its vocoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from espnet2.torch_utils.device_funcs import to_device
from espnet2.train.dataset import ESPnetDataset
from numpy.typing import NDArray

from espnet_mtl.system.progress import progress
from espnet_mtl.tasks.tts import MTLTTSTask
from espnet_mtl.training.splits import TrainTables


class Predictor:
    """A trained acoustic model that runs over the natural speech that it learned from, with teacher forcing.

    Args:
        config_file: config.yaml of the experiment.
        model_file: Its weights.
        device: Where the model runs.
    """

    def __init__(self, config_file: Path, model_file: Path, device: str):
        torch.manual_seed(0)  # of a prenet whose dropout stays on
        model, args = MTLTTSTask.build_model_from_file(config_file, model_file, device)
        self.model = model.eval()
        self.device = device
        self.collate = MTLTTSTask.build_collate_fn(args, False)
        self.preprocess = MTLTTSTask.build_preprocess_fn(args, False)
        self.tables = TrainTables(args)

    def in_turn(self, utts: Iterable[str]) -> list[str]:
        """Puts utterances into the order in which `predict` takes them: part by part, where the train set has parts."""
        return sorted(utts, key=self.tables.part_of)

    def predict(self, utts: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """Yields the log10-mel (T, n_mels) of each utterance of the train set, as long as the natural one.

        Args:
            utts: Utterances, in the order of `in_turn`.
        """
        shown = progress(utts, "mels for the vocoder", len(utts))
        for part, own in groupby(shown, key=self.tables.part_of):
            dataset = ESPnetDataset(self.tables.inputs(part), self.preprocess)
            for utt in own:
                yield self._mel(dataset[utt])

    @torch.no_grad()
    def _mel(self, utterance: tuple[str, dict[str, NDArray]]) -> NDArray[np.float32]:
        _, batch = self.collate([utterance])
        frames = int(batch["speech_lengths"][0])
        output = self.model.run_network(**to_device(batch, self.device))
        # As it is predicted, though synthesis restores its range: a vocoder that learns on restored ones mutes them
        mel, _ = self.model.normalize.inverse(output.taps["mel"].values.clone())
        predicted = mel[0].float().cpu().numpy()
        # A decoder that makes several frames a step leaves out those that do not fill one
        lacking = max(0, frames - len(predicted))
        return np.pad(predicted, ((0, lacking), (0, 0)), mode="edge")[:frames]
