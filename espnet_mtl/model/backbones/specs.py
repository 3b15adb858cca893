"""What is known of a backbone without importing ESPnet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

TAPS = ("encoder", "style", "visual", "speaker", "shared", "prosody", "mel")
"""What a head may read; see `espnet_mtl.model.taps`."""

CONTOURS = ("durations", "pitch", "energy")
"""What non-autoregressive backbones predict per token."""


def no_conflict(config: Mapping[str, Any]) -> str:
    """Says that all values of a `tts_conf` can be together."""
    return ""


def nothing(config: Mapping[str, Any]) -> dict[str, Any]:
    """Says that no value of a `tts_conf` follows from others."""
    return {}


@dataclass(frozen=True)
class BackboneSpec:
    """What a configuration may ask of a backbone.

    Attributes:
        espnet_class: The class of ESPnet whose constructor arguments are the keys of `tts_conf`.
        parts: Parts of its TTS loss (`tasks.tts.split`), the spectrogram first.
        branched_parts: Those of them whose gradients come back to the tap `shared` by branches of their own.
        token_features: Features of the dump per token that it takes.
        taps: What a head may read.
        ranges: What it predicts, and whose range a head may restore in synthesis: contours of tokens, spectrograms.
        contours: What it predicts per token, and a call may change before it is spoken.
        decoding_options: ESPnet's options of decoding that it has, beside `alpha` and `use_teacher_forcing`.
        figures: Figures of its loss that training reports.
        conflict: Says of a completed configuration which values of its `tts_conf` cannot be together; "": they can.
        end_to_end: Whether it makes waveforms, with ESPnet's GAN trainer: it learns from recordings, measures pitch and
            energy per frame itself, and speaks without a vocoder.
        predicted: What stage 6 keeps of its predictions.
        sections: Sections within `tts_conf`, and ESPnet's class whose constructor arguments are their keys.
        fixed: Constructor arguments that a configuration does not say.
        derived_keys: Constructor arguments that follow from the rest of a configuration.
        derived: Returns their values, of a completed configuration.
    """

    espnet_class: str
    parts: tuple[str, ...]
    branched_parts: tuple[str, ...] = ()
    token_features: tuple[str, ...] = ()
    taps: tuple[str, ...] = TAPS
    ranges: tuple[str, ...] = ()
    contours: tuple[str, ...] = ()
    decoding_options: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    conflict: Callable[[Mapping[str, Any]], str] = no_conflict
    end_to_end: bool = False
    predicted: tuple[str, ...] = ("feats",)
    sections: Mapping[str, str] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    derived_keys: tuple[str, ...] = ()
    derived: Callable[[Mapping[str, Any]], dict[str, Any]] = nothing


def _gst_conflict(conf: Mapping[str, Any], adim: str, default: int) -> str:
    """Checks the global style tokens, whose attention is as wide as the argument `adim`."""
    if not conf.get("use_gst"):
        return ""
    layers, channels = conf.get("gst_conv_layers", 6), conf.get("gst_conv_chans_list", (32, 32, 64, 64, 128, 128))
    if len(channels) != layers:
        return f"gst_conv_chans_list must have gst_conv_layers ({layers}) numbers, got {len(channels)}"
    width, heads = conf.get(adim, default), conf.get("gst_heads", 4)
    return f"{adim} ({width}) must be a multiple of gst_heads ({heads})" if width % heads else ""


def _fastspeech2_conflict(config: Mapping[str, Any]) -> str:
    return _transformer_conflict(config["tts_conf"], adim=384, aheads=4)


def _transformer_conflict(conf: Mapping[str, Any], adim: int, aheads: int) -> str:
    """Checks encoder and decoder; `adim` and `aheads` are ESPnet's defaults."""
    width, heads = conf.get("adim", adim), conf.get("aheads", aheads)
    if width % 2 or width % heads:
        return f"adim ({width}) must be even, and a multiple of aheads ({heads})"
    if gst := _gst_conflict(conf, "adim", adim):
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


