"""Intelligibility: a small phone recognizer, trained with CTC (Graves et al. 2006) on natural training speech.

Its receptive field is a quarter of a second, so that it hears phones and does not learn the few training sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import editdistance
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from espnet_mtl.evaluation.probes.conv_probe import reproducible
from espnet_mtl.text.espeak import PAUSE, phonemize

Array = NDArray[np.float32]
STRESS = str.maketrans("", "", "ˈˌ")
EPOCHS, LEAST_STEPS, BATCH, CHANNELS, WARPING = 10, 300, 16, 128, 0.1


@lru_cache(maxsize=4096)
def spoken_phones(text: str, language: str) -> tuple[str, ...]:
    """Phones of a text without stress marks and pauses.

    Raises:
        UserError: The language is unknown, or the text holds nothing that can be spoken.
    """
    return tuple(phone.translate(STRESS) for phone in phonemize(text, language) if phone != PAUSE)


def phone_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Substitutions, deletions and insertions that turn one sequence of phones into the other."""
    return int(editdistance.eval(reference, hypothesis))


class PhoneRecognizer:
    """Four convolutions of 20 ms steps on a log-mel spectrogram, and the best phone of each step."""

    def fit(self, logmels: Sequence[Array], phones: Sequence[Sequence[str]]) -> PhoneRecognizer:
        """Trains on utterances (T, M) every 10 ms and their phones; the same input gives the same network."""
        self._phones = sorted({phone for one in phones for phone in one})
        frames = np.concatenate(logmels)
        targets = [torch.tensor([self._phones.index(phone) + 1 for phone in one]) for one in phones]
        with reproducible():
            self._network = _Network(frames.shape[1], len(self._phones) + 1)
            self._network.mean.copy_(torch.from_numpy(frames.mean(0)))
            self._network.deviation.copy_(torch.from_numpy(frames.std(0) + 1e-3))
            self._train(logmels, targets)
        return self

    def recognize(self, logmels: Sequence[Array]) -> list[list[str]]:
        """Names the phones of utterances (T, M): of each step the best, repetitions and blanks left out."""
        self._network.eval()
        heard = []
        with torch.inference_mode():
            for logmel in logmels:
                best = self._network(torch.from_numpy(logmel)[None], torch.tensor([len(logmel)]))[0].argmax(1)
                heard.append([self._phones[index - 1] for index in torch.unique_consecutive(best).tolist() if index])
        return heard

    def arrays(self) -> dict[str, NDArray]:
        """Returns phones and weights by name."""
        weights = {name: value.numpy() for name, value in self._network.state_dict().items()}
        return {"phones": np.array(self._phones), **weights}

    def load(self, arrays: Mapping[str, NDArray]) -> PhoneRecognizer:
        """Takes what `arrays` returned."""
        weights = {name: torch.from_numpy(value) for name, value in arrays.items() if name != "phones"}
        self._phones = [str(phone) for phone in arrays["phones"]]
        self._network = _Network(len(weights["mean"]), len(self._phones) + 1)
        self._network.load_state_dict(weights)
        return self

    def _train(self, logmels: Sequence[Array], targets: Sequence[Tensor]) -> None:
        self._network.train()
        batches = -(-len(logmels) // BATCH)
        epochs = max(EPOCHS, -(-LEAST_STEPS // batches))
        optimizer = torch.optim.AdamW(self._network.parameters(), weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.003, total_steps=epochs * batches)
        for batch, crops in _batches(logmels, epochs, batches):
            lengths = torch.tensor([len(crop) for crop in crops])
            log_probs = self._network(nn.utils.rnn.pad_sequence(crops, batch_first=True), lengths)
            chosen = [targets[index] for index in batch]
            sizes = torch.tensor([len(target) for target in chosen])
            steps = _steps(lengths)
            loss = F.ctc_loss(log_probs.transpose(0, 1), torch.cat(chosen), steps, sizes, zero_infinity=True)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self._network.parameters(), 5.0)
            optimizer.step()
            schedule.step()


class _Network(nn.Module):
    mean: Tensor
    deviation: Tensor

    def __init__(self, n_mels: int, n_outputs: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_mels))
        self.register_buffer("deviation", torch.ones(n_mels))
        sizes = [(n_mels, 5, 2), (CHANNELS, 3, 1), (CHANNELS, 3, 1), (CHANNELS, 3, 1)]
        self.convolutions = nn.ModuleList(nn.Conv1d(n, CHANNELS, k, s, padding=k // 2) for n, k, s in sizes)
        self.norms = nn.ModuleList(nn.BatchNorm1d(CHANNELS) for _ in sizes)
        self.output = nn.Linear(CHANNELS, n_outputs)

    def forward(self, logmel: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, M) with lengths (B,) to log-probabilities (B, T / 2, phones + 1), the blank first."""
        inside = torch.arange(logmel.shape[1]) < lengths[:, None]
        hidden = ((logmel - self.mean) / self.deviation * inside[..., None]).transpose(1, 2)
        inside = (torch.arange(-(-logmel.shape[1] // 2)) < _steps(lengths)[:, None])[:, None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            added = F.dropout(F.relu(norm(convolution(hidden))), 0.1, self.training)
            hidden = (hidden + added if added.shape == hidden.shape else added) * inside
        return self.output(hidden.transpose(1, 2)).log_softmax(2)


def _steps(lengths: Tensor) -> Tensor:
    """Steps of the network for frames."""
    return (lengths + 1) // 2


def _batches(logmels: Sequence[Array], epochs: int, batches: int) -> Iterator[tuple[NDArray[np.intp], list[Tensor]]]:
    """Yields the indices of utterances of like length, every one once an epoch, and their augmented spectrograms."""
    random = np.random.default_rng(0)
    lengths = np.array([len(logmel) for logmel in logmels])
    for _ in range(epochs):
        order = np.argsort(lengths * random.uniform(0.9, 1.1, len(lengths)))
        parts = np.array_split(order, batches)
        for number in random.permutation(batches):
            yield parts[number], [_augmented(logmels[index], random) for index in parts[number]]


def _augmented(logmel: Array, random: np.random.Generator) -> Tensor:
    """Stretches time by up to 10 % and hides two stretches of time and two of bands (Park et al. 2019, SpecAugment)."""
    frames = max(8, round(len(logmel) * np.exp(random.uniform(-WARPING, WARPING))))
    stretched = F.interpolate(torch.from_numpy(logmel).T[None], frames, mode="linear", align_corners=False)[0].T.clone()
    mean = float(logmel.mean())
    for _ in range(2):
        for axis, most in ((0, min(15, frames // 6)), (1, 12)):
            width = int(random.integers(0, most + 1))
            start = int(random.integers(0, stretched.shape[axis] - width + 1))
            stretched.narrow(axis, start, width).fill_(mean)
    return stretched
