"""A PyTorch model, as requests are read for it."""

from __future__ import annotations

from typing import Any

import torch

from espnet_mtl.inference.request.network import Floats, Ids, Network


class TorchNetwork(Network):
    """What a model can do.

    Args:
        model: The model (`espnet_mtl.model.model.MTLTTSModel`).
        device: Where it is.
    """

    def __init__(self, model: Any, device: str):
        self.model, self.device = model, device
        self.has_styles = model.style is not None
        self.has_reference = self.has_styles and model.style.reference is not None
        self.has_visual = self.has_styles and model.style.visual is not None
        self.tells_emotion = model.text_predictor is not None
        self.has_speakers = model.tts.spks is not None
        self.has_languages = model.tts.langs is not None
        self.spk_embed_dim = model.tts.spk_embed_dim

    def emotion_of_text(self, ids: Ids) -> Floats:
        """Returns style weights (K,) as token ids (T_text,) suggest them."""
        weights = self.model.predict_style(torch.from_numpy(ids).to(self.device))
        return weights.float().cpu().numpy()

    @torch.no_grad()
    def emotion_of_recording(self, samples: Floats) -> Floats:
        """Returns style weights (K,) of a recording (T_wav,): what attention gives each row of the style table."""
        parameter = next(self.model.parameters())
        speech = torch.from_numpy(samples[None]).to(parameter.device, torch.float32)
        feats, lengths = self.model.feats_extract(speech, speech.new_tensor([speech.size(1)], dtype=torch.long))
        if self.model.normalize is not None:
            feats, lengths = self.model.normalize(feats, lengths)
        tap = self.model.style.reference_tap(feats.to(parameter.dtype), lengths)
        return tap.attention()[0].float().softmax(-1).cpu().numpy()

    @torch.no_grad()
    def emotion_of_face(self, frames: Floats) -> Floats:
        """Returns style weights (K,) of frames (T_v, D): what attention gives each row of the style table."""
        parameter = next(self.model.parameters())
        seen = torch.from_numpy(frames[None]).to(parameter)
        tap = self.model.style.visual_tap(seen, torch.tensor([len(frames)], device=parameter.device))
        return tap.attention()[0].float().softmax(-1).cpu().numpy()

    def trust(self) -> tuple[float, float]:
        """Returns how far recording and face are trusted where both are given."""
        recording, face = self.model.style.trust.detach().softmax(0).tolist()
        return recording, face
