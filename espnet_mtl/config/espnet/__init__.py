"""What ESPnet's training takes, known without importing ESPnet.

`keys.txt` and `classes.json` are written by `python test/helpers/espnet_tables.py` and held against the
installed ESPnet by a test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from espnet_mtl.labels import TABLES

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
    "ngpu": "say run.sh --ngpu",
    "log_level": "training logs at INFO",
    **dict.fromkeys(TABLES, "stage 4 makes its table from the data"),
    "multi_task_dataset": "it is for speech language models; auxiliary tasks are listed in tasks",
    "no_forward_run": "nothing would be trained",
    "pretrain_path": "say init_param",
    **dict.fromkeys(("use_adapter", "adapter", "adapter_conf", "save_strategy"), "all weights are trained and kept"),
    **dict.fromkeys(("use_deepspeed", "deepspeed_config"), "several GPUs are used by run.sh --ngpu"),
    "multiple_iterator": "say run.sh --num_splits",
    "allow_multi_rates": "there is one dump, of one sampling rate",
    **dict.fromkeys(
        (
            *("chunk_length", "chunk_shift_ratio", "num_cache_chunks", "chunk_excluded_key_prefixes"),
            *("chunk_default_fs", "chunk_max_abs_length", "chunk_discard_short_samples"),
            *("category_sample_size", "category_upsampling_factor", "dataset_upsampling_factor"),
            *("dataset_scaling_factor", "upsampling_factor", "max_batch_size"),
        ),
        "only whole utterances are read, in batches of a batch_type (iterator_type: sequence)",
    ),
}
"""Keys of ESPnet's parser that would have no effect here, or break a stage, and what to do instead."""

DERIVED = {
    "tts_conf": (("spks", "langs", "idim", "odim"), "it follows from the data"),
    **dict.fromkeys(
        ("normalize_conf", "pitch_normalize_conf", "energy_normalize_conf"), (("stats_file",), "stage 4 makes it")
    ),
}
"""Keys within sections that are filled in by the recipe, and where they come from."""

ONLY_VALUES = {
    "feats_extract": ("fbank",),
    "pitch_extract": ("dio",),
    "energy_extract": ("energy",),
    "normalize": ("global_mvn",),
    "pitch_normalize": ("global_mvn",),
    "energy_normalize": ("global_mvn",),
}
"""Choices of ESPnet of which stages 3 and 4, and the vocoder, know but one."""


GAN_KEYS = ("optim2", "optim2_conf", "scheduler2", "scheduler2_conf", "generator_first")
"""Keys of ESPnet's GAN training beside those of its TTS training: the optimizer of the discriminator."""
GAN_REFUSED: Mapping[str, tuple[object, str]] = {
    "accum_grad": (1, "ESPnet's GAN trainer makes a step of each batch: say 1, and raise batch_size or batch_bins"),
    "grad_noise": (False, "ESPnet's GAN trainer has none: say false"),
    "exclude_weight_decay": (False, "ESPnet's GAN training has no such groups of parameters: say false"),
    "skip_discriminator_prob": (0, "ESPnet's GAN trainer has it for codecs alone: leave it out"),
}
"""Keys that ESPnet's GAN trainer does not support: the value without effect, and what to do instead of others."""


OTHER_OPTIMIZERS = (
    *("accagd", "adabound", "adamod", "diffgrad", "lamb", "novograd", "pid", "qhm", "sgdw", "yogi"),
    *("fusedadam", "fusedlamb", "fusednovograd", "fusedsgd"),
)
"""Optimizers that ESPnet takes from torch_optimizer and apex where these are installed; their options are their own."""


@cache
def espnet_keys() -> tuple[str, ...]:
    """Names the options of ESPnet's own TTS training."""
    return tuple((files("espnet_mtl.config.espnet") / "keys.txt").read_text(encoding="utf-8").split())


@cache
def _tables() -> dict[str, dict[str, dict[str, str]]]:
    return json.loads((files("espnet_mtl.config.espnet") / "classes.json").read_text(encoding="utf-8"))


def class_arguments(name: str) -> dict[str, str]:
    """Names the constructor arguments of one of ESPnet's networks or feature extractors, and their types.

    A type is int, float, bool or str, with a ? where it may be null, or any.
    """
    return _tables()["networks"][name]


def optimizer_names(kind: str) -> list[str]:
    """Names the optimizers (`optim`) or schedulers (`scheduler`) that ESPnet may have."""
    others = OTHER_OPTIMIZERS if kind == "optim" else ()
    # ESPnet's trainer gives no closure, which lbfgs needs
    return [*(name for name in _tables()[kind] if name != "lbfgs"), *others]


def optimizer_arguments(kind: str, name: str) -> dict[str, str] | None:
    """Names the options of an optimizer (`optim`) or a scheduler (`scheduler`) of ESPnet's own, and their types.

    None for others: packages such as torch_optimizer bring more, and ESPnet's parser names those that it finds.
    """
    return _tables()[kind].get(name)
