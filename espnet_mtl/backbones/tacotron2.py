"""Tacotron2 with a style input and taps."""

from __future__ import annotations

import logging

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from espnet_mtl.backbones import PARTS
from espnet_mtl.errors import UserError
from espnet_mtl.espnet_imports import import_tts_task
from espnet_mtl.types import BackboneOutput, Tap, valid_mask

import_tts_task()

from espnet2.tts.tacotron2.tacotron2 import Tacotron2  # noqa: E402
from espnet2.tts.utils import DurationCalculator  # noqa: E402

CONTROLS = ("alpha", "pitch_scale", "energy_scale")
"""Controls that need durations, pitch and energy as inputs of the decoder."""

# ESPnet's decoder makes ESPnet warn at every batch that it cannot be traced.
logging.getLogger().addFilter(lambda record: "is not tracable" not in str(record.msg))


class MTLTacotron2(Tacotron2):
    """ESPnet's Tacotron2 (same parameters, same names) that a style vector is added to.

    ESPnet's forward runs as it is. Hooks reach into it: behind the encoder's LSTM, which training and inference share,
    the style is added; behind the table of speakers, whose rows are the tap `speaker`; in front of the decoder the
    conditioned encoder output is noted as the tap `shared`; behind it, the attention; around the criteria, the tap
    `mel` and the parts of the loss. They hold the state of one call, so that one process drives one model. ESPnet wants
    the longest text first: taps are put back into the order of the batch on the way, so that every gradient passes
    through them.

    Attributes:
        attention: Attention weights of the last batch (B, T // reduction_factor, T_text + 1), longest text first.
        token_table: Name of the parameter that has a row for each token.
        parts: Parts of the loss.
        apart: Those of them whose gradients come back to the tap `shared` by ways of their own.
        split: Whether the parts are tasks of their own.
    """

    token_table = "enc.embed.weight"
    parts = PARTS["tacotron2"]
    apart = ()
    split = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._style: Tensor | None = None
        self._taps: dict[str, Tensor] = {}
        self._losses: dict[str, Tensor] = {}
        self._order = self._back = torch.empty(0, dtype=torch.long)
        self.attention: Tensor = torch.empty(0)
        self.enc.blstm.register_forward_hook(self._add_style)
        if self.spks:
            self.sid_emb.register_forward_hook(self._note_speaker)
        self.dec.register_forward_pre_hook(self._note_shared)
        self.dec.register_forward_hook(self._note_attention)
        self.taco2_loss.register_forward_pre_hook(self._note_mel)
        self.taco2_loss.register_forward_hook(self._note_losses)
        if self.use_guided_attn_loss:
            self.attn_loss.register_forward_hook(self._note_attention_loss)

    @property
    def encoder_dim(self) -> int:
        """Size of the encoder's output vectors (eunits)."""
        return 2 * self.enc.blstm.hidden_size

    @property
    def shared_dim(self) -> int:
        """Size of the conditioned encoder output: larger than the encoder's where a speaker embedding is appended."""
        return self.dec.idim

    def _add_style(self, module, args, output):
        packed, state = output
        hidden, lengths = pad_packed_sequence(packed, batch_first=True)
        hidden = self._through("encoder", hidden)
        if self._style is not None:
            whole = self._style.dim() == 2
            hidden = hidden + (self._style.unsqueeze(1) if whole else functional.pad(self._style, [0, 0, 0, 1]))
        styled: PackedSequence = pack_padded_sequence(hidden, lengths, batch_first=True)
        return styled, state

    def _through(self, tap: str, values: Tensor) -> Tensor:
        """Notes a tap in the order of the batch, and returns it, longest text first."""
        if not len(self._order):
            return values
        self._taps[tap] = values[self._back]
        return self._taps[tap][self._order]

    def _note_speaker(self, module, args, output):
        return self._through("speaker", output)

    def _note_shared(self, module, args):
        return (self._through("shared", args[0]), *args[1:])

    def _note_mel(self, module, args):
        return self._through("mel", args[0]), *args[1:]

    def _note_losses(self, module, args, output):
        l1, mse, stop = output
        self._losses = {"mel": {"L1+L2": l1 + mse, "L1": l1, "L2": mse}[self.loss_type], "stop": stop}

    def _note_attention_loss(self, module, args, output):
        self._losses["attention"] = output

    def _note_attention(self, module, args, output):
        self.attention = output[-1].detach()

    def forward(self, text: Tensor, text_lengths: Tensor, *, style: Tensor | None = None, **batch) -> BackboneOutput:
        """Computes the TTS loss.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            style: Style vectors (B, eunits), or (B, T_text, eunits) where the style changes along the text.
            batch: ESPnet's other arguments: feats (B, T, odim), feats_lengths (B,), and spembs, sids or lids.

        Returns:
            The loss, with `focus_rate` among the figures: the mean over decoder steps of the largest attention weight
            (Ren et al. 2019, arXiv 1905.09263, eq. 6). The tap `mel` is the output behind the postnet; as in ESPnet,
            each utterance loses the frames beyond a multiple of the reduction factor.
        """
        order = text_lengths.argsort(descending=True, stable=True)
        self._order, self._back = order, (back := order.argsort())
        self._style = None if style is None else style[order]
        batch = {key: value[order] for key, value in batch.items()}
        _, stats, _ = super().forward(text[order], text_lengths[order], joint_training=True, **batch)
        steps = batch["feats_lengths"] // self.reduction_factor
        stats["focus_rate"] = focus_rate(self.attention, steps).item()
        frames, tokens = (steps * self.reduction_factor)[back], text_lengths + 1
        found, losses, self._taps, self._losses, self._style = self._taps, self._losses, {}, {}, None
        taps = {
            "encoder": Tap(found["encoder"], tokens),
            "shared": Tap(found["shared"], tokens),
            "mel": Tap(found["mel"], frames, real=batch["feats"][back, : found["mel"].size(1)]),
        }
        if "speaker" in found:
            taps["speaker"] = Tap(found["speaker"])
        return BackboneOutput(losses, stats, taps)

    @torch.no_grad()
    def encode(self, text: Tensor) -> Tensor:
        """The tap `encoder` of one text: (T_text,) -> (1, T_text + 1, eunits)."""
        self._style, self._order = None, self._order[:0]
        hidden, _ = self.enc(functional.pad(text, [0, 1], value=self.eos)[None], text.new_tensor([len(text) + 1]))
        return hidden

    def inference(
        self, text: Tensor, *, style: Tensor | None = None, feats: Tensor | None = None, **options
    ) -> dict[str, Tensor]:
        """ESPnet's inference with a style vector, (1, eunits) or (1, T_text, eunits), and durations from attention.

        Args:
            text: Token ids (T_text,).
            style: Style vector.
            feats: Natural spectrogram (T, odim), read by force where `use_teacher_forcing` is set.
            options: ESPnet's options: threshold, minlenratio, maxlenratio, use_att_constraint, …

        Returns:
            ESPnet's outputs, with `duration` (T_text + 1,) in frames, which sum to the number of frames, of `feats`
            where they are read by force, and `focus_rate` (a scalar).

        Raises:
            UserError: A control that Tacotron2 does not have.
        """
        self._style, self._order = style, self._order[:0]
        for name in CONTROLS:
            if options.pop(name, 1.0) != 1.0:
                raise UserError(f"{name}: Tacotron2 has no such control, its attention decides; FastSpeech2 has it")
        with torch.no_grad():
            output = super().inference(text, feats=feats, **options)
        frames = len(output["feat_gen"] if feats is None else feats)
        output["duration"], output["focus_rate"] = self.token_durations(output["att_w"], frames)
        return output

    def token_durations(self, attention: Tensor, frames: int) -> tuple[Tensor, Tensor]:
        """Counts the frames that attend most to each token (ESPnet's duration calculator).

        Args:
            attention: Attention weights of one utterance (T // reduction_factor, T_text + 1).
            frames: Its frames T; those beyond a multiple of the reduction factor go with the last step.

        Returns:
            Durations in frames (T_text + 1,), which sum to T, and the focus rate (a scalar).
        """
        steps = torch.arange(frames, device=attention.device) // self.reduction_factor
        durations, _ = DurationCalculator()(attention[steps.clamp(max=len(attention) - 1)])
        return durations, focus_rate(attention[None], steps.new_tensor([len(attention)]))


def focus_rate(attention: Tensor, steps: Tensor) -> Tensor:
    """Averages the largest weight of each decoder step over the valid steps of a batch.

    Args:
        attention: Attention weights (B, T, T_text).
        steps: Valid decoder steps (B,).
    """
    return attention.amax(-1)[valid_mask(steps, attention.size(1)).squeeze(-1)].mean()
