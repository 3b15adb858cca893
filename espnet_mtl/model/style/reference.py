"""Style from a recording: the reference encoder, and the style weights that its attention gives."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import one_hot

from espnet_mtl.model.layers import ConvPool


class ReferenceEncoder(nn.Module):
    """Embeds a recording in a vector: the query of the attention over the style table.

    Args:
        odim: Mel channels.
        dim: Size of the query.
        channels: Channels of the convolutions.
    """

    def __init__(self, odim: int, dim: int, channels: int):
        super().__init__()
        self.body = ConvPool(odim, channels)
        self.query = nn.Linear(self.body.out_dim, dim)

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """Maps (B, T, odim) with lengths (B,) to (B, dim)."""
        return self.query(self.body(feats, lengths))


def conditioning_weights(logits: Tensor, hard: bool) -> Tensor:
    """Turns scores over the styles (B, K) into style weights (B, K): their softmax, or only the likeliest style.

    The gradient is that of the softmax in both cases (straight-through: Bengio et al. 2013, arXiv 1308.3432).
    """
    posterior = logits.softmax(-1)
    if not hard:
        return posterior
    likeliest = one_hot(posterior.argmax(-1), posterior.size(-1)).to(posterior.dtype)
    return likeliest + posterior - posterior.detach()
