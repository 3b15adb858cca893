"""What is known of a backbone without importing ESPnet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TAPS = ("encoder", "style", "speaker", "shared", "prosody", "mel")
"""What a head may read; see `espnet_mtl.model.taps`."""


def no_conflict(conf: Mapping[str, Any]) -> str:
    """Says that all values of a `tts_conf` can be together."""
    return ""


@dataclass(frozen=True)
class BackboneSpec:
    """What a configuration may ask of a backbone.

    Attributes:
        espnet_class: The class of ESPnet whose constructor arguments are the keys of `tts_conf`.
        parts: Parts of its TTS loss (`tasks.tts.split`), the spectrogram first.
        branched_parts: Those of them whose gradients come back to the tap `shared` by branches of their own.
        token_features: Features of the dump per token that it takes.
        taps: What a head may read.
        contours: Features per token that it predicts, and whose range a head may restore in synthesis.
        decoding_options: ESPnet's options of decoding that it has, beside `alpha` and `use_teacher_forcing`.
        figures: Figures of its loss that training reports.
        conflict: Says of a `tts_conf` which of its values cannot be together; "" where they can.
    """

    espnet_class: str
    parts: tuple[str, ...]
    branched_parts: tuple[str, ...] = ()
    token_features: tuple[str, ...] = ()
    taps: tuple[str, ...] = TAPS
    contours: tuple[str, ...] = ()
    decoding_options: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    conflict: Callable[[Mapping[str, Any]], str] = no_conflict


def _gst_conflict(conf: Mapping[str, Any], adim: str, default: int) -> str:
    """Checks the global style tokens, whose attention is as wide as the argument `adim`."""
    if not conf.get("use_gst"):
        return ""
    layers, channels = conf.get("gst_conv_layers", 6), conf.get("gst_conv_chans_list", (32, 32, 64, 64, 128, 128))
    if len(channels) != layers:
        return f"gst_conv_chans_list must have gst_conv_layers ({layers}) numbers, got {len(channels)}"
    width, heads = conf.get(adim, default), conf.get("gst_heads", 4)
    return f"{adim} ({width}) must be a multiple of gst_heads ({heads})" if width % heads else ""


def _fastspeech2_conflict(conf: Mapping[str, Any]) -> str:
    adim, aheads = conf.get("adim", 384), conf.get("aheads", 4)
    if adim % 2 or adim % aheads:
        return f"adim ({adim}) must be even, and a multiple of aheads ({aheads})"
    if gst := _gst_conflict(conf, "adim", 384):
        return gst
    if "conformer" not in (conf.get("encoder_type"), conf.get("decoder_type")):
        return ""
    kind = conf.get("conformer_rel_pos_type", "legacy")
    position = conf.get("conformer_pos_enc_layer_type", "rel_pos")
    attention = conf.get("conformer_self_attn_layer_type", "rel_selfattn")
    names = f"conformer_pos_enc_layer_type ({position}) and conformer_self_attn_layer_type ({attention})"
    if ("rel" in position) != ("rel" in attention):
        return f"{names} must both be relative, or neither"
    if kind == "latest" and "legacy" in position + attention:
        return f"{names} cannot be legacy where conformer_rel_pos_type is latest"
    return ""


def _tacotron2_conflict(conf: Mapping[str, Any]) -> str:
    eunits = conf.get("eunits", 512)
    if eunits % 2:
        return f"eunits ({eunits}) must be even: half of them read backwards"
    return _gst_conflict(conf, "eunits", 512)


FASTSPEECH2 = BackboneSpec(
    "espnet2.tts.fastspeech2.fastspeech2:FastSpeech2",
    parts=("mel", "duration", "pitch", "energy"),
    branched_parts=("duration", "pitch", "energy"),
    token_features=("durations", "pitch", "energy"),
    contours=("pitch", "energy"),
    figures=("l1_loss", "duration_loss", "pitch_loss", "energy_loss", "encoder_alpha", "decoder_alpha"),
    conflict=_fastspeech2_conflict,
)

TACOTRON2 = BackboneSpec(
    "espnet2.tts.tacotron2.tacotron2:Tacotron2",
    parts=("mel", "stop", "attention"),
    taps=tuple(tap for tap in TAPS if tap != "prosody"),  # it predicts nothing per token
    decoding_options=(
        *("threshold", "minlenratio", "maxlenratio"),
        *("use_att_constraint", "backward_window", "forward_window"),
    ),
    figures=("l1_loss", "mse_loss", "bce_loss", "attn_loss", "focus_rate"),
    conflict=_tacotron2_conflict,
)
