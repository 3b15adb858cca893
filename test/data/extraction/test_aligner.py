"""The aligner against ESPnet's own parts, and on speech whose boundaries are known."""

import numpy as np
import pytest
import torch
from espnet2.gan_tts.jets.alignments import AlignmentModule
from espnet2.gan_tts.jets.loss import ForwardSumLoss

from espnet_mtl.data.extraction.aligner import (
    IMPOSSIBLE,
    Aligner,
    BatchedForwardSumLoss,
    Example,
    FastAlignmentModule,
    align_all,
    collate,
    train_aligner,
)
from espnet_mtl.errors import UserError

TOKENS, FRAMES = torch.tensor([7, 4, 6]), torch.tensor([30, 21, 25])


@pytest.fixture
def scores():
    """Log probabilities of a random batch by ESPnet's module and by ours, with the same parameters."""
    torch.manual_seed(0)
    stock, fast = AlignmentModule(8, 5), FastAlignmentModule(8, 5)
    fast.load_state_dict(stock.state_dict())
    masks = torch.arange(7)[None] >= TOKENS[:, None]
    batch = (torch.randn(3, 7, 8), torch.randn(3, 30, 5), TOKENS, FRAMES, masks)
    return stock(*batch), fast(*batch)


def test_values_are_those_of_espnets_module(scores):
    for index, (tokens, frames) in enumerate(zip(TOKENS, FRAMES, strict=True)):
        stock, fast = (one[index, :frames, :tokens] for one in scores)
        torch.testing.assert_close(fast, stock, rtol=1e-4, atol=1e-4)


def test_padding_is_finite_and_as_good_as_impossible(scores):
    _, fast = scores
    assert torch.isfinite(fast).all()
    assert (fast[1, :, 4:] <= IMPOSSIBLE).all()


def test_the_loss_of_a_batch_is_the_mean_of_espnets(scores):
    stock, fast = scores
    expected = ForwardSumLoss()(stock, TOKENS, FRAMES)
    torch.testing.assert_close(BatchedForwardSumLoss()(fast, TOKENS, FRAMES), expected, rtol=1e-4, atol=1e-4)


def speech(number, seed=0):
    """A spectrogram of 4 to 8 of six tokens, each a spectrum of its own for 3 to 12 frames; and their durations."""
    random, spectra = np.random.default_rng([seed, number]), np.random.default_rng(9).normal(size=(7, 20))
    tokens = random.permutation(6)[: random.integers(4, 7)]
    durations = random.integers(3, 13, len(tokens) + 1)
    feats = np.repeat(spectra[[*tokens, 6]], durations, 0) + 0.3 * random.normal(size=(durations.sum(), 20))
    example = Example(str(number), [*(tokens + 2), 8], 1, len(feats), lambda: feats.astype("float32"))
    return example, durations


def learn(examples, **settings):
    return train_aligner(
        examples, 9, 2, **{"steps": 150, "batch_size": 16, "dim": 16, "lr": 5e-3, "seed": 1, **settings}
    )


def test_it_finds_boundaries_that_are_known():
    examples, true = zip(*map(speech, range(64)), strict=True)
    aligner, loss = learn(examples)
    found = align_all(aligner, examples, 16)
    errors = [abs(np.cumsum(found[one.utt]) - np.cumsum(real))[:-1] for one, real in zip(examples, true, strict=True)]
    assert np.isfinite(loss)
    assert np.median(np.concatenate(errors)) <= 1
    assert all(sum(found[one.utt]) == one.frames and min(found[one.utt]) >= 1 for one in examples)


def test_equal_arguments_give_an_equal_one():
    examples = [speech(number)[0] for number in range(8)]
    first, second = (learn(examples, steps=4)[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_gradients_of_a_padded_batch_are_finite():
    aligner = Aligner(9, 2, 20, 16)
    _, total = aligner.losses(collate([speech(1)[0], speech(2)[0]]), binarize=True)
    total.backward()
    assert all(torch.isfinite(one.grad).all() for one in aligner.parameters() if one.grad is not None)


def test_a_loss_that_is_not_finite_stops_it():
    examples = [speech(number)[0] for number in range(8)]
    broken = Example("x", examples[0].tokens, 1, 10, lambda: np.full((10, 20), np.nan, "float32"))
    with pytest.raises(UserError, match=r"aligner: the loss of step 1 is not finite: lower aligner_conf.lr"):
        learn([*examples, broken], steps=1)
