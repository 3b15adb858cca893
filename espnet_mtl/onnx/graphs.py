"""The parts of a model that become graphs of ONNX, beside those of `espnet_mtl.inference.pytorch.parts`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet_mtl.inference.pytorch.parts import normalized
from espnet_mtl.model.model import MTLTTSModel
from espnet_mtl.model.taps import Tap
from espnet_mtl.vocoder.source_filter.network import SourceFilterNetwork


class TextEmotion(nn.Module):
    """The emotion that a text suggests.

    Args:
        model: A model that tells it (`text_predictor`).
    """

    def __init__(self, model: MTLTTSModel):
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns style weights (1, K) of token ids and the end (1, T_text + 1)."""
        hidden, _ = self.model.tts.encoder(tokens, None)
        predictor = self.model.text_predictor
        assert predictor is not None
        lengths = torch.ones(1, dtype=torch.long) * hidden.size(1)
        weights: Tensor = predictor(Tap(hidden, lengths)).softmax(-1)
        return weights


class Reference(nn.Module):
    """The emotion of a recording.

    Args:
        model: A model with a reference encoder.
    """

    def __init__(self, model: MTLTTSModel):
        super().__init__()
        self.model = model

    def forward(self, logmel: Tensor) -> Tensor:
        """Returns style weights (1, K) of a log10-mel spectrogram (1, T, n_mels)."""
        style = self.model.style
        assert style is not None
        feats = normalized(self.model.normalize, logmel)
        tap = style.reference_tap(feats, torch.ones(1, dtype=torch.long) * logmel.size(1))
        assert tap is not None
        return tap.attention().softmax(-1)


class Face(nn.Module):
    """The emotion of a face.

    Args:
        model: A model with a visual encoder.
    """

    def __init__(self, model: MTLTTSModel):
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Returns style weights (1, K) of frames (1, T_v, D), and how far a recording and a face are trusted (2,)."""
        style = self.model.style
        assert style is not None
        tap = style.visual_tap(frames, torch.ones(1, dtype=torch.long) * frames.size(1))
        trust = frames.new_tensor([0.0, 1.0]) if style.trust is None else style.trust.softmax(0)
        return tap.attention().softmax(-1), trust


class Filters(nn.Module):
    """The networks of the source-filter vocoder; excitations and STFTs are outside.

    Args:
        network: The vocoder's.
    """

    def __init__(self, network: SourceFilterNetwork):
        super().__init__()
        self.network = network

    def forward(self, logmel: Tensor, log_f0: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Computes the filters of one utterance.

        Args:
            logmel: Log10-mel spectrogram (1, T, n_mels).
            log_f0: Logarithm of F0 in Hz (1, T), in all frames.

        Returns:
            Voicing (1, T), and what `espnet_mtl.vocoder.source_filter.network.Filters` holds.
        """
        voicing = (self.network.find_source(logmel).voicing > 0).to(logmel)
        return voicing, *self.network.filters(logmel, log_f0, voicing)
