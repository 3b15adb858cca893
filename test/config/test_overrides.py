"""Options on a command line that change a configuration."""

from pathlib import Path

import pytest

from espnet_mtl.config.load import load_train_config
from espnet_mtl.config.overrides import override
from espnet_mtl.errors import UserError

PATH = Path(__file__).parents[2] / "egs2/mtl_tts/conf/train_fastspeech2.yaml"


@pytest.fixture(scope="module")
def config():
    return load_train_config(PATH)


@pytest.mark.parametrize(
    ("options", "key", "value"),
    [
        (["--scheduler", "none"], "scheduler", None),
        (["--max_epoch", "3"], "max_epoch", 3),
        (["--ngpu", "2"], "ngpu", 2),
        (["--batch_type", "folded", "--fold_length", "9", "--fold_length", "80"], "fold_length", [9, 80]),
        (["--use_amp", "true"], "use_amp", True),
        (["--patience", "none"], "patience", None),
        (["--grad_clip", "1e-1"], "grad_clip", 0.1),
        (["--keep_nbest_models", "1", "2"], "keep_nbest_models", [1, 2]),
        (["--freeze_param", "tts.encoder", "style"], "freeze_param", ["tts.encoder", "style"]),
        (["--best_model_criterion", "valid,loss,min"], "best_model_criterion", [["valid", "loss", "min"]]),
        (["--weighting", "dwa"], "weighting", "dwa"),
        (["--optim", "lamb", "--optim_conf", "trust=1"], "optim", "lamb"),
        (["--tasks", "emotion.weight=2"], "tasks", 2),
    ],
)
def test_an_option_changes_its_key(config, options, key, value):
    changed = override(PATH, config, options)[key]
    assert (changed["emotion"]["weight"] if key == "tasks" else changed) == value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--normalize", "none"], "normalize: only global_mvn is supported, got None"),
        (["--output_dir", "x"], "key 'output_dir' has no place"),
        (["--log_level", "debug"], "key 'log_level' has no place in a training configuration"),
        (["--ngpu", "two"], "ngpu: a whole number, not negative, got 'two'"),
        (["--max_epoch", "1.5"], "max_epoch: a whole number of at least 1, got 1.5"),
        (["--use_amp", "maybe"], "use_amp: true or false, got 'maybe'"),
        (["--batch_size", "many"], "batch_size: a whole number of at least 1, got 'many'"),
        (["--optim_conf", "lr=1e-3"], "write 1.0e-3"),
        (["--pitch_extract_conf", "fs=8000"], "pitch_extract_conf: stages 1 to 4 go by"),
        (["--tts_conf", "spks=3"], "tts_conf.spks has no place"),
        (["--scheduler", "none", "--scheduler_conf", "min_lr=1"], "scheduler_conf has no effect"),
        (["--max_epochs", "3"], "unknown training option '--max_epochs': did you mean --max_epoch"),
        (["--tasks", "emotion.weight=-1"], "tasks.emotion.weight: a number, not negative"),
        (["--language", "pl"], "language: stages 1 to 4 go by the configuration"),
        (["--optim", "adam", "--optim_conf", "beta=1"], "optim_conf"),
        (["--grad_clip", "nan"], "grad_clip: a number above 0"),
        (["--optim_conf", "lr=-0.1"], "optim_conf (adam).lr: a number above 0"),
        (["--tts_conf", "conformer_enc_kernel_size=6"], "tts_conf.conformer_enc_kernel_size: an odd number"),
        (["--tts_conf", "aheads=3"], "tts_conf: adim (128) must be even, and a multiple of aheads (3)"),
        (["--best_model_criterion", "valid,los,min"], "figure of best_model_criterion 'los'"),
        (["--scheduler", "linear"], "unknown scheduler 'linear'"),
    ],
)
def test_a_mistake_is_told_with_the_file_and_the_options(config, options, message):
    with pytest.raises(UserError) as error:
        override(PATH, config, options)
    assert message in str(error.value)
    assert f"{PATH} with {' '.join(options)}" in str(error.value)
