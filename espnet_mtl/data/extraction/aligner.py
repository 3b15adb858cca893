"""Durations without a teacher: an aligner that is trained alone, in stage 3, from ESPnet's own JETS parts.

It learns which token each frame belongs to from the recordings and their tokens (Badlani et al. 2021, "One TTS
Alignment to Rule Them All", arXiv 2108.10447; JETS: Lim et al. 2022, arXiv 2203.16852).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from espnet2.gan_tts.jets.alignments import AlignmentModule, viterbi_decode
from espnet2.gan_tts.jets.loss import ForwardSumLoss
from torch import Tensor, nn

from espnet_mtl.errors import UserError
from espnet_mtl.system.progress import progress

IMPOSSIBLE = -1e4
"""Log probability of what cannot be: the gradient of a batched CTC padded with -inf is NaN."""
BLANK = -1.0
"""Log probability of CTC's blank, as in ESPnet's loss."""
MOST_SAMPLED = 200
"""About how many utterances mean and deviation of the log-mel are taken from."""
PRIOR_WEIGHT = 0.3
"""A full prior pulls boundaries to the diagonal (on the demo, median error 12 ms against 9 ms)."""
BINARIZATION_START = 0.5
"""Fraction of the steps after which the binarization loss sets in; earlier it would freeze a random path."""


@dataclass(frozen=True)
class Example:
    """One utterance: token ids, speaker's number, and a function that reads the log-mel (T, n_mels)."""

    utt: str
    tokens: Sequence[int]
    speaker: int
    frames: int
    feats: Callable[[], np.ndarray]


@dataclass
class Batch:
    """Tokens (B, N) padded with 0, speakers (B,), log-mel (B, T, n_mels), and lengths (B,) of both."""

    tokens: Tensor
    speakers: Tensor
    feats: Tensor
    token_lengths: Tensor
    frame_lengths: Tensor


class FastAlignmentModule(AlignmentModule):
    """ESPnet's module, parameter names kept, with its values computed in less time and memory.

    The distance ‖f - t‖ comes from ‖f‖² + ‖t‖² - 2 f·t, a matrix product, in place of a (B, T, N, dim) tensor; the
    beta-binomial prior of all utterances from one table of log factorials, in place of a cache that grows with the
    corpus. Padding has `IMPOSSIBLE` in place of -inf.
    """

    def __init__(self, adim: int, odim: int, prior_weight: float = 1.0):
        super().__init__(adim, odim, cache_prior=False)
        self.prior_weight = prior_weight

    def forward(
        self, text: Tensor, feats: Tensor, text_lengths: Tensor, feats_lengths: Tensor, x_masks: Tensor | None = None
    ) -> Tensor:
        """Returns log probabilities of tokens with the prior, (B, T_feats, T_text), for arguments as in ESPnet."""
        text = F.relu(self.t_conv1(text.transpose(1, 2)))
        text = self.t_conv2(text).transpose(1, 2)
        feats = F.relu(self.f_conv1(feats.transpose(1, 2)))
        feats = F.relu(self.f_conv2(feats))
        feats = self.f_conv3(feats).transpose(1, 2)
        with torch.autocast(text.device.type, enabled=False):  # half of the digits would be lost in the difference
            text, feats = text.float(), feats.float()
            feats_squared = (feats**2).sum(2)[:, :, None]
            text_squared = (text**2).sum(2)[:, None]
            distance_squared = feats_squared + text_squared - 2 * feats @ text.transpose(1, 2)
        score = -distance_squared.clamp(min=1e-8).sqrt()  # the gradient of a root at 0 is infinite
        if x_masks is not None:
            score = score.masked_fill(x_masks.unsqueeze(-2), IMPOSSIBLE)
        prior = log_prior(text_lengths, feats_lengths, tokens=score.size(2), frames=score.size(1)).to(score)
        return F.log_softmax(score, dim=-1) + self.prior_weight * prior


