"""Ranges: how widely pitch and energy move over the tokens of an utterance, and the spectrum over its frames.

Regression flattens what it predicts: where it cannot tell up from down, it says the mean. How *wide* speech moves can
be told where its course cannot, so that a head may learn it, and give it back to the prediction in synthesis. The range
of the spectrum is known as global variance (Toda & Tokuda 2007, IEICE Trans. E90-D(5)), and the simplest way to restore
it is to stretch each cepstral coefficient (Silén et al. 2012, Interspeech, "Ways to implement global variance in
statistical speech synthesis").
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from functools import cache

import torch
from torch import Tensor

from espnet_mtl.config.ranges import RANGES
from espnet_mtl.labels import CONTINUOUS_LABELS
from espnet_mtl.model.layers import masked_mean
from espnet_mtl.model.taps import Tap, valid_mask

Ranges = Mapping[str, Callable[[Tap], Tensor]]
"""What tells a range (B, D), see `range_labels`, from the tap `shared`, by the name of what has it."""
PROSODY = ("pitch", "energy")
"""The contours among the columns of the tap `prosody`, in their order."""
ORDERS = CONTINUOUS_LABELS[RANGES["mel"]].size
"""Cepstral coefficients of a spectrum, without its level, that have a range: how the vocal tract moves."""
FLAT = 1e-3
"""Spread, in standard deviations of the training set, below which there is none: that of a pitch without a voiced
frame, or of one token, or of a spectrum that stays."""
MOST = 4.0
"""Factor by which the spread of a prediction is changed at most."""


def moments(values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Returns mean and standard deviation, (B, 1, D) each, of sequences (B, T, D) over their first `lengths` (B,)."""
    mean = masked_mean(values, lengths).unsqueeze(1)
    variance = masked_mean((values - mean).square(), lengths).unsqueeze(1)
    return mean, variance.sqrt()


def range_labels(taps: Mapping[str, Tap], wanted: Container[str] = RANGES.values()) -> dict[str, Tensor]:
    """Measures the labels that are ranges.

    Args:
        taps: The taps of a batch; a range without its tap, `prosody` or `mel`, is left out.
        wanted: Labels that somebody learns: no others are measured.

    Returns:
        By label: the logarithm of the spread of natural pitch and energy, normalized, over tokens (B, 1), and of how
        much wider the natural cepstrum (`cepstra`) spreads over frames than the predicted one (B, 24); NaN where
        something is flat. The text decides how widely a spectrum moves, and the prediction knows that better than any
        head: what it lacks is alike in all texts.
    """
    labels = {}
    prosody, mel = taps.get("prosody"), taps.get("mel")
    if prosody is not None and prosody.real is not None and prosody.lengths is not None:
        for column, contour in enumerate(PROSODY):
            if RANGES[contour] not in wanted:
                continue
            # The last token is the end, which has neither pitch nor energy of its own
            labels[RANGES[contour]] = _log_spread(prosody.real[..., column : column + 1], prosody.lengths - 1)
    if RANGES["mel"] in wanted and mel is not None and mel.real is not None and mel.lengths is not None:
        natural, predicted = (_log_spread(cepstra(one), mel.lengths) for one in (mel.real, mel.values.detach()))
        labels[RANGES["mel"]] = natural - predicted
    return labels


def _log_spread(values: Tensor, lengths: Tensor) -> Tensor:
    _, spread = moments(values.float(), lengths)
    spread = spread.squeeze(1)
    return torch.where(spread > FLAT, spread.clamp(min=FLAT).log(), torch.nan)


def with_range(values: Tensor, lengths: Tensor, log_spread: Tensor) -> Tensor:
    """Gives predicted contours another spread about their mean.

    Args:
        values: (B, T, 1).
        lengths: Their steps (B,); those beyond stay as they are.
        log_spread: What `range_labels` measures of natural contours (B, 1).
    """
    _, spread = moments(values.float(), lengths)
    factor = log_spread.float().exp().unsqueeze(1) / spread.clamp(min=FLAT)
    return stretched(values, lengths, torch.where(spread > FLAT, factor, 1.0))


def with_mel_range(mel: Tensor, lengths: Tensor, log_factor: Tensor) -> Tensor:
    """Gives predicted spectrograms, normalized, another spread of their cepstra.

    Args:
        mel: (B, T, n_mels).
        lengths: Their frames (B,); those beyond stay as they are.
        log_factor: What `range_labels` measures of spectrograms (B, 24).
    """
    before = cepstra(mel)
    with torch.autocast(mel.device.type, enabled=False):
        change = stretched(before, lengths, log_factor.float().exp().unsqueeze(1)) - before
        return mel + (change @ _cosines(mel.size(-1), mel.device).T).to(mel.dtype)


def stretched(values: Tensor, lengths: Tensor, factor: Tensor) -> Tensor:
    """Stretches sequences (B, T, D) about their mean over their first `lengths` (B,) by factors (B, 1, D)."""
    mean, _ = moments(values.float(), lengths)
    changed = mean + (values - mean) * factor.clamp(1 / MOST, MOST)
    return torch.where(valid_mask(lengths, values.size(1)), changed, values).to(values.dtype)


def cepstra(mel: Tensor) -> Tensor:
    """Computes the cepstral coefficients 1 to 24 (B, T, 24) of spectrograms (B, T, n_mels).

    Coefficient 0, the level, is left out: pauses decide its spread, not voices. Where there are too few mel channels
    for a coefficient, it is 0.
    """
    with torch.autocast(mel.device.type, enabled=False):
        return mel.float() @ _cosines(mel.size(-1), mel.device)


@cache
def _cosines(n_mels: int, device: torch.device) -> Tensor:
    """The orthonormal cosine transform (n_mels, 24) without the level.

    It is kept for all calls, and so does not depend on what the first one was made under.
    """
    from torchaudio.functional import create_dct

    with torch.inference_mode(False), torch.device("cpu"):
        cosines = create_dct(ORDERS + 1, n_mels, "ortho").float()
    cosines[:, n_mels:] = 0.0
    return cosines[:, 1:].to(device)
