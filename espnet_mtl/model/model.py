"""The multi-task model: backbone, style, task heads and their weighting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.tts.espnet_model import ESPnetTTSModel
from torch import Tensor, nn

from espnet_mtl.errors import UserError
from espnet_mtl.labels import LABELS, UNKNOWN
from espnet_mtl.model.heads.base import Head
from espnet_mtl.model.heads.classifier import Classifier
from espnet_mtl.model.progress import TrainProgress
from espnet_mtl.model.style.table import Style
from espnet_mtl.model.taps import Tap
from espnet_mtl.model.weighting.base import Weighting
from espnet_mtl.model.weighting.junction import meet, view_of


class MTLTTSModel(ESPnetTTSModel):
    """ESPnet's TTS model with auxiliary tasks: L = Σ_k λ_k · ℓ_k(g_k(f(x; θ); φ_k), y_k).

    Args:
        style: Turns labels or recordings into style vectors; None: there is no style.
        style_label: The label whose classes are the rows of the style table.
        heads: Task heads g_k by task name.
        weighting: Combines the task losses.
        parts: ESPnet's parts: tts, feats_extract, normalize, …
    """

    def __init__(self, style: Style | None, style_label: str, heads: dict[str, Head], weighting: Weighting, **parts):
        super().__init__(**parts)
        self.style, self.style_label = style, style_label
        self.heads = nn.ModuleDict(heads)
        weighting.capped = frozenset(name for name, head in heads.items() if head.grad_cap is not None)
        self.weighting = weighting
        self.progress: TrainProgress = TrainProgress()
        self._found: dict[str, Found] = {}

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
                (B, D); labels of the tasks, such as `emotion` (B, K).

        Returns:
            The loss, figures to report and the batch size, as ESPnet's Trainer takes them.
        """
        unknown = text.new_full((len(text), 1), UNKNOWN)
        labels = {name: inputs.get(label.batch_key, unknown) for name, label in LABELS.items()}
        batch = self.features(text, text_lengths, speech, speech_lengths, inputs)

        taps: dict[str, Tap] = {}
        style = None
        if self.style is not None:
            style, tap = self.style(batch["feats"], batch["feats_lengths"], labels[self.style_label])
            taps = {"style": tap} if tap else {}
        output = self.tts(text, text_lengths, style=style, **batch)
        taps.update(output.taps)

        total = torch.stack([*output.losses.values()]).sum()
        losses = {f"tts_{part}": loss for part, loss in output.losses.items()} if self.tts.split else {"tts": total}
        stats = {**output.stats, **(self.figures() if self.training else {}), "tts_loss": total.detach()}
        for name, head in self.task_heads().items():
            tap = replace(taps[head.tap], values=view_of(taps[head.tap].values, name, taps[head.tap].held))
            losses[name], figures = head.loss(tap, labels[head.label], self.progress.fraction)
            stats.update({f"{name}_{key}": value for key, value in figures.items()})
        check_finite(losses, inputs.get("utt_id"))
        stats.update({f"{name}_loss": loss.detach() for name, loss in losses.items()})

        loss, weights = self.weighting(losses)
        stats.update({f"{name}_weight": weight for name, weight in weights.items()}, loss=loss.detach())
        for place, tasks in self.meetings().items():
            # Not bound to the model: ESPnet's attention keeps the last batch's graph, which must not keep the model.
            note = partial(_note, self._found, self.weighting.scale, place)
            meet(taps[place].values, taps[place].held, tasks, self.weighting, place, note)
        return force_gatherable((loss, stats, len(text)), loss.device)

    def meetings(self) -> dict[str, list[str]]:
        """The tasks whose gradients meet at each tap; the first is what comes back through the network behind it."""
        apart = self.tts.split and self.tts.apart
        tasks = {"shared": ["tts_mel", *(f"tts_{part}" for part in self.tts.apart)]} if apart else {}
        for name, head in self.task_heads().items():
            tasks.setdefault(head.tap, ["tts"]).append(name)
        return tasks

    def figures(self) -> dict[str, Tensor]:
        """Figures of the last backward pass, by tap.

        `<tap>_<task>_norm` is the norm of the gradient of λ_k w_k ℓ_k, `<tap>_<task>_share` its weight in the sum, and
        `<tap>_<task>_<task>_cos` the cosine between two gradients.
        """
        figures: dict[str, Tensor] = {}
        for place, (tasks, gramian, weights, scale) in self._found.items():
            norms = gramian.diagonal().sqrt()
            cosines = gramian / torch.outer(norms, norms).clamp(min=1e-30)
            for i, task in enumerate(tasks):
                figures[f"{place}_{task}_norm"] = norms[i] / scale
                figures[f"{place}_{task}_share"] = weights[i]
                figures |= {f"{place}_{task}_{tasks[j]}_cos": cosines[i, j] for j in range(i + 1, len(tasks))}
        return figures

    def features(
        self,
        text: Tensor,
        text_lengths: Tensor,
        speech: Tensor,
        speech_lengths: Tensor,
        inputs: dict[str, Tensor],
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
                    # ESPnet normalizes in place, and the batch belongs to the caller.
                    batch[key], _ = normalize(batch[key].clone(), batch[f"{key}_lengths"])
        return batch

    def task_heads(self) -> dict[str, Head]:
        """The heads by task."""
        return {name: head for name, head in self.heads.items() if isinstance(head, Head)}

    def normalizers(self) -> dict[str, nn.Module | None]:
        """The normalization of each feature."""
        return {"feats": self.normalize, "pitch": self.pitch_normalize, "energy": self.energy_normalize}

    @property
    def text_predictor(self) -> Head | None:
        """The head that tells the style from the text: a classifier of it on the tap `encoder`, not reversed."""
        for head in self.task_heads().values():
            listens = head.tap == "encoder" and head.label == self.style_label and not head.reversed
            if listens and isinstance(head, Classifier):
                return head
        return None

    @torch.no_grad()
    def predict_style(self, text: Tensor) -> Tensor:
        """Style weights (K,) as the text (T_text,) suggests them, by `text_predictor`."""
        assert self.text_predictor is not None
        hidden = self.tts.encode(text)
        return self.text_predictor(Tap(hidden, text.new_tensor([hidden.size(1)])))[0].softmax(-1)

    @torch.no_grad()
    def inference(self, text: Tensor, weights: Tensor | None = None, **inputs) -> dict[str, Tensor]:
        """Synthesizes one utterance.

        Args:
            text: Token ids (T_text,).
            weights: Style weights (K,), or (T_text, K) where they change along the text; None: uniform.
            inputs: As in ESPnet: sids, lids or spembs, and options of decoding.

        Returns:
            ESPnet's outputs (feat_gen, feat_gen_denorm, duration, pitch, energy), with pitch_denorm, in log Hz, and
            energy_denorm.
        """
        if self.style is not None:
            table = self.style.table
            weights = table.new_full((len(table),), 1 / len(table)) if weights is None else weights
            inputs["style"] = self.style.mix(weights.to(table.device).unsqueeze(0))
        output = super().inference(text, **inputs)
        for key in ("pitch", "energy"):
            normalize = self.normalizers()[key]
            if normalize is not None and output.get(key) is not None:
                inverse: Callable[[Tensor], tuple[Tensor, Tensor]] = normalize.inverse  # type: ignore[assignment]
                output[f"{key}_denorm"] = inverse(output[key].clone()[None])[0][0]
        return output


def check_finite(losses: Mapping[str, Tensor], utts: Sequence[str] | None) -> None:
    """Raises UserError where the loss of a task is not a number: it names the task and the utterances."""
    finite = torch.stack([loss.detach() for loss in losses.values()]).isfinite().tolist()
    if not all(finite):
        wrong = ", ".join(f"{name} {losses[name].item()}" for name, ok in zip(losses, finite, strict=True) if not ok)
        raise UserError(
            f"the loss is not finite: {wrong}; utterances {', '.join(utts or ['of this batch'])}: "
            "look for broken features or labels among them, or take a lower learning rate"
        )


def _note(
    found: dict[str, Found],
    scale: Mapping[str, Tensor],
    place: str,
    tasks: Sequence[str],
    gramian: Tensor,
    weights: Tensor,
) -> None:
    """Keeps what a backward pass found at a tap."""
    found[place] = (tasks, gramian, weights, scale["loss"])


Found = tuple[Sequence[str], Tensor, Tensor, Tensor]
"""Tasks, inner products, weights and the scale of the loss."""

BATCH_KEYS = (
    *(f"{name}{suffix}" for name in ("durations", "pitch", "energy") for suffix in ("", "_lengths")),
    *("spembs", "sids", "lids"),
)
"""What a backbone takes beside text and feats."""