def log_prior(text_lengths: Tensor, feats_lengths: Tensor, tokens: int, frames: int) -> Tensor:
    """log BetaBinomial(k; N, t, T - t + 1) of token k = 0 ... N - 1 at frame t = 1 ... T, (B, frames, tokens).

    Args:
        text_lengths: Tokens N of each text (B,).
        feats_lengths: Frames T of each recording (B,).
        tokens: Those of the longest text.
        frames: Those of the longest recording.
    """
    n, last = text_lengths[:, None, None], feats_lengths[:, None, None]
    frame = torch.arange(1, frames + 1, device=n.device)[None, :, None]
    token = torch.arange(tokens, device=n.device)[None, None]
    valid = (frame <= last) & (token < n)
    # With whole numbers a and b, ln B(a, b) = ln (a-1)! + ln (b-1)! - ln (a+b-1)!.
    numbers = torch.arange(1, tokens + frames + 2, dtype=torch.double, device=n.device)
    log_factorial = F.pad(numbers.log().cumsum(0), (1, 0))

    def log_f(number: Tensor) -> Tensor:
        return log_factorial[number.clamp(min=0)]

    # Binomial coefficient (N over k), times B(k + t, N - k + T - t + 1), over B(t, T - t + 1).
    prior = log_f(n) - log_f(token) - log_f(n - token)
    prior = prior + log_f(token + frame - 1) + log_f(n - token + last - frame) - log_f(n + last)
    prior = prior - log_f(frame - 1) - log_f(last - frame) + log_f(last)
    return prior.masked_fill(~valid, IMPOSSIBLE).float()


class BatchedForwardSumLoss(ForwardSumLoss):
    """ESPnet's loss over the whole batch in one call of CTC, with equal values."""

    def forward(self, log_p_attn: Tensor, ilens: Tensor, olens: Tensor, blank_prob: float = np.exp(BLANK)) -> Tensor:
        """Returns the mean over the batch for arguments as in ESPnet; ilens and olens: tokens and frames (B,)."""
        scores = F.pad(log_p_attn, (1, 0), value=float(np.log(blank_prob)))
        columns = torch.arange(scores.size(2), device=scores.device)
        scores = scores.masked_fill(columns[None, None] > ilens[:, None, None], IMPOSSIBLE)
        targets = columns[1:].expand(len(ilens), -1)
        log_probs = F.log_softmax(scores, dim=-1).transpose(0, 1)
        return F.ctc_loss(log_probs, targets, olens, ilens, zero_infinity=True)


class Aligner(nn.Module):
    """Finds the frames of each token.

    Args:
        tokens: How many different tokens there are, padding (0) among them.
        speakers: How many speakers there are, the unknown one (0) among them.
        n_mels: Channels of the log-mel.
        dim: Size of the embeddings.
    """

    def __init__(self, tokens: int, speakers: int, n_mels: int, dim: int):
        super().__init__()
        self.token_embedding = nn.Embedding(tokens, dim, padding_idx=0)
        self.speaker_embedding = nn.Embedding(speakers, dim, padding_idx=0)
        self.module = FastAlignmentModule(dim, n_mels, PRIOR_WEIGHT)
        # With ESPnet's kernel of 3, a token knows its neighbours: an alignment half a phone early fits as well, and
        # that is what is learned (on the demo, median error 39 ms, against 9 ms without).
        self.module.t_conv1 = nn.Conv1d(dim, dim, kernel_size=1)
        self.forward_sum = BatchedForwardSumLoss()
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.zeros(n_mels))
        self.register_buffer("deviation", torch.ones(n_mels))

    def forward(self, batch: Batch) -> Tensor:
        """Returns log probabilities (B, T, N) of the tokens at every frame."""
        text = self.token_embedding(batch.tokens) + self.speaker_embedding(batch.speakers)[:, None]
        feats = (batch.feats - self.mean) / self.deviation
        columns = torch.arange(batch.tokens.size(1))
        masks = columns[None] >= batch.token_lengths[:, None]
        return self.module(text, feats, batch.token_lengths, batch.frame_lengths, masks)

    def losses(self, batch: Batch, binarize: bool) -> tuple[Tensor, Tensor]:
        """Returns the forward-sum loss, and what to minimize: with the binarization loss where `binarize`."""
        log_p = self(batch)
        forward_sum = self.forward_sum(log_p, batch.token_lengths, batch.frame_lengths)
        if not binarize:
            return forward_sum, forward_sum
        _, binarization = viterbi_decode(log_p, batch.token_lengths, batch.frame_lengths)
        return forward_sum, forward_sum + binarization

    @torch.no_grad()
    def align(self, batch: Batch) -> list[list[int]]:
        """Returns the frames of each token, at least 1, for every utterance of a batch."""
        durations, _ = viterbi_decode(self(batch), batch.token_lengths, batch.frame_lengths)
        lengths = batch.token_lengths.tolist()
        padded = durations.long().tolist()
        return [frames[:length] for frames, length in zip(padded, lengths, strict=True)]


