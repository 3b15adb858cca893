"""JETS with hooks: where the style is added, and what taps and losses are read off."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from espnet_mtl.config.numbers import DAMAGED_DURATIONS
from espnet_mtl.errors import UserError
from espnet_mtl.model.backbones.base import Backbone, current_call, edited_durations
from espnet_mtl.model.backbones.durations import DurationLoss, check_total
from espnet_mtl.model.backbones.specs import JETS as SPEC
from espnet_mtl.system.imports.espnet import import_quietly

import_quietly("espnet2.gan_tts.jets")

from espnet2.gan_tts.jets import JETS  # noqa: E402

GENERATOR = inspect.signature(JETS).parameters["generator_params"].default
"""ESPnet's sizes, where a configuration says none."""


class HookedJETS(JETS, Backbone):
    """ESPnet's JETS (same parameters, same names) that a style vector is added to.

    Where the hooks are: behind the text encoder, where the style is added; behind the table of speakers; in front of
    the duration predictor, whose input is the tap `shared`; in front of the variance loss, where what is predicted is
    the tap `prosody`; behind the spectrograms of the mel loss, where that of the generated segment is the tap `mel`;
    behind the losses, which are the parts of the loss. In synthesis, durations are stretched in front of the length
    regulator, since ESPnet's JETS has no control of its speed.

    Args:
        idim: Tokens.
        odim: Mel channels.
        spks, langs: Speakers and languages; None: one.
        generator_params: Sizes of the generator; None: ESPnet's.
        options: ESPnet's other arguments.
    """

    spec = SPEC
    token_table = "generator.encoder.embed.0.weight"
    mel_mean: Tensor
    mel_std: Tensor

    def __init__(
        self,
        idim: int,
        odim: int,
        *,
        spks: int | None = None,
        langs: int | None = None,
        generator_params: Mapping[str, Any] | None = None,
        **options,
    ):
        # ESPnet's constructor changes the mapping
        sizes = {**(GENERATOR if generator_params is None else generator_params), "spks": spks, "langs": langs}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # ESPnet's weight normalization is the old one of PyTorch
            super().__init__(idim, odim, generator_params=sizes, **options)
        self.eos, self.odim = idim - 1, odim
        self.var_loss.duration_criterion = DurationLoss()
        self.generator.alignment_module.cache_prior = False  # the cache grows with the corpus
        self.generator.alignment_module.register_forward_hook(_in_single_precision)
        self.set_mel_statistics(torch.zeros(odim), torch.ones(odim))
        self.register_position_tables()
        self._hook_generator()
        self._hook_losses()

    def _hook_generator(self) -> None:
        generator = self.generator
        generator.encoder.register_forward_hook(self._add_style)
        self.hook_speaker_table()
        self.hook_contours()
        generator.duration_predictor.register_forward_pre_hook(self._record_shared)
        for part in self.spec.branched_parts:
            self.predictor(part).register_forward_pre_hook(partial(self._branch, part))
        for feature in ("pitch", "energy"):
            embedding = getattr(generator, f"{feature}_embed")
            embedding.register_forward_pre_hook(partial(self._record_feature, feature))
        generator.length_regulator.register_forward_pre_hook(self._settle_durations)
        generator.length_regulator.register_forward_hook(self._back_to_type)
        generator.decoder.register_forward_hook(self._pad_frames)

    def _hook_losses(self) -> None:
        self.mel_loss.wav_to_mel.register_forward_hook(self._record_mel)
        self.var_loss.register_forward_pre_hook(self._record_prosody)
        losses = {
            "mel": self.mel_loss,
            "adversarial": self.generator_adv_loss,
            "matching": self.feat_match_loss,
            "variance": self.var_loss,
            "alignment": self.forwardsum_loss,
        }
        for name, module in losses.items():
            module.register_forward_hook(partial(self._record_loss, name))

    @property
    def sid_emb(self) -> nn.Module:  # type: ignore[override]
        """The table of speakers."""
        return self.generator.sid_emb

    def predictor(self, feature: str) -> nn.Module:
        """Returns a predictor, which is the generator's."""
        module = getattr(self.generator, f"{feature}_predictor")
        assert isinstance(module, nn.Module)
        return module

    @property
    def encoder_dim(self) -> int:
        """Size of the encoder's output vectors (adim)."""
        return self.generator.encoder.embed[0].embedding_dim

    @property
    def shared_dim(self) -> int:
        """Size of the conditioned encoder output: the encoder's."""
        return self.encoder_dim

    def tap_dims(self) -> dict[str, int]:
        """Adds the tap `prosody`: pitch, energy and log duration."""
        return {**super().tap_dims(), "prosody": 3}

    def row_tables(self) -> dict[str, str]:
        """Names the tables, which are in the generator."""
        tables = super().row_tables()
        return {key if key == self.token_table else f"generator.{key}": kind for key, kind in tables.items()}

    def align_with(self, module: nn.Module, loss: nn.Module) -> None:
        """Takes another alignment module, of the same parts as ESPnet's, and another forward-sum loss."""
        for name, part in self.generator.alignment_module.named_children():
            setattr(module, name, part)
        module.register_forward_hook(_in_single_precision)
        self.generator.alignment_module = module
        self.forwardsum_loss = loss
        loss.register_forward_hook(partial(self._record_loss, "alignment"))

    def set_mel_statistics(self, mean: Tensor, std: Tensor) -> None:
        """Sets mean and standard deviation (odim,) of log-mels, with which the tap `mel` is normalized."""
        self.register_buffer("mel_mean", mean.float().clone(), persistent=False)
        self.register_buffer("mel_std", std.float().clone(), persistent=False)

    def _record_feature(self, feature, module, args):
        current_call().recorded[feature] = args[0].detach().transpose(1, 2)

    def _settle_durations(self, module, args):
        hidden, durations, *masks = args
        call = current_call()
        if call.alpha != 1.0:
            durations = (durations * call.alpha).round()
        if not self.training:
            durations = edited_durations(durations)
            check_total(durations, len(hidden) * hidden.size(1))
            if (durations < 0).any():  # they were too large for int64
                raise UserError(DAMAGED_DURATIONS)
        call.recorded["duration"] = durations
        return hidden.float(), durations, *masks  # ESPnet's regulator computes in single precision

    def _back_to_type(self, module, args, output):
        return output.to(self.generator.duration_predictor.linear.weight.dtype)

    def _pad_frames(self, module, args, output):
        """Pads a batch in training to the length of a segment, which ESPnet cuts out of it."""
        frames, masks = output
        if not current_call().segments:
            return output
        return functional.pad(frames, [0, 0, 0, max(0, self.generator.segment_size - frames.size(1))]), masks

    def _record_mel(self, module, args, output):
        mel, lengths = output
        call = current_call()
        normal = (mel - self.mel_mean) / self.mel_std
        if "mel" in call.taps:  # that of the generated segment comes first
            call.recorded["real_mel"] = normal.detach()
            return output
        # The loss reads the tap, so that its gradients come back through it
        return call.record_tap("mel", normal) * self.mel_std + self.mel_mean, lengths

    def _record_prosody(self, module, args):
        log_durations, durations, pitch, real_pitch, energy, real_energy, lengths = args
        call = current_call()
        prosody = call.record_tap("prosody", torch.cat([pitch, energy, log_durations.unsqueeze(-1)], -1))
        real_log = (durations + module.duration_criterion.offset).log().unsqueeze(-1)
        call.recorded["real_prosody"] = torch.cat([real_pitch, real_energy, real_log], -1)
        pitch, energy, log_durations = prosody.split(1, -1)
        return log_durations.squeeze(-1), durations, pitch, real_pitch, energy, real_energy, lengths

    def _record_loss(self, name, module, args, output):
        current_call().losses[name] = output


def _in_single_precision(module, args, output: Tensor) -> Tensor:
    """ESPnet searches for the path through the alignment with numpy, which has no bfloat16."""
    return output.float()
