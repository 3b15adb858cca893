"""Tacotron2 with a style input and taps."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from espnet_mtl.errors import UserError
from espnet_mtl.model.backbones.base import Backbone, current_call
from espnet_mtl.model.backbones.specs import TACOTRON2
from espnet_mtl.model.taps import BackboneOutput, Tap, valid_mask
from espnet_mtl.system.imports.espnet import import_tts_task
from espnet_mtl.system.networks import replica

import_tts_task()

from espnet2.tts.tacotron2.tacotron2 import Tacotron2  # noqa: E402
from espnet2.tts.utils import DurationCalculator  # noqa: E402

CONTROLS = ("alpha", "pitch_scale", "energy_scale")
"""Controls that need durations, pitch and energy as inputs of the decoder."""


class MTLTacotron2(Tacotron2, Backbone):
    """ESPnet's Tacotron2 (same parameters, same names) that a style vector is added to.

    Where the hooks are: behind the encoder's LSTM, which training and inference share, where the style is added; behind
    the table of speakers; in front of the decoder, whose input is the tap `shared`; behind it, where the attention is;
    around the criteria, where the tap `mel` and the parts of the loss are; behind each layer of the prenet, which drops
    out in synthesis, too, and draws from the call's generator. ESPnet wants the longest text first: taps
    are put back into the order of the batch on the way.
    """

    spec = TACOTRON2
    token_table = "enc.embed.weight"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.enc.blstm is None:
            raise UserError("tts_conf.elayers: 1 or more: the style is added behind the encoder's LSTM")
        self._take_over_dropout()
        self.enc.blstm.register_forward_hook(self._add_style)
        self.hook_speaker_table()
        self.dec.register_forward_pre_hook(self._record_shared)
        self.dec.register_forward_hook(self._record_attention)
        self.taco2_loss.register_forward_pre_hook(self._record_mel)
        self.taco2_loss.register_forward_hook(self._record_losses)
        if self.use_guided_attn_loss:
            self.attn_loss.register_forward_hook(self._record_attention_loss)

    @property
    def encoder_dim(self) -> int:
        """Size of the encoder's output vectors (eunits)."""
        return 2 * self.enc.blstm.hidden_size

    @property
    def shared_dim(self) -> int:
        """Size of the conditioned encoder output: larger than the encoder's where a speaker embedding is appended."""
        return self.dec.idim

    def _take_over_dropout(self) -> None:
        """Lets the prenet's dropout draw from the generator of a call: ESPnet's draws from one that threads share."""
        if self.dec.prenet is None:
            return
        self.prenet_dropout: float = self.dec.prenet.dropout_rate
        self.dec.prenet.dropout_rate = 0.0  # ESPnet's draws nothing then
        for layer in self.dec.prenet.prenet:
            layer.register_forward_hook(self._drop_out)

    def _drop_out(self, module, args, output):
        return dropout(output, self.prenet_dropout, current_call().generator)

    def _add_style(self, module, args, output):
        packed, state = output
        hidden, lengths = pad_packed_sequence(packed, batch_first=True)
        call = current_call()
        hidden = call.add_style(call.record_tap("encoder", hidden))
        styled: PackedSequence = pack_padded_sequence(hidden, lengths, batch_first=True)
        return styled, state

    def _record_shared(self, module, args):
        hidden, *others = args
        return current_call().record_tap("shared", hidden), *others

    def _record_attention(self, module, args, output):
        current_call().attention = output[-1].detach()

    def _record_mel(self, module, args):
        mel, *others = args
        return current_call().record_tap("mel", mel), *others

    def _record_losses(self, module, args, output):
        l1, mse, stop = output
        mel = {"L1+L2": l1 + mse, "L1": l1, "L2": mse}
        current_call().losses = {"mel": mel[self.loss_type], "stop": stop}

    def _record_attention_loss(self, module, args, output):
        current_call().losses["attention"] = output

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
        ordered = {key: value[order] for key, value in batch.items()}
        ordered_style = None if style is None else style[order]
        with self.call(ordered_style, order) as call, _without_tracing_notes():
            inputs = {"text": text[order], "text_lengths": text_lengths[order], **ordered}
            _, stats, _ = Tacotron2.forward(replica(self), **inputs, joint_training=True)
        assert call.attention is not None
        stats["focus_rate"] = focus_rate(call.attention, ordered["feats_lengths"] // self.reduction_factor)
        tokens, mel = text_lengths + 1, call.taps["mel"]
        frames = batch["feats_lengths"] // self.reduction_factor * self.reduction_factor
        taps = {
            "encoder": Tap(call.taps["encoder"], tokens),
            "shared": Tap(call.taps["shared"], tokens),
            "mel": Tap(mel, frames, real=batch["feats"][:, : mel.size(1)]),
        }
        attention = call.in_batch_order(call.attention)
        return BackboneOutput(call.losses, stats, taps | call.speaker_tap(), attention)

    def run_encoder(self, tokens: Tensor) -> None:
        """Runs the text encoder alone on tokens (1, T_text + 1)."""
        self.enc(tokens, tokens.new_tensor([tokens.size(1)]))

    def inference(
        self,
        text: Tensor,
        *,
        style: Tensor | None = None,
        seed: int = 0,
        speakers: Tensor | None = None,
        feats: Tensor | None = None,
        **options,
    ) -> dict[str, Tensor]:
        """ESPnet's inference with a style vector, (1, eunits) or (1, T_text, eunits), and durations from attention.

        Args:
            text: Token ids (T_text,).
            style: Style vector.
            seed: Seed of the prenet's dropout.
            speakers: Weights (1, speakers) of a mixture of voices.
            feats: Natural spectrogram (T, odim), which is the decoder's input with teacher forcing
                (`use_teacher_forcing`).
            options: ESPnet's options: threshold, minlenratio, maxlenratio, use_att_constraint, …

        Returns:
            ESPnet's outputs, with `duration` (T_text + 1,) in frames, which sum to the number of frames, of `feats`
            with teacher forcing, and `focus_rate` (a scalar).

        Raises:
            UserError: A control that Tacotron2 does not have.
        """
        for name in CONTROLS:
            if options.pop(name, 1.0) != 1.0:
                raise UserError(f"{name}: Tacotron2 has no such control, its attention decides")
        generator = torch.Generator(text.device).manual_seed(seed)
        with self.call(style, generator=generator, speakers=speakers), _without_tracing_notes(), torch.no_grad():
            output = Tacotron2.inference(replica(self), text, feats=feats, **options)
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


def dropout(values: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
    """Drops out as PyTorch does, with the same numbers, but from a generator; None: PyTorch's own."""
    if generator is None or rate in (0.0, 1.0):
        return functional.dropout(values, rate)
    kept = torch.empty_like(values).bernoulli_(1 - rate, generator=generator)
    return values * kept.div_(1 - rate)


def focus_rate(attention: Tensor, steps: Tensor) -> Tensor:
    """Averages the largest weight of each decoder step over the valid steps of a batch.

    Args:
        attention: Attention weights (B, T, T_text).
        steps: Valid decoder steps (B,).
    """
    mask = valid_mask(steps, attention.size(1)).squeeze(-1)
    return (attention.amax(-1) * mask).sum() / mask.sum()


@contextmanager
def _without_tracing_notes() -> Iterator[None]:
    """Keeps what ESPnet's decoder warns of at every batch, that it cannot be traced, out of the log."""

    def keep(record: logging.LogRecord) -> bool:
        return "is not tracable" not in str(record.msg)

    root = logging.getLogger()
    root.addFilter(keep)
    try:
        yield
    finally:
        root.removeFilter(keep)