def collate(examples: Sequence[Example]) -> Batch:
    """Reads and pads utterances."""
    feats = [torch.from_numpy(np.array(example.feats(), dtype=np.float32)) for example in examples]
    tokens = [torch.tensor(example.tokens) for example in examples]
    return Batch(
        tokens=nn.utils.rnn.pad_sequence(tokens, batch_first=True),
        speakers=torch.tensor([example.speaker for example in examples]),
        feats=nn.utils.rnn.pad_sequence(feats, batch_first=True),
        token_lengths=torch.tensor([len(own) for own in tokens]),
        frame_lengths=torch.tensor([len(own) for own in feats]),
    )


def train_aligner(
    examples: Sequence[Example], tokens: int, speakers: int, steps: int, batch_size: int, dim: int, lr: float, seed: int
) -> tuple[Aligner, float]:
    """Trains an aligner; equal arguments and threads give an equal one.

    Args:
        examples: The training set.
        tokens, speakers, dim: As `Aligner` takes them.
        steps: Updates.
        batch_size: Utterances of each.
        lr: Highest learning rate (Adam, one cycle).
        seed: Seed of the weights and of the order of the utterances.

    Returns:
        The aligner, and the mean forward-sum loss of the last tenth of the steps.

    Raises:
        UserError: The loss is not finite.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        aligner = Aligner(tokens, speakers, examples[0].feats().shape[1], dim)
    sample = examples[:: max(1, len(examples) // MOST_SAMPLED)]
    _normalize(aligner, sample)
    optimizer = torch.optim.Adam(aligner.parameters(), lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps + 1)
    batches = _batches(examples, batch_size, np.random.default_rng(seed))
    losses = []
    for step in progress(range(steps), "stage 3, aligner", steps):
        loss, total = aligner.losses(next(batches), step >= BINARIZATION_START * steps)
        losses.append(loss.item())
        if not np.isfinite(total.item()):
            raise UserError(f"aligner: the loss of step {step + 1} is not finite: lower aligner_conf.lr ({lr})")
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(aligner.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    last_tenth = losses[-max(1, steps // 10) :]
    return aligner.eval(), float(np.mean(last_tenth))


def _normalize(aligner: Aligner, examples: Sequence[Example]) -> None:
    feats = np.concatenate([example.feats() for example in examples])
    aligner.mean.copy_(torch.from_numpy(feats.mean(0)))
    aligner.deviation.copy_(torch.from_numpy(feats.std(0) + 1e-3))


def _batches(examples: Sequence[Example], size: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Yields batches of utterances of similar length, in random order, without end."""
    while True:
        # Lengths are changed a little each time, so that no two rounds have the same batches.
        scattered = [example.frames * rng.uniform(0.9, 1.1) for example in examples]
        order = np.argsort(scattered, kind="stable")
        chunks = [order[start : start + size] for start in range(0, len(order), size)]
        for number in rng.permutation(len(chunks)):
            yield collate([examples[index] for index in chunks[number]])


def align_all(aligner: Aligner, examples: Sequence[Example], batch_size: int) -> dict[str, list[int]]:
    """Returns the frames of each token of every utterance."""
    ordered = sorted(examples, key=lambda example: example.frames)
    chunks = [ordered[start : start + batch_size] for start in range(0, len(ordered), batch_size)]
    durations = {}
    for chunk in progress(chunks, "stage 3, alignment", len(chunks)):
        aligned = aligner.align(collate(chunk))
        durations.update({example.utt: own for example, own in zip(chunk, aligned, strict=True)})
    return durations