def _tacotron2_conflict(config: Mapping[str, Any]) -> str:
    conf = config["tts_conf"]
    eunits = conf.get("eunits", 512)
    if eunits % 2:
        return f"eunits ({eunits}) must be even: half of them read backwards"
    return _gst_conflict(conf, "eunits", 512)


def _jets_conflict(config: Mapping[str, Any]) -> str:
    conf, hop = config["tts_conf"].get("generator_params", {}), config["feats_extract_conf"]["hop_length"]
    if conflict := _transformer_conflict(conf, adim=256, aheads=2):
        return f"generator_params: {conflict}"
    scales = list(conf.get("generator_upsample_scales", (8, 8, 2, 2)))
    kernels = list(conf.get("generator_upsample_kernel_sizes", (16, 16, 4, 4)))
    if prod(scales) != hop:
        return f"generator_params.generator_upsample_scales: {scales} must multiply to hop_length ({hop})"
    if kernels != [2 * scale for scale in scales]:
        return f"generator_params.generator_upsample_kernel_sizes: twice the scales {scales}, got {kernels}"
    sizes = conf.get("generator_resblock_kernel_sizes", (3, 7, 11))
    dilations = conf.get("generator_resblock_dilations", (1, 3, 5))
    if len(sizes) != len(dilations):
        return f"generator_params.generator_resblock_dilations: {len(sizes)} lists, one for each kernel size"
    return ""


def _jets_derived(config: Mapping[str, Any]) -> dict[str, Any]:
    """Hands the signal to the mel loss, which so compares spectrograms like those of stage 3."""
    signal = {key: value for key, value in config["feats_extract_conf"].items() if key != "htk"}
    defaults = {"n_mels": 80, "fmin": 80, "fmax": 7600}
    return {"sampling_rate": signal["fs"], "mel_loss_params": {**defaults, **signal}}


FASTSPEECH2 = BackboneSpec(
    "espnet2.tts.fastspeech2.fastspeech2:FastSpeech2",
    parts=("mel", "duration", "pitch", "energy"),
    branched_parts=("duration", "pitch", "energy"),
    token_features=("durations", "pitch", "energy"),
    ranges=("pitch", "energy", "mel"),
    contours=CONTOURS,
    predicted=("feats", "pitch"),
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

JETS = BackboneSpec(
    "espnet2.gan_tts.jets:JETS",
    parts=("mel", "adversarial", "matching", "duration", "pitch", "energy", "alignment"),
    branched_parts=("duration", "pitch", "energy"),
    figures=(
        *("generator_loss", "generator_g_loss", "generator_var_loss", "generator_align_loss"),
        *("generator_g_mel_loss", "generator_g_adv_loss", "generator_g_feat_match_loss"),
        *("generator_var_dur_loss", "generator_var_pitch_loss", "generator_var_energy_loss"),
        *("generator_align_forwardsum_loss", "generator_align_bin_loss"),
        *("discriminator_loss", "discriminator_real_loss", "discriminator_fake_loss"),
    ),
    conflict=_jets_conflict,
    contours=CONTOURS,
    end_to_end=True,
    predicted=("pitch",),
    sections={
        "generator_params": "JETSGenerator",
        "discriminator_params": "HiFiGANMultiScaleMultiPeriodDiscriminator",
        "discriminator_params.scale_discriminator_params": "HiFiGANScaleDiscriminator",
        "discriminator_params.period_discriminator_params": "HiFiGANPeriodDiscriminator",
        "generator_adv_loss_params": "GeneratorAdversarialLoss",
        "discriminator_adv_loss_params": "DiscriminatorAdversarialLoss",
        "feat_match_loss_params": "FeatureMatchLoss",
    },
    fixed=(
        *("generator_type", "discriminator_type", "cache_generator_outputs", "plot_pred_mos", "mos_pred_tool"),
        *("generator_out_channels", "generator_global_channels", "in_channels", "out_channels"),
    ),
    derived_keys=("sampling_rate", "mel_loss_params"),
    derived=_jets_derived,
)
