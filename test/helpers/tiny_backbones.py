"""A tiny network of every backbone: `tts_conf` by name, and what each takes of a batch."""

from espnet_mtl.registry import BACKBONES

TINY = {
    "fastspeech2": {
        **{"adim": 8, "aheads": 2, "elayers": 1, "eunits": 8, "dlayers": 1, "dunits": 8, "postnet_layers": 0},
        **{f"{name}_predictor_chans": 8 for name in ("duration", "pitch", "energy")},
        **{"positionwise_layer_type": "conv1d", "positionwise_conv_kernel_size": 3, "use_masking": True},
    },
    "tacotron2": {
        **{"embed_dim": 8, "econv_layers": 1, "econv_chans": 8, "econv_filts": 3, "elayers": 1, "eunits": 8, "adim": 8},
        **{"aconv_chans": 4, "aconv_filts": 3, "dlayers": 1, "dunits": 8, "prenet_layers": 1, "prenet_units": 8},
        **{"postnet_layers": 1, "postnet_chans": 8, "postnet_filts": 3, "dropout_rate": 0.0, "zoneout_rate": 0.0},
        **{"reduction_factor": 2, "use_guided_attn_loss": True, "use_masking": True},
    },
}
"""A new backbone needs a line here: the tests build it with these sizes."""


def with_backbone(name: str) -> dict:
    """Keys of a configuration with a tiny network."""
    return {"tts": name, "tts_conf": dict(TINY[name])}


def batch_for(name: str, batch: dict) -> dict:
    """A batch of the model without the features per token that the backbone does not take."""
    dropped = {"durations", "pitch", "energy"} - set(BACKBONES.spec(name).token_features)
    return {key: value for key, value in batch.items() if key.removesuffix("_lengths") not in dropped}


def backbone_batch_for(name: str, batch: dict) -> dict:
    """A batch of the backbone alone: no labels, and features are called feats."""
    batch = {key: value for key, value in batch_for(name, batch).items() if key != "emotion"}
    return {key.replace("speech", "feats"): value for key, value in batch.items()}
