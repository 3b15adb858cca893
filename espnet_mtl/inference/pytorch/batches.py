"""Several texts at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from espnet_mtl.inference.base import Request
from espnet_mtl.inference.contours import edited_contours
from espnet_mtl.inference.pytorch.parts import Decoder, Encoder, normalized
from espnet_mtl.inference.request.controls import Numbers
from espnet_mtl.inference.request.inputs import at
from espnet_mtl.inference.request.utterance import Utterance
from espnet_mtl.system.networks import replica

PREDICTED = ("durations", "pitch", "energy")


class BatchedFastSpeech2:
    """Runs a FastSpeech2 on several utterances at a time; each is said as it is alone. One is made for each call.

    Args:
        model: The model (`espnet_mtl.model.model.MTLTTSModel`).
        device: Where it is.
    """

    def __init__(self, model: Any, device: str):
        # ESPnet's modules keep things of a call, which other threads must not see
        self.model, self.device = replica(model), device
        self.encoder = Encoder(self.model)
        self.decoder = Decoder(self.model, "mel" in model.restored)

    @torch.no_grad()
    def __call__(self, requests: Mapping[str, Request], alpha: float) -> list[dict[str, Tensor]]:
        """Says utterances.

        Args:
            requests: What is said and how, by its place, for messages.
            alpha: Factor on durations.

        Returns:
            For each, what the model's own `inference` returns.

        Raises:
            UserError: The durations of one are no speech.
        """
        utterances = [request.utterance for request in requests.values()]
        counts = [len(utterance.ids) + 1 for utterance in utterances]
        lengths = torch.tensor(counts, device=self.device)
        names = self.encoder.outputs()
        encoded = dict(zip(names, self.encoder(**self._inputs(utterances), lengths=lengths), strict=True))
        said = []
        for row, (place, request) in enumerate(requests.items()):
            predicted = {name: _numbers(encoded[name][row, : counts[row]]) for name in PREDICTED}
            with at(place):
                said.append(edited_contours(predicted, request.edits, alpha))
        mels = self._decoded(encoded, said, lengths)
        return [self._output(mel, one) for mel, one in zip(mels, said, strict=True)]

    def _inputs(self, utterances: Sequence[Utterance]) -> dict[str, Tensor]:
        """Gathers what the encoder takes."""
        tts = self.model.tts
        ids = [np.append(utterance.ids, tts.eos) for utterance in utterances]
        inputs = {"tokens": self._padded(ids)}
        if self.model.style is not None:
            inputs["weights"] = self._padded([utterance.token_weights() for utterance in utterances])
        if tts.spks is not None:
            inputs["speakers"] = self._stacked([utterance.speaker_weights(tts.spks) for utterance in utterances])
        if tts.langs is not None:
            inputs["languages"] = self._stacked([utterance.voice["lids"] for utterance in utterances]).squeeze(1)
        if tts.spk_embed_dim is not None:
            inputs["spembs"] = self._stacked([utterance.voice["spembs"] for utterance in utterances])
        return inputs

    def _decoded(
        self, encoded: Mapping[str, Tensor], said: Sequence[Mapping[str, Numbers]], tokens: Tensor
    ) -> list[Tensor]:
        """Makes the spectrogram (T, n_mels) of each utterance."""
        frames = [int(one["duration"].sum()) for one in said]
        number = [np.repeat(np.arange(len(one["duration"])), one["duration"].astype(np.int64)) for one in said]
        inputs = {name: self._padded([one[f"{name}_denorm"] for one in said]) for name in ("pitch", "energy")}
        dtype = encoded["hidden"].dtype
        mels = self.decoder(
            encoded["hidden"],
            inputs["pitch"].to(dtype),
            inputs["energy"].to(dtype),
            self._padded(number),
            encoded.get("mel_range"),
            tokens,
            torch.tensor(frames, device=self.device),
        )
        # Copies: a part would keep the memory of all
        return [mel[:count].clone() for mel, count in zip(mels, frames, strict=True)]

    def _output(self, mel: Tensor, said: Mapping[str, Numbers]) -> dict[str, Tensor]:
        model = self.model
        output = {"feat_gen": normalized(model.normalize, mel), "feat_gen_denorm": mel}
        output["duration"] = torch.from_numpy(said["duration"]).long().to(self.device)
        for name, normalize in (("pitch", model.pitch_normalize), ("energy", model.energy_normalize)):
            values = torch.from_numpy(said[f"{name}_denorm"]).to(mel).unsqueeze(-1)
            output |= {name: normalized(normalize, values), f"{name}_denorm": values}
        return output

    def _padded(self, rows: Sequence[NDArray[Any]]) -> Tensor:
        return pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True).to(self.device)

    def _stacked(self, rows: Sequence[Any]) -> Tensor:
        return torch.from_numpy(np.stack(rows)).to(self.device)


def _numbers(values: Tensor) -> Numbers:
    return values.double().cpu().numpy()
