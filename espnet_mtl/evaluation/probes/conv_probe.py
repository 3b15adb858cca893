"""Probe on the log-mel spectrogram: a small convolutional classifier; see `probes` for what a probe is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from espnet_mtl.evaluation.probes.functionals import Names

EPOCHS, MIN_STEPS, BATCH = 10, 80, 32
"""Training takes ten epochs, or as many as give 80 steps."""
FRAMES = 160
"""Of a crop: 1.6 s."""


class ConvProbe:
    """Four convolutions and pooling over time on a log-mel spectrogram in dB below its maximum (so blind to level).

    Args:
        classes: Names of the classes.
        n_mels: Mel bands of its input.
    """

    def __init__(self, classes: Sequence[str], n_mels: int = 64):
        self.classes = list(classes)
        with reproducible():
            self._network = _Network(n_mels, len(self.classes))

    def fit(self, logmels: Sequence[NDArray[np.float32]], labels: Names, speakers: Names) -> ConvProbe:
        """Trains on random crops of 1.6 s; the same input gives the same network.

        The cross-entropy of an utterance is taken over the classes that its speaker was recorded in, so that nothing is
        learned about those that the speaker lacks.
        """
        targets = torch.tensor([self.classes.index(label) for label in labels])
        lacking = self._lacking(labels, speakers)
        with reproducible():
            self._network.train()
            batches = math.ceil(len(targets) / BATCH)
            epochs = max(EPOCHS, math.ceil(MIN_STEPS / batches))
            optimizer = torch.optim.AdamW(self._network.parameters(), weight_decay=0.05)
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.003, total_steps=epochs * batches)
            for crops, batch in _batches(logmels, epochs, batches):
                optimizer.zero_grad()
                logits = self._network(crops).masked_fill(lacking[batch], -1e4)
                F.cross_entropy(logits, targets[batch]).backward()
                optimizer.step()
                schedule.step()
        return self

    def logits(self, logmels: Sequence[NDArray[np.float32]], speakers: Names = ()) -> NDArray[np.float32]:
        """Judges whole utterances (T, M), whoever speaks: (N, K)."""
        self._network.eval()
        with torch.inference_mode():
            logits = [self._network(_scaled(logmel)[None])[0] for logmel in logmels]
        return torch.stack(logits).numpy()

    def _lacking(self, labels: Names, speakers: Names) -> Tensor:
        """Marks, for each utterance, the classes that its speaker was not recorded in (N, K)."""
        recorded = set(zip(speakers, labels, strict=True))
        rows = []
        for speaker in speakers:
            rows.append([(speaker, name) not in recorded for name in self.classes])
        return torch.tensor(rows)

    def arrays(self) -> dict[str, NDArray]:
        """Returns the weights by name."""
        return {name: value.numpy() for name, value in self._network.state_dict().items()}

    def load(self, arrays: Mapping[str, NDArray]) -> ConvProbe:
        """Takes weights that `arrays` returned."""
        self._network.load_state_dict({name: torch.from_numpy(value) for name, value in arrays.items()})
        return self


class _Network(nn.Module):
    def __init__(self, n_mels: int, n_classes: int):
        super().__init__()
        layers = [*_block(n_mels, 96, 2), *_block(96, 96, 2), *_block(96, 128, 1), *_block(128, 128, 1)]
        self.convolutions = nn.Sequential(*layers)
        self.output = nn.Sequential(nn.Dropout(0.3), nn.Linear(256, n_classes))

    def forward(self, logmel: Tensor) -> Tensor:
        """(B, T, M) to logits (B, classes) by the mean and spread over time."""
        hidden = self.convolutions(logmel.transpose(1, 2))
        return self.output(torch.cat([hidden.mean(2), hidden.std(2, correction=0)], 1))


@contextmanager
def reproducible() -> Iterator[None]:
    """Seeds torch and gives it one thread (sums differ by the number of threads), then restores its state."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def _block(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv1d(inputs, outputs, 5, stride, padding=2)
    return [convolution, nn.BatchNorm1d(outputs), nn.ReLU(), nn.Dropout(0.1)]


def _batches(
    logmels: Sequence[NDArray[np.float32]], epochs: int, batches: int
) -> Iterator[tuple[Tensor, NDArray[np.intp]]]:
    """Yields crops (B, FRAMES, M) and the indices of their utterances, every utterance once an epoch."""
    random = np.random.default_rng(0)
    for _ in range(epochs):
        for batch in np.array_split(random.permutation(len(logmels)), batches):
            crops = [_crop(logmels[index], random) for index in batch]
            yield torch.stack(crops), batch


def _crop(logmel: NDArray[np.float32], random: np.random.Generator) -> Tensor:
    """A random crop of FRAMES frames, padded with silence."""
    start = random.integers(max(len(logmel) - FRAMES, 0) + 1)
    crop = _scaled(logmel[start : start + FRAMES])
    return F.pad(crop, (0, 0, 0, FRAMES - len(crop)), value=-1.0)


def _scaled(logmel: NDArray[np.float32]) -> Tensor:
    """From -60 … 0 dB to -1 … 1."""
    return torch.from_numpy(np.asarray(logmel, dtype=np.float32)) / 30 + 1
