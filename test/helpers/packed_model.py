"""A sound packed model, as members of an archive."""

import yaml

CONFIG = {
    "tts": "fastspeech2",
    "normalize_conf": {"stats_file": "exp/train/feats_stats.npz"},
    "pitch_normalize_conf": {},
}
META = {"files": {"model_file": "exp/train/m.pth"}, "yaml_files": {"train_config": "exp/train/config.yaml"}}


def members(meta=META, config=CONFIG, **changes):
    """Member name -> content of a sound model, with `changes` (a content of None removes the member)."""
    content = {
        "meta.yaml": yaml.safe_dump(meta),
        "exp/train/config.yaml": yaml.safe_dump(config),
        "exp/train/m.pth": "weights",
        "exp/train/feats_stats.npz": "statistics",
        **changes,
    }
    return {name: value.encode() for name, value in content.items() if value is not None}
