"""Contours of pitch and energy over the tokens of an utterance, and their range.

Regression flattens a contour: where it cannot tell up from down, it says the mean. How *wide* a contour is can be told
where its course cannot, so that a head may learn it, and give it back to the predicted contour in synthesis.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from espnet_mtl.config.ranges import RANGES
from espnet_mtl.model.layers import masked_mean
from espnet_mtl.model.taps import Tap, valid_mask

PROSODY = ("pitch", "energy")
"""The contours among the columns of the tap `prosody`, in their order."""
FLAT = 1e-3
"""Spread, in standard deviations of the training set, below which a contour has none: an utterance without a voiced
frame, or one token."""
MOST = 4.0
"""Factor by which the spread of a predicted contour is changed at most."""


def moments(contour: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Returns mean and standard deviation, (B, 1, 1) each, of contours (B, T, 1) over their first `lengths` (B,)."""
    mean = masked_mean(contour, lengths).unsqueeze(1)
    variance = masked_mean((contour - mean).square(), lengths).unsqueeze(1)
    return mean, variance.sqrt()


def range_labels(taps: Mapping[str, Tap]) -> dict[str, Tensor]:
    """Measures the labels that are ranges: the logarithm of the spread of natural contours over their tokens.

    Args:
        taps: The taps of a batch; without `prosody` there are no contours.

    Returns:
        By label, (B, 1), of the normalized feature; NaN where a contour is flat.
    """
    prosody = taps.get("prosody")
    if prosody is None or prosody.real is None or prosody.lengths is None:
        return {}
    labels = {}
    for contour, label in RANGES.items():
        column = PROSODY.index(contour)
        # The last token is the end, which has neither pitch nor energy of its own
        _, spread = moments(prosody.real[..., column : column + 1].float(), prosody.lengths - 1)
        spread = spread.view(-1, 1)
        labels[label] = torch.where(spread > FLAT, spread.clamp(min=FLAT).log(), torch.nan)
    return labels


def with_range(contour: Tensor, lengths: Tensor, log_spread: Tensor) -> Tensor:
    """Gives predicted contours another spread about their mean.

    Args:
        contour: (B, T, 1).
        lengths: Tokens (B,) without the end, which stays as it is.
        log_spread: What `range_labels` measures of natural contours (B, 1).
    """
    mean, spread = moments(contour.float(), lengths)
    wanted = log_spread.float().exp().view(-1, 1, 1)
    factor = (wanted / spread.clamp(min=FLAT)).clamp(1 / MOST, MOST)
    changed = mean + (contour - mean) * torch.where(spread > FLAT, factor, 1.0)
    return torch.where(valid_mask(lengths, contour.size(1)), changed, contour).to(contour.dtype)
