"""What ESPnet's training takes, known without importing ESPnet.

`espnet_keys.txt` and `espnet_classes.json` are written by `python test/helpers/espnet_tables.py` and held against the
installed ESPnet by a test.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

FEATURE_CLASSES = {
    "feats_extract_conf": "LogMelFbank",
    "pitch_extract_conf": "Dio",
    "energy_extract_conf": "Energy",
    "normalize_conf": "GlobalMVN",
    "pitch_normalize_conf": "GlobalMVN",
    "energy_normalize_conf": "GlobalMVN",
}
"""Sections of features, and ESPnet's class whose constructor arguments are their keys."""

RECIPE_KEYS = {
    **dict.fromkeys(("output_dir", "train_data_path_and_name_and_type", "train_shape_file"), "run.sh decides it"),
    **dict.fromkeys(("valid_data_path_and_name_and_type", "valid_shape_file"), "run.sh decides it"),
    **dict.fromkeys(("token_list", "bpemodel"), "stage 4 makes it"),
    "odim": "it follows from feats_extract_conf.n_mels",
    "token_type": "say run.sh --token_type",
    "resume": "stage 5 goes on where it stopped",
    **dict.fromkeys(("collect_stats", "write_collected_feats"), "stage 4 collects statistics"),
    **dict.fromkeys(("dry_run", "print_config"), "it is for ESPnet's own command line"),
    "g2p": "phonemes come from espeak (key language)",
    "non_linguistic_symbols": "the tokens of stage 4 have none",
    "use_preprocessor": "texts and labels are always turned into numbers",
    "model_conf": "ESPnet's text-to-speech model has no options",
}
"""Keys of ESPnet's parser that would have no effect here, or break a stage, and what to do instead."""

ONLY_VALUES = {
    "feats_extract": ("fbank",),
    "pitch_extract": ("dio",),
    "energy_extract": ("energy",),
    "normalize": ("global_mvn",),
    "pitch_normalize": ("global_mvn",),
    "energy_normalize": ("global_mvn",),
}
"""Choices of ESPnet of which stages 3 and 4, and the vocoder, know but one."""


@cache
def espnet_keys() -> tuple[str, ...]:
    """Names the options of ESPnet's own TTS training."""
    return tuple((files("espnet_mtl.config") / "espnet_keys.txt").read_text(encoding="utf-8").split())


@cache
def _tables() -> dict[str, dict[str, list[str]]]:
    return json.loads((files("espnet_mtl.config") / "espnet_classes.json").read_text(encoding="utf-8"))


def class_arguments(name: str) -> list[str]:
    """Names the constructor arguments of one of ESPnet's networks or feature extractors, such as `FastSpeech2`."""
    return _tables()["networks"][name]


def optimizer_arguments(kind: str, name: str) -> list[str] | None:
    """Names the options of an optimizer (`optim`) or a scheduler (`scheduler`) of ESPnet's own.

    None for others: packages such as torch_optimizer bring more, and ESPnet's parser names those that it finds.
    """
    return _tables()[kind].get(name)
