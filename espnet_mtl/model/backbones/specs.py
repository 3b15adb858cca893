"""What is known of a backbone without importing ESPnet."""

from __future__ import annotations

from dataclasses import dataclass

TAPS = ("encoder", "style", "speaker", "shared", "prosody", "mel")
"""What a head may read; see `espnet_mtl.model.taps`."""


@dataclass(frozen=True)
class BackboneSpec:
    """What a configuration may ask of a backbone.

    Attributes:
        espnet_class: The class of ESPnet whose constructor arguments are the keys of `tts_conf`.
        parts: Parts of its TTS loss (`tasks.tts.split`), the spectrogram first.
        branched_parts: Those of them whose gradients come back to the tap `shared` by branches of their own.
        token_features: Features of the dump per token that it takes.
        taps: What a head may read.
        decoding_options: ESPnet's options of decoding that it has, beside `alpha` and `use_teacher_forcing`.
    """

    espnet_class: str
    parts: tuple[str, ...]
    branched_parts: tuple[str, ...] = ()
    token_features: tuple[str, ...] = ()
    taps: tuple[str, ...] = TAPS
    decoding_options: tuple[str, ...] = ()


FASTSPEECH2 = BackboneSpec(
    "espnet2.tts.fastspeech2.fastspeech2:FastSpeech2",
    parts=("mel", "duration", "pitch", "energy"),
    branched_parts=("duration", "pitch", "energy"),
    token_features=("durations", "pitch", "energy"),
)

TACOTRON2 = BackboneSpec(
    "espnet2.tts.tacotron2.tacotron2:Tacotron2",
    parts=("mel", "stop", "attention"),
    taps=tuple(tap for tap in TAPS if tap != "prosody"),  # it predicts nothing per token
    decoding_options=(
        *("threshold", "minlenratio", "maxlenratio"),
        *("use_att_constraint", "backward_window", "forward_window"),
    ),
)
