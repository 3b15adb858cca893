"""JETS with a style input and taps: from text to waveform, with a discriminator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from espnet_mtl.model.backbones.base import Call, Edits
from espnet_mtl.model.backbones.jets_hooks import JETS, HookedJETS
from espnet_mtl.model.taps import BackboneOutput, Tap
from espnet_mtl.system.networks import replica

RECORDING = ("speech", "speech_lengths")
"""What the generator does not read."""


@dataclass
class Generated:
    """What the generator made of a batch: both turns of a training step read it.

    Attributes:
        call: What its hooks recorded.
        outputs: What ESPnet's generator returns.
        batch: The batch, with the end of each text.
    """

    call: Call
    outputs: tuple[Tensor, ...]
    batch: dict[str, Tensor]


class MTLJETS(HookedJETS):
    """ESPnet's JETS (same parameters, same names) that a style vector is added to.

    As in the other networks, each text ends with a token for the silence behind it, which ESPnet's JETS lacks.
    """

    def forward(self, text: Tensor, text_lengths: Tensor, *, style: Tensor | None = None, **batch) -> BackboneOutput:
        """Computes the generator's loss.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            style: Style vectors (B, adim), or (B, T_text, adim) where the style changes along the text.
            batch: ESPnet's other arguments: feats (B, T, odim), pitch and energy per frame (B, T, 1) and speech
                (B, T_wav), with their lengths, and spembs, sids or lids.

        Returns:
            The loss; the tap `mel` is that of the segments that were cut out of the batch.
        """
        return self.generator_turn(self.generate(text, text_lengths, style=style, **batch))

    def generate(self, text: Tensor, text_lengths: Tensor, *, style: Tensor | None = None, **batch) -> Generated:
        """Runs the generator on a batch; see `forward`."""
        text, text_lengths = with_end(text, text_lengths, self.eos)
        batch = {"text": text, "text_lengths": text_lengths, **batch}
        read = {key: value for key, value in batch.items() if key not in RECORDING}
        with self.call(style) as call:
            call.segments = True
            outputs = replica(self).generator(**read)
        return Generated(call, outputs, batch)

    def generator_turn(self, generated: Generated) -> BackboneOutput:
        """Computes the generator's loss; the discriminator's weights receive no gradient."""
        network = self._network_of(generated)
        for module in network.discriminator.modules():
            module._parameters.update({key: value.detach() for key, value in _own_parameters(module)})
        call = generated.call
        with self.continued(call):
            result = network._forward_generator(**self._turn_inputs(generated))
        return BackboneOutput(self._parts(generated), result["stats"], self._taps(generated) | call.speaker_tap())

    def discriminator_turn(self, generated: Generated) -> tuple[Tensor, dict[str, Any]]:
        """Computes the discriminator's loss, and figures to report."""
        result = self._network_of(generated)._forward_discrminator(**self._turn_inputs(generated))
        return result["loss"], result["stats"]

    def _network_of(self, generated: Generated) -> MTLJETS:
        """Returns a copy for one turn, which has what the generator made and need not run it."""
        network = replica(self)
        network.cache_generator_outputs = True
        network._cache = generated.outputs
        return network

    def _turn_inputs(self, generated: Generated) -> dict[str, Tensor]:
        """Returns the batch with recordings as long as the last segment that may have been cut out of them."""
        batch, generator = generated.batch, self.generator
        frames = max(batch["feats"].size(1), generator.segment_size)
        missing = max(0, frames * generator.upsample_factor - batch["speech"].size(1))
        return {**batch, "speech": functional.pad(batch["speech"], [0, missing])}

    def _parts(self, generated: Generated) -> dict[str, Tensor]:
        """Returns the parts of ESPnet's loss, weighted as there."""
        losses, bin_loss = generated.call.losses, generated.outputs[1]
        duration, pitch, energy = losses["variance"]
        parts = {
            "mel": losses["mel"] * self.lambda_mel,
            "adversarial": losses["adversarial"] * self.lambda_adv,
            "matching": losses["matching"] * self.lambda_feat_match,
            "duration": duration * self.lambda_var,
            "pitch": pitch * self.lambda_var,
            "energy": energy * self.lambda_var,
            "alignment": (losses["alignment"] + bin_loss) * self.lambda_align,
        }
        return {name: parts[name] for name in self.spec.parts}

    def _taps(self, generated: Generated) -> dict[str, Tap]:
        call, batch, starts = generated.call, generated.batch, generated.outputs[3]
        tokens, segment = batch["text_lengths"], self.generator.segment_size
        # Its spectrogram has a frame more, as windows are centred
        frames = (batch["feats_lengths"] - starts).clamp(max=segment) + 1
        shared = call.taps["shared"]
        return {
            "encoder": Tap(call.taps["encoder"], tokens),
            "shared": Tap(shared, tokens, branch_grads=call.branch_grads),
            "prosody": Tap(call.taps["prosody"], tokens, real=call.recorded["real_prosody"], context=shared.detach()),
            "mel": Tap(call.taps["mel"], frames, real=call.recorded["real_mel"]),
        }

    def run_encoder(self, tokens: Tensor) -> None:
        """Runs the text encoder alone on tokens (1, T_text + 1)."""
        self.generator.encoder(tokens, None)

    def inference(
        self,
        text: Tensor,
        *,
        style: Tensor | None = None,
        seed: int = 0,
        edits: Edits | None = None,
        speakers: Tensor | None = None,
        alpha: float = 1.0,
        **options,
    ) -> dict[str, Tensor]:
        """ESPnet's inference with a style vector: (1, adim), or (1, T_text, adim). It draws no random numbers.

        Args:
            text: Token ids (T_text,).
            style: Style vector.
            seed: Has no effect.
            edits, speakers: What this call wants (`Call`).
            alpha: Factor on the predicted durations.
            options: ESPnet's other arguments; with teacher forcing, feats (T, odim), pitch and energy (T, 1).

        Returns:
            ESPnet's outputs: `wav` (T_wav,), with `duration` (T_text + 1,) in frames, and `pitch` and `energy` per
            token (T_text + 1, 1).
        """
        with self.call(style, edits=edits, speakers=speakers) as call, torch.no_grad():
            call.alpha = 1.0 if options.get("use_teacher_forcing") else alpha
            output = JETS.inference(replica(self), functional.pad(text, [0, 1], value=self.eos), **options)
        output["wav"] = output["wav"].float()
        output["duration"] = call.recorded["duration"][0].long()
        return output | {name: call.recorded[name][0] for name in ("pitch", "energy")}


def with_end(text: Tensor, lengths: Tensor, end: int) -> tuple[Tensor, Tensor]:
    """Adds the token `end` to texts (B, T_text) of different lengths (B,)."""
    padded = functional.pad(text, [0, 1])
    padded[torch.arange(len(text), device=text.device), lengths] = end
    return padded, lengths + 1


def _own_parameters(module: nn.Module) -> list[tuple[str, Tensor]]:
    return [(name, value) for name, value in module._parameters.items() if value is not None]
