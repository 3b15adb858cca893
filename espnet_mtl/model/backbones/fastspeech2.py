"""FastSpeech2 with a style input and taps."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from espnet_mtl.config.numbers import DAMAGED_DURATIONS
from espnet_mtl.errors import UserError
from espnet_mtl.model.backbones.base import Backbone, Edits, current_call, edited_durations, restored_mel
from espnet_mtl.model.backbones.durations import DurationLoss, check_total
from espnet_mtl.model.backbones.specs import FASTSPEECH2
from espnet_mtl.model.ranges import Ranges
from espnet_mtl.model.taps import BackboneOutput, Tap
from espnet_mtl.system.imports.espnet import import_tts_task
from espnet_mtl.system.networks import replica

import_tts_task()

from espnet2.tts.fastspeech2.fastspeech2 import FastSpeech2  # noqa: E402


class MTLFastSpeech2(FastSpeech2, Backbone):
    """ESPnet's FastSpeech2 (same parameters, same names) that a style vector is added to.

    Where the hooks are: behind the text encoder, where the style is added; behind the table of speakers; in front of
    the variance predictors, whose input is the tap `shared`; behind those of pitch and energy, whose range a call may
    restore (that of the spectrogram is restored behind ESPnet's inference); in front of the criterion, where what they
    predict is the tap `prosody`; and behind it, where the parts of the loss are.
    """

    spec = FASTSPEECH2
    token_table = "encoder.embed.0.weight"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        weighted = self.criterion.use_weighted_masking
        self.criterion.duration_criterion = DurationLoss(reduction="none" if weighted else "mean")
        self.register_position_tables()
        self.encoder.register_forward_hook(self._add_style)
        self.hook_speaker_table()
        self.hook_contours()
        self.hook_convolutions()
        # All three predictors have the same input. In training the last shows it, since those of pitch and energy may
        # have it without gradients; in synthesis ESPnet calls that of durations by another name.
        for part in ("pitch", "duration"):
            self.predictor(part).register_forward_pre_hook(self._record_shared)
        for part in self.spec.branched_parts:
            self.predictor(part).register_forward_pre_hook(partial(self._branch, part))
        self.length_regulator.register_forward_pre_hook(self._settle_durations)
        self.criterion.register_forward_pre_hook(self._record_prosody, with_kwargs=True)
        self.criterion.register_forward_hook(self._record_losses)

    @property
    def encoder_dim(self) -> int:
        """Size of the encoder's output vectors (adim)."""
        return self.feat_out.in_features

    @property
    def shared_dim(self) -> int:
        """Size of the conditioned encoder output: the encoder's."""
        return self.encoder_dim

    def tap_dims(self) -> dict[str, int]:
        """Adds the tap `prosody`: pitch, energy and log duration."""
        return {**super().tap_dims(), "prosody": 3}

    def _settle_durations(self, module, args):
        hidden, durations = args
        if self.training:
            return
        # ESPnet makes a mask of the same tensor behind this
        durations.copy_(edited_durations(durations))
        check_total(durations, len(hidden) * hidden.size(1))
        current_call().recorded["duration"] = durations

    def _record_prosody(self, module, args, kwargs):
        predicted = [kwargs["p_outs"], kwargs["e_outs"], kwargs["d_outs"].unsqueeze(-1)]
        prosody = current_call().record_tap("prosody", torch.cat(predicted, -1))
        # The criterion reads the tap, so that its gradients come back through it
        pitch, energy, durations = prosody.split(1, -1)
        return args, {**kwargs, "p_outs": pitch, "e_outs": energy, "d_outs": durations.squeeze(-1)}

    def _record_losses(self, module, args, output):
        current_call().losses = dict(zip(self.spec.parts, output, strict=True))

    def forward(self, text: Tensor, text_lengths: Tensor, *, style: Tensor | None = None, **batch) -> BackboneOutput:
        """Computes the TTS loss.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            style: Style vectors (B, adim), or (B, T_text, adim) where the style changes along the text.
            batch: ESPnet's other arguments: feats (B, T, odim), feats_lengths (B,), durations, pitch and energy per
                token (B, T_text + 1[, 1]) with their lengths, and spembs, sids or lids.
        """
        with self.call(style) as call:
            _, stats, mel = FastSpeech2.forward(replica(self), text, text_lengths, joint_training=True, **batch)
        tokens = text_lengths + 1
        shared, real_prosody = call.taps["shared"], self._real_prosody(batch, call.taps["prosody"].size(1))
        taps = {
            "encoder": Tap(call.taps["encoder"], tokens),
            "shared": Tap(shared, tokens, branch_grads=call.branch_grads),
            "prosody": Tap(call.taps["prosody"], tokens, real=real_prosody, context=shared.detach()),
            "mel": Tap(mel, batch["feats_lengths"], real=batch["feats"][:, : mel.size(1)]),
        }
        return BackboneOutput(call.losses, stats, taps | call.speaker_tap())

    def _real_prosody(self, batch: dict[str, Tensor], tokens: int) -> Tensor:
        """Returns what the predictors should say: pitch, energy and log duration of so many tokens (B, tokens, 3)."""
        log_durations = (batch["durations"] + self.duration_predictor.offset).log().unsqueeze(-1)
        real = torch.cat([batch["pitch"], batch["energy"], log_durations], -1)
        return real[:, :tokens]

    def run_encoder(self, tokens: Tensor) -> None:
        """Runs the text encoder alone on tokens (1, T_text + 1)."""
        self.encoder(tokens, None)

    def inference(
        self,
        text: Tensor,
        *,
        style: Tensor | None = None,
        seed: int = 0,
        ranges: Ranges | None = None,
        edits: Edits | None = None,
        speakers: Tensor | None = None,
        **options,
    ) -> dict[str, Tensor]:
        """ESPnet's inference with a style vector: (1, adim), or (1, T_text, adim). It draws no random numbers.

        With teacher forcing, `duration`, `pitch` and `energy` are the given ones, as the spectrogram has them; ESPnet
        returns the predicted ones, and the logarithm of the duration.
        """
        for name in ("pitch", "energy"):
            if options.get(name) is not None:  # ESPnet measures them in single precision
                options[name] = options[name].to(self.feat_out.weight.dtype)
        with self.call(style, ranges=ranges, edits=edits, speakers=speakers) as call, torch.no_grad():
            output = FastSpeech2.inference(replica(self), text, **options)
            output["feat_gen"] = restored_mel(output["feat_gen"], len(text) + 1)
        predicted, output["duration"] = output["duration"], call.recorded["duration"][0]
        if options.get("use_teacher_forcing"):
            return output | {name: options[name] for name in ("pitch", "energy") if options.get(name) is not None}
        if (predicted < 0).any():  # they were too large for int64
            raise UserError(DAMAGED_DURATIONS)
        if not predicted.any() and "durations" not in call.edits:
            output["duration"] = predicted  # of no frame at all ESPnet makes one a token
        return output
