"""Intelligibility: a small phone recognizer, trained with CTC (Graves et al. 2006) on natural training speech.

Its receptive field is a quarter of a second, so that it learns phones and not the few training sentences.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain

import editdistance
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from espnet_mtl.evaluation.probes.conv_probe import reproducible
from espnet_mtl.text.espeak import PAUSE
from espnet_mtl.text.tokens import Tokenizer

STRESS = str.maketrans("", "", "ˈˌ")
EPOCHS, MIN_STEPS, BATCH = 10, 300, 16
"""Training takes ten epochs, or as many as give 300 steps."""
CHANNELS = 128
MAX_STRETCH = 0.1
"""Time is stretched by up to so much (natural logarithm of the factor)."""
MAX_HIDDEN_FRAMES, MAX_HIDDEN_BANDS = 15, 12


@lru_cache(maxsize=4096)
def spoken_phones(text: str, language: str) -> tuple[str, ...]:
    """Phones of a text as it is said, without stress marks and pauses.

    Raises:
        UserError: The language is unknown, or the text holds nothing that can be spoken.
    """
    tokens = Tokenizer("phn", language, punctuation=False).phones(text, language)
    phones = [phone for phone, _ in tokens if phone != PAUSE]
    return tuple(phone.translate(STRESS) for phone in phones)


def phone_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Substitutions, deletions and insertions that turn one sequence of phones into the other."""
    return int(editdistance.eval(reference, hypothesis))


class PhoneRecognizer:
    """Four convolutions of 20 ms steps on a log-mel spectrogram, and the best phone of each step."""

    def fit(self, logmels: Sequence[NDArray[np.float32]], phones: Sequence[Sequence[str]]) -> PhoneRecognizer:
        """Trains on utterances (T, M) every 10 ms and their phones; the same input gives the same network."""
        self._phones = sorted(set(chain.from_iterable(phones)))
        numbers = {phone: number for number, phone in enumerate(self._phones, 1)}  # 0 is CTC's blank
        targets = []
        for utterance in phones:
            targets.append(torch.tensor([numbers[phone] for phone in utterance]))
        frames = np.concatenate(logmels)
        with reproducible():
            self._network = _Network(frames.shape[1], len(self._phones) + 1)
            self._network.mean.copy_(torch.from_numpy(frames.mean(0)))
            self._network.deviation.copy_(torch.from_numpy(frames.std(0) + 1e-3))
            self._train(logmels, targets)
        return self

    def recognize(self, logmels: Sequence[NDArray[np.float32]]) -> list[list[str]]:
        """Names the phones of utterances (T, M): of each step the best, repetitions and blanks left out."""
        self._network.eval()
        return [self._recognize_one(logmel) for logmel in logmels]

    def _recognize_one(self, logmel: NDArray[np.float32]) -> list[str]:
        with torch.inference_mode():
            log_probs = self._network(torch.from_numpy(logmel)[None], torch.tensor([len(logmel)]))
        best = torch.unique_consecutive(log_probs[0].argmax(1)).tolist()
        return [self._phones[number - 1] for number in best if number]

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

    def _train(self, logmels: Sequence[NDArray[np.float32]], targets: Sequence[Tensor]) -> None:
        self._network.train()
        batches = math.ceil(len(logmels) / BATCH)
        epochs = max(EPOCHS, math.ceil(MIN_STEPS / batches))
        optimizer = torch.optim.AdamW(self._network.parameters(), weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.003, total_steps=epochs * batches)
        for batch, augmented in _batches(logmels, epochs, batches):
            loss = self._loss(augmented, [targets[index] for index in batch])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self._network.parameters(), 5.0)
            optimizer.step()
            schedule.step()

    def _loss(self, logmels: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        lengths = torch.tensor([len(logmel) for logmel in logmels])
        log_probs = self._network(nn.utils.rnn.pad_sequence(list(logmels), batch_first=True), lengths)
        target_lengths = torch.tensor([len(target) for target in targets])
        # Where stretching leaves fewer steps than phones, the loss is infinite: it counts as zero.
        return F.ctc_loss(
            log_probs.transpose(0, 1), torch.cat(list(targets)), _steps(lengths), target_lengths, zero_infinity=True
        )


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
        # What lies beyond an utterance's end is zero before each convolution, as if nothing had been padded.
        frames_inside = _inside(lengths, logmel.shape[1])
        normalized = (logmel - self.mean) / self.deviation
        hidden = (normalized * frames_inside[..., None]).transpose(1, 2)
        steps_inside = _inside(_steps(lengths), math.ceil(logmel.shape[1] / 2))[:, None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            added = F.dropout(F.relu(norm(convolution(hidden))), 0.1, self.training)
            # All but the first convolution are residual.
            hidden = (hidden + added if added.shape == hidden.shape else added) * steps_inside
        return self.output(hidden.transpose(1, 2)).log_softmax(2)


def _inside(lengths: Tensor, size: int) -> Tensor:
    """Mask (B, size) of what is not padding."""
    return torch.arange(size) < lengths[:, None]


def _steps(lengths: Tensor) -> Tensor:
    """Steps of the network for frames: its first convolution has a stride of two."""
    return (lengths + 1) // 2


def _batches(
    logmels: Sequence[NDArray[np.float32]], epochs: int, batches: int
) -> Iterator[tuple[NDArray[np.intp], list[Tensor]]]:
    """Yields the indices of utterances of similar length, each once an epoch, and their augmented spectrograms."""
    random = np.random.default_rng(0)
    lengths = np.array([len(logmel) for logmel in logmels])
    for _ in range(epochs):
        # Sorted by length, but not quite, so that batches differ from epoch to epoch.
        order = np.argsort(lengths * random.uniform(0.9, 1.1, len(lengths)))
        parts = np.array_split(order, batches)
        for number in random.permutation(batches):
            batch = parts[number]
            yield batch, [_augmented(logmels[index], random) for index in batch]


def _augmented(logmel: NDArray[np.float32], random: np.random.Generator) -> Tensor:
    """Stretches time by up to 10 % and hides two stretches of time and two of bands (Park et al. 2019, SpecAugment)."""
    factor = np.exp(random.uniform(-MAX_STRETCH, MAX_STRETCH))
    frames = max(8, round(len(logmel) * factor))
    bands_first = torch.from_numpy(logmel).T[None]
    stretched = F.interpolate(bands_first, frames, mode="linear", align_corners=False)[0].T.clone()
    mean = float(logmel.mean())
    for _ in range(2):
        for axis, most in ((0, min(MAX_HIDDEN_FRAMES, frames // 6)), (1, MAX_HIDDEN_BANDS)):
            width = int(random.integers(0, most + 1))
            start = int(random.integers(0, stretched.shape[axis] - width + 1))
            stretched.narrow(axis, start, width).fill_(mean)
    return stretched
