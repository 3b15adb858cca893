"""FastSpeech2 with a style input and taps."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from espnet_mtl.backbones import PARTS
from espnet_mtl.espnet_imports import import_tts_task
from espnet_mtl.meeting import Gradients, view_of
from espnet_mtl.types import BackboneOutput, Tap

import_tts_task()

from espnet2.legacy.nets.pytorch_backend.fastspeech.duration_predictor import DurationPredictorLoss  # noqa: E402
from espnet2.tts.fastspeech2.fastspeech2 import FastSpeech2  # noqa: E402


class MTLFastSpeech2(FastSpeech2):
    """ESPnet's FastSpeech2 (same parameters, same names) that a style vector is added to.

    ESPnet's forward runs as it is. Hooks reach into it: behind the text encoder, where the style is added, behind the
    table of speakers, whose rows are the tap `speaker`, in front of the variance predictors, where the conditioned
    encoder output is noted as the tap `shared`, in front of the criterion, where what they predict is noted as the tap
    `prosody`, and behind it, where the parts of the loss are. The hooks hold the state of one call, so that one process
    drives one model (ESPnet's distributed training does).

    Attributes:
        token_table: Name of the parameter that has a row for each token.
        parts: Parts of the loss.
        apart: Those of them whose gradients come back to the tap `shared` by ways of their own.
        split: Whether the parts are tasks of their own, and these gradients held apart.
    """

    token_table = "encoder.embed.0.weight"
    parts = PARTS["fastspeech2"]
    apart = parts[1:]
    split = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        weighted = self.criterion.use_weighted_masking
        self.criterion.duration_criterion = DurationLoss(reduction="none" if weighted else "mean")
        self._style: Tensor | None = None
        self._taps: dict[str, Tensor] = {}
        self._held: Gradients = {}
        self._losses: dict[str, Tensor] = {}
        self.encoder.register_forward_hook(self._add_style)
        if self.spks:
            self.sid_emb.register_forward_hook(self._note_speaker)
        self.duration_predictor.register_forward_pre_hook(self._note_shared)
        for part in self.apart:
            getattr(self, f"{part}_predictor").register_forward_pre_hook(partial(self._hold, part))
        self.criterion.register_forward_pre_hook(self._note_prosody, with_kwargs=True)
        self.criterion.register_forward_hook(self._note_losses)

    @property
    def encoder_dim(self) -> int:
        """Size of the encoder's output vectors (adim)."""
        return self.feat_out.in_features

    @property
    def shared_dim(self) -> int:
        """Size of the conditioned encoder output: the encoder's."""
        return self.encoder_dim

    def _add_style(self, module, args, output):
        hidden, masks = output
        self._taps["encoder"] = hidden
        if self._style is None:
            return output
        style = self._style.unsqueeze(1) if self._style.dim() == 2 else functional.pad(self._style, [0, 0, 0, 1])
        return hidden + style, masks

    def _note_speaker(self, module, args, output):
        self._taps["speaker"] = output

    def _note_shared(self, module, args):
        self._taps["shared"] = args[0]

    def _hold(self, part, module, args):
        return (view_of(args[0], f"tts_{part}", self._held), *args[1:]) if self.split else args

    def _note_prosody(self, module, args, kwargs):
        prosody = torch.cat([kwargs["p_outs"], kwargs["e_outs"], kwargs["d_outs"].unsqueeze(-1)], -1)
        self._taps["prosody"] = prosody
        pitch, energy, durations = prosody.split(1, -1)
        return args, {**kwargs, "p_outs": pitch, "e_outs": energy, "d_outs": durations.squeeze(-1)}

    def _note_losses(self, module, args, output):
        self._losses = dict(zip(self.parts, output, strict=True))

    def forward(self, text: Tensor, text_lengths: Tensor, *, style: Tensor | None = None, **batch) -> BackboneOutput:
        """Computes the TTS loss.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            style: Style vectors (B, adim), or (B, T_text, adim) where the style changes along the text.
            batch: ESPnet's other arguments: feats (B, T, odim), feats_lengths (B,), durations, pitch and energy per
                token (B, T_text + 1[, 1]) with their lengths, and spembs, sids or lids.
        """
        self._style, self._held = style, {}
        _, stats, mel = super().forward(text, text_lengths, joint_training=True, **batch)
        real = batch["feats"][:, : mel.size(1)]
        tokens = text_lengths + 1
        log_durations = (batch["durations"] + self.duration_predictor.offset).log().unsqueeze(-1)
        prosody = torch.cat([batch["pitch"], batch["energy"], log_durations], -1)[:, : int(tokens.max())]
        # What the hooks noted leaves with the output: the graph of the last batch takes memory.
        found, losses, self._taps, self._losses, self._style = self._taps, self._losses, {}, {}, None
        taps = {
            "encoder": Tap(found["encoder"], tokens),
            "shared": Tap(found["shared"], tokens, held=self._held),
            "prosody": Tap(found["prosody"], tokens, real=prosody),
            "mel": Tap(mel, batch["feats_lengths"], real=real),
        }
        if "speaker" in found:
            taps["speaker"] = Tap(found["speaker"])
        return BackboneOutput(losses, stats, taps)

    @torch.no_grad()
    def encode(self, text: Tensor) -> Tensor:
        """The tap `encoder` of one text: (T_text,) -> (1, T_text + 1, adim)."""
        self._style = None
        self.encoder(functional.pad(text, [0, 1], value=self.eos)[None], None)
        return self._taps["encoder"]

    def inference(self, text: Tensor, *, style: Tensor | None = None, **options) -> dict[str, Tensor]:
        """ESPnet's inference with a style vector: (1, adim), or (1, T_text, adim)."""
        self._style = style
        with torch.no_grad():
            return super().inference(text, **options)


class DurationLoss(DurationPredictorLoss):
    """Deviance of a Poisson model with a log link, in place of the squared error of log durations.

    The latter predicts a geometric mean: speech comes out short. Here the predicted durations sum to the true ones
    (McCullagh and Nelder 1989, Generalized Linear Models, section 6.2). Scaled to be as large as the squared error
    for small errors.
    """

    def __init__(self, offset: float = 1.0, reduction: str = "mean"):
        super().__init__(offset, reduction)
        self.reduction = reduction

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the loss for log durations and durations in frames, of any one shape."""
        targets = targets.float() + self.offset
        loss = 2 * (outputs.exp() - targets - targets * (outputs - targets.log())) / targets.mean()
        return loss if self.reduction == "none" else loss.mean()
