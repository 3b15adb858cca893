"""The multi-task model of a network that makes waveforms: its generator and its discriminator train in turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from espnet_mtl.model.backbones.jets import Generated
from espnet_mtl.model.host import for_trainer, on_host
from espnet_mtl.model.model import MTLTTSModel, batch_labels, with_style
from espnet_mtl.model.style.table import Styled

GENERATOR, DISCRIMINATOR = 0, 1
"""Numbers of the optimizers."""


@dataclass
class Step:
    """What one turn of a training step leaves for the other.

    Attributes:
        speech: The batch's recordings, by which it is known.
        generated: What the generator made.
        styled: The styles of the batch, where the model has them.
    """

    speech: Tensor
    generated: Generated
    styled: Styled | None


class MTLGANTTSModel(MTLTTSModel):
    """`MTLTTSModel` whose network learns from recordings, with a discriminator.

    ESPnet's GAN trainer calls it twice a batch. The first call runs the network, and what it made serves the second,
    too. The tasks belong to the generator's turn.
    """

    def __init__(self, *args, **parts):
        super().__init__(*args, **parts)
        if self.normalize is not None:
            self.tts.set_mel_statistics(self.normalize.mean, self.normalize.std)
        self._step: Step | None = None

    def forward(  # type: ignore[override]
        self,
        text: Tensor,
        text_lengths: Tensor,
        speech: Tensor,
        speech_lengths: Tensor,
        forward_generator: bool = True,
        **inputs,
    ) -> dict[str, Any]:
        """Computes the loss of one turn.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            speech: Waveforms (B, T_wav).
            speech_lengths: Samples (B,).
            forward_generator: Whether it is the generator's turn; else the discriminator's.
            inputs: sids, lids (B, 1) or spembs (B, D); labels of the tasks, such as `emotion` (B, K).

        Returns:
            `loss`, `stats`, `weight` (the batch size) and `optim_idx`, as ESPnet's GANTrainer takes them.
        """
        step = self._step
        self._step = None
        if step is None or step.speech is not speech:
            step = self._step = self._generate(text, text_lengths, speech, speech_lengths, inputs)
        if forward_generator:
            loss, stats = self._generator_turn(step, batch_labels(inputs, text), inputs.get("utt_id"))
        else:
            loss, figures = self.tts.discriminator_turn(step.generated)
            stats = on_host(figures)
        loss, stats, weight = for_trainer(loss, stats, len(text))
        optimizer = GENERATOR if forward_generator else DISCRIMINATOR
        return {"loss": loss, "stats": stats, "weight": weight, "optim_idx": optimizer}

    def _generate(
        self, text: Tensor, text_lengths: Tensor, speech: Tensor, speech_lengths: Tensor, inputs: Mapping[str, Tensor]
    ) -> Step:
        batch = self.features(text, text_lengths, speech, speech_lengths, inputs)
        styled = self.styled(batch, inputs, text)
        style = None if styled is None else styled.vectors
        return Step(speech, self.tts.generate(text, text_lengths, style=style, **batch), styled)

    def _generator_turn(
        self, step: Step, labels: Mapping[str, Tensor], utts: Sequence[str] | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        output = with_style(self.tts.generator_turn(step.generated), step.styled)
        return self.multitask(output.taps, labels, output.task_losses(self.tts.split), utts, output.stats)

    def collect_feats(
        self, text: Tensor, text_lengths: Tensor, speech: Tensor, speech_lengths: Tensor, **inputs
    ) -> dict[str, Tensor]:
        """Measures the features of recordings, and keeps these; pitch is the mean where there is none."""
        features: dict[str, Tensor] = super().collect_feats(text, text_lengths, speech, speech_lengths, **inputs)
        if self.pitch_normalize is not None:
            pitch = features["pitch"]
            features["pitch"] = torch.where(pitch == 0, self.pitch_normalize.mean.to(pitch), pitch)
        return {**features, "speech": speech, "speech_lengths": speech_lengths}

    def synthesize(self, text: Tensor, **inputs) -> dict[str, Tensor]:
        """Synthesizes one utterance; with teacher forcing, pitch and energy are those of the frames of `speech`."""
        inputs = {name: value for name, value in inputs.items() if value is not None}
        speech = inputs.pop("speech", None)
        if speech is not None:
            lengths = {"text_lengths": text.new_tensor([len(text)]), "speech_lengths": text.new_tensor([len(speech)])}
            batch = self.features(text[None], speech=speech[None], inputs={}, **lengths)
            inputs |= {name: batch[name][0] for name in ("feats", "pitch", "energy")}
        output: dict[str, Tensor] = self.tts.inference(text, **inputs)
        return output
