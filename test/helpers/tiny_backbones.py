"""A tiny network of every backbone: `tts_conf` by name, and what each takes of a batch."""

import torch

from espnet_mtl.registry import BACKBONES

HOP = 256
TINY = {
    "fastspeech2": {
        **{"adim": 8, "aheads": 2, "elayers": 1, "eunits": 8, "dlayers": 1, "dunits": 8, "postnet_layers": 0},
        **{f"{name}_predictor_chans": 8 for name in ("duration", "pitch", "energy")},
        **{"positionwise_layer_type": "conv1d", "positionwise_conv_kernel_size": 3, "use_masking": True},
    },
    "jets": {
        "generator_params": {
            **{"adim": 8, "aheads": 2, "elayers": 1, "eunits": 8, "dlayers": 1, "dunits": 8, "segment_size": 4},
            **{f"{name}_predictor_chans": 8 for name in ("duration", "pitch", "energy")},
            **{"generator_channels": 8, "generator_upsample_scales": [16, 16]},
            **{"generator_upsample_kernel_sizes": [32, 32], "generator_resblock_kernel_sizes": [3]},
            "generator_resblock_dilations": [[1]],
        },
        "discriminator_params": {
            **{"scales": 1, "periods": [2], "follow_official_norm": False},
            "scale_discriminator_params": {"channels": 4, "max_downsample_channels": 8, "max_groups": 2},
            "period_discriminator_params": {"channels": 4, "max_downsample_channels": 8},
        },
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


def sizes_of(name: str, espnets: bool, **sizes: int) -> dict:
    """Arguments of a backbone's constructor, or of that of ESPnet's class, which may nest numbers of speakers."""
    conf = dict(TINY[name])
    if name == "jets" and espnets:
        nested = {key: sizes.pop(key) for key in ("spks", "langs") if key in sizes}
        conf["generator_params"] = {**conf["generator_params"], **nested}
    return {**sizes, **conf}


def recordings_for(batch: dict) -> dict:
    """Voiced sounds as long as the spectrograms of a batch, in their place."""
    lengths = (batch["speech_lengths"] - 1) * HOP
    time = torch.arange(int(lengths.max())) / 16000
    pitch = torch.tensor([110.0, 150.0, 200.0, 240.0])
    harmonics = torch.arange(1, 15)
    speech = (2 * torch.pi * pitch[:, None, None] * harmonics[:, None] * time).sin() / harmonics[:, None]
    return {"speech": 0.1 * speech.sum(1) * (torch.arange(len(time)) < lengths[:, None]), "speech_lengths": lengths}


def batch_for(name: str, batch: dict) -> dict:
    """A batch of the model as the backbone takes it: recordings, or features and those per token that it needs."""
    if BACKBONES.spec(name).end_to_end:
        batch = {**batch, **recordings_for(batch)}
    dropped = {"durations", "pitch", "energy"} - set(BACKBONES.spec(name).token_features)
    return {key: value for key, value in batch.items() if key.removesuffix("_lengths") not in dropped}


def backbone_batch_for(name: str, batch: dict) -> dict:
    """A batch of the backbone alone: no labels, no faces, and features are called feats."""
    if BACKBONES.spec(name).end_to_end:
        frames = {"feats": batch["speech"], "pitch": batch["speech"][..., :1], "energy": batch["speech"][..., 1:2]}
        lengths = {f"{key}_lengths": batch["speech_lengths"] for key in frames}
        kept = {key: batch[key] for key in ("text", "text_lengths", "sids")}
        return {**kept, **frames, **lengths, **recordings_for(batch)}
    dropped = ("emotion", "visual", "visual_lengths")
    batch = {key: value for key, value in batch_for(name, batch).items() if key not in dropped}
    return {key.replace("speech", "feats"): value for key, value in batch.items()}


def take_turn(model, batch: dict, **more) -> tuple:
    """Loss and figures of a batch; of a model with a discriminator, those of the generator's turn."""
    # Such a model knows a step by its recordings: each call is to be a step of its own
    output = model(**batch | {"speech": batch["speech"].clone()}, **more)
    if isinstance(output, dict):
        return output["loss"], output["stats"]
    loss, stats, _ = output
    return loss, stats
