"""The parts of a FastSpeech2, before its controls and behind them.

Between them is what users change: durations, pitch and energy, in natural values (frames, log Hz, energy as measured).
Batches, and graphs of ONNX, are made of these parts.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from espnet_mtl.model.model import MTLTTSModel
from espnet_mtl.model.ranges import with_mel_range
from espnet_mtl.model.taps import Tap


class Encoder(nn.Module):
    """Text encoder, style, voice and predictors of a FastSpeech2.

    Args:
        model: The model.
    """

    def __init__(self, model: MTLTTSModel):
        super().__init__()
        self.model = model
        restored = model.restored
        self.ranges = {feature: model.heads[task] for feature, task in restored.items() if feature != "mel"}
        self.mel_range = model.heads[restored["mel"]] if "mel" in restored else None

    def inputs(self) -> dict[str, Tensor]:
        """Makes an example of what `forward` takes, by name: three tokens and the end, without `lengths`."""
        model, tts = self.model, self.model.tts
        inputs = {"tokens": torch.ones(1, 4, dtype=torch.long)}
        if model.style is not None:
            styles = len(model.style.table)
            inputs["weights"] = torch.full((1, 4, styles), 1 / styles)
        if tts.spks is not None:
            inputs["speakers"] = torch.full((1, tts.spks), 1 / tts.spks)
        if tts.langs is not None:
            inputs["languages"] = torch.zeros(1, dtype=torch.long)
        if tts.spk_embed_dim is not None:
            inputs["spembs"] = torch.ones(1, tts.spk_embed_dim)
        return inputs

    def outputs(self) -> list[str]:
        """Names what `forward` returns."""
        return ["hidden", "durations", "pitch", "energy"] + ["mel_range"] * (self.mel_range is not None)

    def forward(
        self,
        tokens: Tensor,
        weights: Tensor | None = None,
        speakers: Tensor | None = None,
        languages: Tensor | None = None,
        spembs: Tensor | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """Encodes texts and predicts how they are said, as ESPnet's FastSpeech2 does.

        Args:
            tokens: Token ids and the end of each text (B, T), T = T_text + 1.
            weights: Style weights of each token and the end (B, T, K).
            speakers: Weights of a mixture of voices (B, speakers).
            languages: Number of the language (B,).
            spembs: Speaker embedding (B, D).
            lengths: Tokens with the end (B,); None: there is no padding.

        Returns:
            Hidden vectors (B, T, adim); durations in frames, log F0 in Hz and energy (B, T); and the logarithms of the
            factors by which the cepstrum's range grows (B, 24), where the model restores it. Beyond the lengths they
            mean nothing.
        """
        model, tts = self.model, self.model.tts
        mask, padding = masks(tokens, lengths)
        with tts.call(ranges=self.ranges, speakers=speakers, mask=mask):
            hidden, _ = tts.encoder(tokens, mask)
            if weights is not None and model.style is not None:
                hidden = hidden + model.style.mix(weights)
            if speakers is not None:
                # The hook of the table mixes its rows, whichever is asked for
                number = torch.zeros(1, dtype=torch.long, device=tokens.device)
                hidden = hidden + tts.sid_emb(number).unsqueeze(1)
            if languages is not None:
                hidden = hidden + tts.lid_emb(languages).unsqueeze(1)
            if spembs is not None:
                hidden = tts._integrate_with_spk_embed(hidden, spembs)
            pitch = tts.pitch_predictor(hidden, padding.unsqueeze(-1))
            energy = tts.energy_predictor(hidden, padding.unsqueeze(-1))
            log_durations = tts.duration_predictor(hidden, padding)
        frames = (log_durations.exp() - tts.duration_predictor.offset).round().clamp(min=0)
        pitch = denormalized(model.pitch_normalize, pitch).squeeze(-1)
        energy = denormalized(model.energy_normalize, energy).squeeze(-1)
        if self.mel_range is None:
            return hidden, frames, pitch, energy
        return hidden, frames, pitch, energy, self.mel_range(Tap(hidden, (~padding).sum(1)))


class Decoder(nn.Module):
    """From hidden vectors of tokens, and how long and high each one is said, to a spectrogram.

    Args:
        model: The model.
        restores_range: Whether the range of the cepstrum is restored.
    """

    def __init__(self, model: MTLTTSModel, restores_range: bool):
        super().__init__()
        self.model, self.restores_range = model, restores_range

    def forward(
        self,
        hidden: Tensor,
        pitch: Tensor,
        energy: Tensor,
        token: Tensor,
        mel_range: Tensor | None = None,
        token_lengths: Tensor | None = None,
        lengths: Tensor | None = None,
    ) -> Tensor:
        """Decodes texts.

        Args:
            hidden: (B, T, adim).
            pitch: Log F0 in Hz of each token and the end (B, T).
            energy: As it is measured (B, T).
            token: Number of the token of each frame (B, frames).
            mel_range: What `Encoder.forward` says of the cepstrum's range (B, 24).
            token_lengths: Tokens with the end (B,); None: there is no padding.
            lengths: Frames (B,); None: there is no padding.

        Returns:
            Log10-mel spectrograms (B, frames, n_mels).
        """
        model, tts = self.model, self.model.tts
        pitch = normalized(model.pitch_normalize, pitch.unsqueeze(-1))
        energy = normalized(model.energy_normalize, energy.unsqueeze(-1))
        mask, _ = masks(pitch.squeeze(-1), token_lengths)
        with tts.call(mask=mask):
            hidden = hidden + tts.energy_embed(energy.transpose(1, 2)).transpose(1, 2)
            hidden = hidden + tts.pitch_embed(pitch.transpose(1, 2)).transpose(1, 2)
        frames = hidden.gather(1, token.unsqueeze(-1).expand(-1, -1, hidden.size(-1)))
        mask, padding = masks(token, lengths)
        with tts.call(mask=mask):
            decoded, _ = tts.decoder(frames, mask)
            mel = tts.feat_out(decoded).view(len(frames), -1, tts.odim)
            if tts.postnet is not None:
                mel = mel + tts.postnet(mel.transpose(1, 2)).transpose(1, 2)
        if mel_range is not None:
            mel = with_mel_range(mel, (~padding).sum(1), mel_range)
        return denormalized(model.normalize, mel)


def masks(tokens: Tensor, lengths: Tensor | None) -> tuple[Tensor | None, Tensor]:
    """Returns what is real, (B, 1, T), as attention takes it, and what is padding, (B, T).

    Args:
        tokens: Of any type (B, T).
        lengths: (B,); None: all is real, and need not be masked.
    """
    if lengths is None:
        return None, torch.zeros_like(tokens, dtype=torch.bool)
    steps = torch.arange(tokens.size(1), device=tokens.device)
    padding = steps >= lengths.unsqueeze(1)
    return ~padding.unsqueeze(1), padding


def denormalized(normalize: Any, values: Tensor) -> Tensor:
    """Undoes ESPnet's normalization of features (1, T, D); None: there is none."""
    if normalize is None:
        return values
    if normalize.norm_vars:
        values = values * normalize.std
    return values + normalize.mean if normalize.norm_means else values


def normalized(normalize: Any, values: Tensor) -> Tensor:
    """ESPnet's normalization of features (1, T, D), not in place; None: there is none."""
    if normalize is None:
        return values
    if normalize.norm_means:
        values = values - normalize.mean
    return values / normalize.std if normalize.norm_vars else values
