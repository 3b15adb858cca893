"""The multi-task model: backbone, style, task heads and their weighting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from espnet2.tts.espnet_model import ESPnetTTSModel
from numpy.typing import NDArray
from torch import Tensor, nn

from espnet_mtl.labels import LABELS, UNKNOWN
from espnet_mtl.model.heads.base import Head
from espnet_mtl.model.heads.classifier import Classifier
from espnet_mtl.model.host import for_trainer
from espnet_mtl.model.multitask import MultiTask
from espnet_mtl.model.ranges import range_labels
from espnet_mtl.model.style.table import Style, Styled
from espnet_mtl.model.taps import BackboneOutput, Tap
from espnet_mtl.model.weighting.base import Weighting

Contour = NDArray[np.float64]
ContourEdits = Mapping[str, Callable[[Contour], Contour]]


class MTLTTSModel(ESPnetTTSModel):
    """ESPnet's TTS model with a style and auxiliary tasks.

    Args:
        style: Turns labels or recordings into style vectors; None: there is no style.
        style_label: The label whose classes are the rows of the style table.
        heads: Task heads by task name.
        weighting: Combines the task losses.
        restored: The task whose head says a range in synthesis, by what has it: pitch, energy or mel.
        parts: ESPnet's parts: tts (a `espnet_mtl.model.backbones.base.Backbone`), feats_extract, normalize, …

    Attributes:
        multitask: Makes one loss of the tasks' losses.
    """

    def __init__(
        self,
        style: Style | None,
        style_label: str,
        heads: dict[str, Head],
        weighting: Weighting,
        restored: Mapping[str, str] | None = None,
        **parts,
    ):
        super().__init__(**parts)
        self.style, self.style_label = style, style_label
        self.heads = nn.ModuleDict(heads)
        self.weighting = weighting
        self.restored = dict(restored or {})
        self.multitask = MultiTask(heads, weighting, self.tts.branched_parts)

    def forward(
        self, text: Tensor, text_lengths: Tensor, speech: Tensor, speech_lengths: Tensor, **inputs
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Computes the multi-task loss of a batch.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            speech: Waveforms (B, T_wav), or log-mel spectrograms (B, T, odim) computed beforehand.
            speech_lengths: Samples or frames (B,).
            inputs: durations, pitch and energy per token, each with its `_lengths`; sids, lids (B, 1) or spembs
                (B, D); labels of the tasks, such as `emotion` (B, K); frames of faces `visual` (B, T_v, D), NaN
                throughout where an utterance has none, and `visual_lengths` (B,).

        Returns:
            The loss, figures to report and the batch size, as ESPnet's Trainer takes them.
        """
        output = self.run_network(text, text_lengths, speech, speech_lengths, **inputs)
        learned = {head.label for head in self.multitask.heads.values()}
        labels = batch_labels(inputs, text) | range_labels(output.taps, learned)
        tts_losses = output.task_losses(self.tts.split)
        loss, stats = self.multitask(output.taps, labels, tts_losses, inputs.get("utt_id"), output.stats)
        return for_trainer(loss, stats, len(text))

    def run_network(
        self, text: Tensor, text_lengths: Tensor, speech: Tensor, speech_lengths: Tensor, **inputs
    ) -> BackboneOutput:
        """Runs style and backbone on a batch; see `forward`.

        Returns:
            The backbone's output, with the taps and figures of the style.
        """
        batch = self.features(text, text_lengths, speech, speech_lengths, inputs)
        styled = self.styled(batch, inputs, text)
        style = None if styled is None else styled.vectors
        output: BackboneOutput = self.tts(text, text_lengths, style=style, **batch)
        return with_style(output, styled)

    def features(
        self,
        text: Tensor,
        text_lengths: Tensor,
        speech: Tensor,
        speech_lengths: Tensor,
        inputs: Mapping[str, Tensor],
    ) -> dict[str, Tensor]:
        """Gathers the backbone's batch: features computed beforehand or now, normalized."""
        batch = {key: value for key, value in inputs.items() if key in BATCH_KEYS and value is not None}
        with torch.autocast(speech.device.type, enabled=False):
            if speech.dim() == 3:
                batch.update(feats=speech, feats_lengths=speech_lengths)
            else:
                batch.update(self.collect_feats(text, text_lengths, speech, speech_lengths, **batch))
            for key, normalize in self.normalizers().items():
                if normalize is not None and key in batch:
                    # ESPnet normalizes in place, and the batch belongs to the caller
                    batch[key], _ = normalize(batch[key].clone(), batch[f"{key}_lengths"])
        return batch

    def styled(self, batch: Mapping[str, Tensor], inputs: Mapping[str, Tensor], text: Tensor) -> Styled | None:
        """Finds the styles of a batch; None where the model has none.

        Args:
            batch: What `features` gathered.
            inputs: As `forward` takes them.
            text: Token ids (B, T_text).
        """
        if self.style is None:
            return None
        target = batch_labels(inputs, text)[self.style_label]
        faces = {key: inputs[key] for key in VISUAL_KEYS if key in inputs}
        styled: Styled = self.style(batch["feats"], batch["feats_lengths"], target, **faces)
        return styled

    def normalizers(self) -> dict[str, nn.Module | None]:
        """The normalization of each feature."""
        return {"feats": self.normalize, "pitch": self.pitch_normalize, "energy": self.energy_normalize}

    @property
    def text_predictor(self) -> Head | None:
        """The head that predicts the style from the text: a classifier of it on the tap `encoder`, not reversed."""
        for head in self.multitask.heads.values():
            reads_style_off_text = head.tap == "encoder" and head.label == self.style_label
            if reads_style_off_text and isinstance(head, Classifier) and not head.reversed:
                return head
        return None

    @torch.no_grad()
    def predict_style(self, text: Tensor) -> Tensor:
        """Style weights (K,) as the text (T_text,) suggests them, by `text_predictor`."""
        assert self.text_predictor is not None
        hidden = self.tts.encode(text)
        return self.text_predictor(Tap(hidden, text.new_tensor([hidden.size(1)])))[0].softmax(-1)

    @torch.no_grad()
    def inference(
        self, text: Tensor, weights: Tensor | None = None, edits: ContourEdits | None = None, **inputs
    ) -> dict[str, Tensor]:
        """Synthesizes one utterance.

        Args:
            text: Token ids (T_text,).
            weights: Style weights (K,), or (T_text, K) where they change along the text; None: uniform.
            edits: What to say in place of predicted contours (T_text + 1,), by name: `durations` in frames, `pitch` in
                log Hz, `energy` as it is measured. The backbone must have them (`spec.contours`).
            inputs: As in ESPnet: sids, lids or spembs, and options of decoding; `speakers`: weights (1, speakers) of a
                mixture of voices.

        Returns:
            ESPnet's outputs (feat_gen, feat_gen_denorm, duration, pitch, energy), with pitch_denorm, in log Hz, and
            energy_denorm.
        """
        if self.style is not None:
            weights = self.style.uniform() if weights is None else weights
            inputs["style"] = self.style.mix(weights.to(self.style.table.device).unsqueeze(0))
        if self.restored:
            inputs["ranges"] = {feature: self.heads[task] for feature, task in self.restored.items()}
        if edits:
            inputs["edits"] = {name: self._normalized_edit(name, edit, len(text) + 1) for name, edit in edits.items()}
        output = self.synthesize(text, **inputs)
        return output | self._denormalized(output)

    def _normalized_edit(self, name: str, edit: Callable[[Contour], Contour], count: int) -> Callable[[Tensor], Tensor]:
        """Makes an edit of natural values (N,) one of what the backbone predicts, (1, T) or normalized (1, T, 1)."""
        normalize = self.normalizers().get(name)

        def edit_prediction(predicted: Tensor) -> Tensor:
            values = predicted.detach().clone().view(1, -1, 1)  # ESPnet normalizes in place
            if normalize is not None:
                values, _ = normalize.inverse(values)  # type: ignore[operator]
            # Beyond the tokens of the text there may be padding (ESPNET_BUCKET_INFER)
            changed = edit(values[0, :count, 0].double().cpu().numpy())
            values[0, :count, 0] = torch.from_numpy(changed).to(values)
            if normalize is not None:
                values, _ = normalize(values)
            return values.view(predicted.shape)

        return edit_prediction

    def synthesize(self, text: Tensor, **inputs) -> dict[str, Tensor]:
        """ESPnet's inference."""
        output: dict[str, Tensor] = super().inference(text, **inputs)
        return output

    def _denormalized(self, output: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns `pitch_denorm` and `energy_denorm` of a synthesis, where the backbone predicts them."""
        denormalized = {}
        for key in ("pitch", "energy"):
            normalize = self.normalizers()[key]
            if normalize is not None and output.get(key) is not None:
                inverse: Callable[[Tensor], tuple[Tensor, Tensor]] = normalize.inverse  # type: ignore[assignment]
                # ESPnet denormalizes in place, too
                values, _ = inverse(output[key].clone()[None])
                denormalized[f"{key}_denorm"] = values[0]
        return denormalized


def with_style(output: BackboneOutput, styled: Styled | None) -> BackboneOutput:
    """Adds taps and figures of a batch's styles to a backbone's output."""
    if styled is None:
        return output
    return replace(output, taps=output.taps | styled.taps, stats={**output.stats, **styled.stats})


def batch_labels(inputs: Mapping[str, Tensor], text: Tensor) -> dict[str, Tensor]:
    """Returns the labels of a batch by their names: (B, 1) of -1 where the data have none."""
    unknown = text.new_full((len(text), 1), UNKNOWN)
    return {name: inputs.get(label.batch_key, unknown) for name, label in LABELS.items()}


BATCH_KEYS = (
    *("durations", "durations_lengths", "pitch", "pitch_lengths", "energy", "energy_lengths"),
    *("spembs", "sids", "lids"),
)
"""What a backbone takes beside text and feats."""
VISUAL_KEYS = ("visual", "visual_lengths")
"""Frames of faces (B, T_v, D), and their number (B,)."""
