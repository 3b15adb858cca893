import json
from importlib.resources import files
from pathlib import Path

import espnet_tables
import pytest
import yaml

from espnet_mtl.config.espnet import espnet_keys
from espnet_mtl.config.load import load_train_config, read_train_config, read_yaml
from espnet_mtl.config.schema import COSINE, complete
from espnet_mtl.errors import UserError

CONF = Path(__file__).parents[2] / "egs2/mtl_tts/conf"
HEAD = {"head": "classifier", "tap": "mel", "label": "emotion"}


def with_task(**task):
    return {"tasks": {"tts": {"weight": 1.0}, "emotion": {**HEAD, **task}}}


def restoring(contours, **task):
    """A configuration with a range to restore, and a task that says that of pitch."""
    head = {"head": "regressor", "tap": "shared", "label": "pitch_range"}
    return {**with_task(**{**head, **task}), "style_conf": {"restore_range": contours}}


@pytest.mark.parametrize("path", sorted(CONF.glob("**/train*.yaml")), ids=lambda path: path.stem)
def test_shipped_configs_are_valid(path):
    assert load_train_config(path)["tts"] == path.stem.split("_")[1]


def test_single_task_differs_in_the_tasks_their_weighting_and_the_reference_encoder_only():
    multi, single = (read_train_config(CONF / f"train_fastspeech2{name}.yaml") for name in ("", "_single"))
    assert single["tasks"] == {"tts": {"weight": 1.0}}
    assert [key for key in multi if multi[key] != single[key]] == ["style_conf", "tasks", "weighting"]


@pytest.mark.parametrize("path", sorted(CONF.glob("**/train*.yaml")), ids=lambda path: path.stem)
def test_scheduler_ends_with_the_training(path):
    config = load_train_config(path)
    assert config["scheduler_conf"]["first_cycle_steps"] == config["num_iters_per_epoch"] * config["max_epoch"]


def test_signal_parameters_stand_once():
    full = complete({"feats_extract_conf": {"fs": 22050, "hop_length": 200}})
    for key in ("pitch_extract_conf", "energy_extract_conf"):
        assert full[key] == {"fs": 22050, "n_fft": 1024, "hop_length": 200}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"max_epochs": 3}, ["'max_epochs'", "did you mean max_epoch"]),
        ({"tts_conf": {"adims": 3}}, ["tts_conf", "adim"]),
        ({"tts": "fastspeech3"}, ["tts 'fastspeech3'", "fastspeech2"]),
        ({"feats_extract_conf": {"hop": 3}}, ["feats_extract_conf", "hop_length"]),
        ({"style_conf": {"references": True}}, ["style_conf", "reference"]),
        ({"weighting": "fixd"}, ["weighting 'fixd'", "fixed"]),
        ({"weighting_conf": {"temperature": 1}}, ["weighting_conf", "temperature"]),
        ({"audio_conf": {"trim": 1}}, ["audio_conf", "trim_db"]),
        (with_task(tap="mels"), ["tap of tasks.emotion", "mel, prosody, shared, speaker, style"]),
        (
            {**with_task(tap="prosody"), "tts": "tacotron2"},
            ["tap of tasks.emotion", "Valid: encoder, mel, shared, speaker, style"],
        ),
        (with_task(head="classify"), ["head of tasks.emotion", "classifier"]),
        (
            with_task(head="regressor", label="emotion"),
            ["label of tasks.emotion", "energy_range, intonation"],
        ),
        (with_task(ramp=1.5), ["tasks.emotion.ramp", "[0, 1)"]),
        ({"tasks": {"tts": {"split": {"pich": 1}}}}, ["part of tasks.tts.split", "did you mean pitch"]),
        ({"tasks": {"tts": {}, "energy": {}}}, ["tasks.energy", "choose another name"]),
        (
            with_task(label="mood"),
            ["label of tasks.emotion", "emotion, emotion_face, emotion_voice, gender, intensity, language, speaker"],
        ),
        (with_task(wieght=1), ["key of tasks.emotion", "weight"]),
        (with_task(start=1.5), ["tasks.emotion.start", "1.5"]),
        (with_task(weight=-1), ["tasks.emotion.weight", "negative"]),
        (with_task(weight=float("inf")), ["tasks.emotion.weight", "inf"]),
        (with_task(weight=None), ["tasks.emotion.weight", "None"]),
        (with_task(grad_cap=0), ["tasks.emotion.grad_cap", "null for no cap"]),
        (with_task(start=0.6, ramp=0.6), ["tasks.emotion", "start + ramp"]),
        (with_task(reversed="false"), ["tasks.emotion.reversed", "true or false"]),
        (with_task(label=["emotion", "speaker"]), ["label of tasks.emotion", "['emotion', 'speaker']"]),
        (with_task(head=["classifier"]), ["head of tasks.emotion", "classifier"]),
        ({"tasks": {"tts": {}, False: {}}}, ["False", "quote them"]),
        (with_task(head="independence", reversed=True), ["tasks.emotion: reversed", "as it is"]),
        ({"style_conf": {"hard": "false"}}, ["style_conf.hard", "true or false"]),
        ({"weighting_conf": [0.1]}, ["weighting_conf", "key: value", "[0.1]"]),
        ({"tts_conf": 3}, ["tts_conf", "key: value", "3"]),
        ({"weighting": ["uw"]}, ["weighting ['uw']", "uw"]),
        ({"weighting": "gradnorm", "weighting_conf": {"lr": "x"}}, ["weighting_conf.lr", "'x'"]),
        (
            {"weighting": "dwa", "weighting_conf": {"temperature": 0}},
            ["weighting_conf.temperature", "above 0", "got 0"],
        ),
        ({"weighting": "aligned_mtl", "weighting_conf": {"scale_mode": "max"}}, ["scale_mode 'max'", "median"]),
        ({"style_conf": {"restore_range": "pitch"}}, ["style_conf.restore_range", "true, false, or a list", "'pitch'"]),
        ({"style_conf": {"restore_range": ["tone"]}}, ["style_conf.restore_range", "pitch, energy and mel", "'tone'"]),
        ({"style_conf": {"restore_range": ["pitch"]}}, ["restore_range: pitch needs a task such as", "pitch_range"]),
        (restoring(["pitch", "energy"]), ["restore_range: energy needs a task such as", "energy_range"]),
        (restoring(["pitch"], tap="prosody"), ["pitch needs a task", "tasks.emotion cannot (tap prosody)"]),
        (restoring(["pitch"], reversed=True), ["pitch needs a task", "tasks.emotion cannot (reversed)"]),
        ({**restoring(["pitch"]), "tts": "tacotron2"}, ["label 'pitch_range'", "which can restore pitch"]),
        (
            {"tts": "tacotron2", "style_conf": {"restore_range": True}},
            ["restore_range", "tts: tacotron2 cannot restore pitch"],
        ),
        (with_task(head="regressor", label="vad", additive=True, layers=0), ["tasks.emotion: layers has no effect"]),
        (with_task(noise="high"), ["tasks.emotion.noise", "'high'"]),
        ({"audio_conf": {"trim_db": 0}}, ["audio_conf.trim_db", "dB above 0"]),
        ({"audio_conf": {"min_seconds": 30}}, ["audio_conf", "min_seconds (30.0) must be below"]),
        ({"max_epoch": 0}, ["max_epoch", "at least 1"]),
        (with_task(ramp="0.5"), ["tasks.emotion.ramp", "'0.5'"]),
        ({"tasks": {"tts": {"split": ["pitch"]}}}, ["tasks.tts.split", "true, or weights"]),
        ({"tasks": {"tts": {"split": {"pitch": "a"}}}}, ["tasks.tts.split.pitch", "'a'"]),
        ({"tasks": {"tts": {"weight": -1}}}, ["tasks.tts.weight", "-1"]),
        ({"tasks": {"emotion": HEAD}}, ["tasks", "tts"]),
        ({"tasks": {"tts": {"weight": 1}, "emotion": 3}}, ["tasks.emotion", "mapping"]),
    ],
)
def test_mistakes_are_named_with_what_is_valid(config, words, tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.raises(UserError) as error:
        load_train_config(path)
    for word in [str(path), *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(("text", "word"), [("a: [1", "YAML"), ("- 1", "list")])
def test_files_that_are_no_mapping(text, word, tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=word):
        read_yaml(path)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="no such config file"):
        read_yaml(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"durations": "guessed"}, r"unknown durations 'guessed': Valid: auto, given, learned"),
        ({"aligner_conf": {"step": 3}}, r"unknown key of aligner_conf 'step'.*steps"),
        ({"aligner_conf": {"steps": 2.5}}, r"aligner_conf.steps: a whole number of at least 1, got 2.5"),
        ({"aligner_conf": {"lr": 0}}, r"aligner_conf.lr: a number above 0, got 0"),
    ],
)
def test_mistakes_in_the_settings_of_durations(keys, message):
    with pytest.raises(UserError, match=message):
        complete(keys)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"output_dir": "x"}, ["'output_dir'", "run.sh decides it"]),
        ({"g2p": "g2p_en"}, ["'g2p'", "espeak"]),
        ({"token_type": "char"}, ["'token_type'", "--token_type"]),
        ({"model_conf": {}}, ["'model_conf'"]),
        ({"feats_extract": "spectrogram"}, ["feats_extract", "only fbank", "'spectrogram'"]),
        ({"pitch_extract": "yin"}, ["pitch_extract", "only dio", "'yin'"]),
        ({"energy_extract": "rms"}, ["energy_extract", "only energy", "'rms'"]),
        ({"normalize": None}, ["normalize", "only global_mvn", "None"]),
        ({"pitch_extract": None}, ["pitch_extract", "only dio", "None"]),
        ({"normalize": "utterance_mvn"}, ["normalize", "only global_mvn", "'utterance_mvn'"]),
        ({"optim": "adam", "optim_conf": {"lrr": 1}}, ["key of optim_conf (adam) 'lrr'", "lr"]),
        ({"scheduler": "noamlr", "scheduler_conf": {"warmup": 1}}, ["scheduler_conf (noamlr)", "warmup_steps"]),
    ],
)
def test_a_key_that_would_have_no_effect_is_refused_by_name(config, words, tmp_path):
    test_mistakes_are_named_with_what_is_valid(config, words, tmp_path)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"emotions": ["sad"]}, ["'emotions'", "stage 4 makes its table"]),
        ({"ngpu": 1}, ["'ngpu'", "run.sh --ngpu"]),
        ({"log_level": "DEBUG"}, ["'log_level'", "INFO"]),
        ({"pretrain_path": "a.pth"}, ["'pretrain_path'", "init_param"]),
        ({"use_adapter": True}, ["'use_adapter'"]),
        ({"chunk_length": 10}, ["'chunk_length'", "iterator_type: sequence"]),
        ({"iterator_type": "chunk"}, ["iterator_type 'chunk'", "Valid: sequence"]),
        ({"pitch_extract_conf": {"fs": 8000}}, ["pitch_extract_conf.fs: 8000", "set feats_extract_conf.fs"]),
        ({"energy_extract_conf": {"n_fft": 512}}, ["energy_extract_conf.n_fft: 512", "feats_extract_conf.n_fft"]),
        ({"normalize_conf": {"stats_file": "a"}}, ["normalize_conf.stats_file", "stage 4 makes it"]),
        ({"tts_conf": {"spks": 3}}, ["tts_conf.spks", "follows from the data"]),
        ({"tts_conf": {"spk_embed_dim": 2}}, ["tts_conf.spk_embed_dim", "no speaker embeddings", "leave it out"]),
        (
            {"tts": "jets", "tts_conf": {"generator_params": {"spk_embed_dim": 2}}},
            ["tts_conf.generator_params.spk_embed_dim", "no speaker embeddings"],
        ),
        ({"scheduler": None, "scheduler_conf": {"warmup_steps": 3}}, ["scheduler_conf has no effect", "null"]),
    ],
)
def test_a_key_that_nobody_reads_is_refused(config, words, tmp_path):
    test_mistakes_are_named_with_what_is_valid(config, words, tmp_path)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"optim": "adam", "optim_conf": {"lr": "1e-3"}}, ["optim_conf (adam).lr: a number", "write 1.0e-3"]),
        ({"grad_clip": "2.5E4"}, ["grad_clip: a number", "write 2.5e+4"]),
        ({"max_epoch": 1.5}, ["max_epoch: a whole number of at least 1, got 1.5"]),
        ({"max_epoch": None}, ["max_epoch: a whole number of at least 1, got None"]),
        ({"keep_nbest_models": [1, 0]}, ["keep_nbest_models: a whole number of at least 1, or a list"]),
        ({"use_amp": "yes"}, ["use_amp: true or false, got 'yes'"]),
        ({"batch_type": "catpow"}, ["batch_type 'catpow'", "sorted"]),
        ({"batch_type": "folded"}, ["batch_type folded: fold_length must be two numbers"]),
        ({"valid_batch_type": "folded"}, ["valid_batch_type folded: fold_length must be two numbers"]),
        ({"cleaner": "tacotrn"}, ["cleaner 'tacotrn'", "did you mean tacotron"]),
        ({"language": False}, ["language: a name, got False"]),
        ({"best_model_criterion": [["valid", "loss", "least"]]}, ["best_model_criterion", "min or max"]),
        ({"early_stopping_criterion": ["valid", "loss"]}, ["early_stopping_criterion", "min or max"]),
        ({"val_scheduler_criterion": ["dev", "loss"]}, ["val_scheduler_criterion", "train or valid"]),
        ({"init_param": ["gone.pth:tts:tts"]}, ["init_param: a list of model files that exist", "gone.pth"]),
        ({"freeze_param": "tts"}, ["freeze_param: a list of names, got 'tts'"]),
        ({"feats_extract_conf": {"fs": "16k"}}, ["feats_extract_conf.fs: a whole number from 4000 to 192000"]),
        ({"feats_extract_conf": {"hop_length": 0}}, ["feats_extract_conf.hop_length", "from 1 to"]),
        ({"feats_extract_conf": {"fmax": 9000}}, ["feats_extract_conf: fmin (80) must be below fmax (9000)", "8000"]),
        ({"feats_extract_conf": {"win_length": 2048}}, ["feats_extract_conf.win_length", "n_fft (1024)"]),
        ({"pitch_extract_conf": {"f0min": 500}}, ["pitch_extract_conf: f0min (500) must be below f0max (400)"]),
        ({"tts_conf": {"adim": 1.5}}, ["tts_conf.adim: a whole number from 1 to 8192, got 1.5"]),
        ({"tts_conf": {"use_masking": 1}}, ["tts_conf.use_masking: true or false, got 1"]),
        ({"tts_conf": {"encoder_type": "lstm"}}, ["tts_conf.encoder_type 'lstm'", "conformer"]),
        ({"tts_conf": {"conformer_rel_pos_type": "new"}}, ["tts_conf.conformer_rel_pos_type 'new'", "latest, legacy"]),
        (
            {"tts_conf": {"conformer_enc_kernel_size": 8}},
            ["tts_conf.conformer_enc_kernel_size: an odd number", "got 8"],
        ),
        ({"tts_conf": {"postnet_dropout_rate": 1.0}}, ["tts_conf.postnet_dropout_rate: a number in [0, 1), got 1.0"]),
        ({"tts_conf": {"elayers": 10**9}}, ["tts_conf.elayers: a whole number from 1 to 128"]),
        ({"tts_conf": {"adim": 130, "aheads": 4}}, ["tts_conf: adim (130) must be even, and a multiple of aheads (4)"]),
        ({"tts_conf": {"gst_conv_chans_list": 32}}, ["tts_conf.gst_conv_chans_list: a list of whole numbers"]),
        ({"tts_conf": {"use_gst": True, "gst_conv_layers": 2}}, ["gst_conv_chans_list must have gst_conv_layers (2)"]),
        (
            {"tts_conf": {"encoder_type": "conformer", "conformer_pos_enc_layer_type": "abs_pos"}},
            ["conformer_pos_enc_layer_type (abs_pos)", "must both be relative, or neither"],
        ),
        ({"tts": "tacotron2", "tts_conf": {"eunits": 511}}, ["tts_conf: eunits (511) must be even"]),
        ({"tts": "tacotron2", "tts_conf": {"guided_attn_loss_sigma": 0}}, ["guided_attn_loss_sigma: a number above 0"]),
        ({"optim": "adamm"}, ["optim 'adamm'", "did you mean adam"]),
        ({"optim": None}, ["optim None", "adam"]),
        ({"optim": "lbfgs"}, ["optim 'lbfgs'"]),
        ({"scheduler": "cosine"}, ["scheduler 'cosine'", "cosineannealinglr"]),
        (
            {"scheduler": COSINE, "scheduler_conf": {"first_cycle_steps": 9, "max_lr": 0.001, "min_lr": 0.1}},
            ["scheduler_conf: min_lr (0.1) must not be above max_lr (0.001)"],
        ),
        (
            {"best_model_criterion": [["valid", "l1_los", "min"]]},
            ["figure of best_model_criterion 'l1_los'", "did you mean l1_loss"],
        ),
        (
            {"tts": "tacotron2", "early_stopping_criterion": ["valid", "pitch_loss", "min"]},
            ["figure of early_stopping_criterion 'pitch_loss'", "focus_rate"],
        ),
        (with_task(start=0.2), ["num_iters_per_epoch: must be set", "tasks.emotion"]),
        (
            {**with_task(tap="style"), "style_conf": {"reference": False}},
            ["tasks.emotion: the tap 'style' needs a reference encoder"],
        ),
        ({"grad_clip": 0}, ["grad_clip: a number above 0, got 0"]),
        ({"grad_clip": -1.0}, ["grad_clip: a number above 0"]),
        ({"seed": 2**32}, ["seed: a whole number from 0 to 4294967295"]),
        ({"num_workers": 10**6}, ["num_workers: a whole number from 0 to 256"]),
        ({"optim": "adam", "optim_conf": {"lr": -0.1}}, ["optim_conf (adam).lr: a number above 0", "got -0.1"]),
        ({"optim": "adam", "optim_conf": {"betas": [0.9, 1.5]}}, ["optim_conf (adam).betas: two numbers in [0, 1)"]),
        ({"audio_conf": {"level_dbfs": 3.0}}, ["audio_conf.level_dbfs: dB from -90 to 0, or null", "3.0"]),
        (with_task(dropout=1.0), ["tasks.emotion.dropout: a number in [0, 1)"]),
        (with_task(channels=0), ["tasks.emotion.channels: a whole number from 1 to 8192"]),
        (with_task(layers=10**6), ["tasks.emotion.layers: a whole number from 0 to 128"]),
    ],
)
def test_a_value_of_another_type_is_refused(config, words, tmp_path):
    test_mistakes_are_named_with_what_is_valid(config, words, tmp_path)


def test_values_that_are_right(tmp_path):
    model = tmp_path / "a.pth"
    model.touch()
    config: dict[str, object] = {"feats_extract_conf": {"fs": 8000, "fmin": 0, "fmax": None, "win_length": 512}}
    config |= {"pitch_extract_conf": {"fs": 8000}, "init_param": [f"{model}:tts"], "grad_clip": 1}
    config |= {"batch_type": "folded", "fold_length": [150, 800]}
    config |= {"keep_nbest_models": [1, 3], "best_model_criterion": [["valid", "loss", "min"]]}
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert load_train_config(path).items() >= {"init_param": [f"{model}:tts"], "grad_clip": 1}.items()


def test_an_empty_file_is_no_configuration(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"train.yaml is empty: write what it changes, and base: another configuration"):
        load_train_config(path)


def test_a_configuration_without_a_batch_type_can_be_trained():
    assert complete({})["batch_type"] == "sorted"


def test_what_a_trained_model_says_besides_is_taken():
    trained = {"emotions": ["sad"], "ngpu": 1, "tts_conf": {"spks": 3}, "normalize_conf": {"stats_file": "a"}}
    trained |= {"scheduler": None, "scheduler_conf": {"warmup_steps": 3}, "iterator_type": "sequence"}
    assert complete(trained)["emotions"] == ["sad"]


def test_what_is_known_of_espnet_is_what_is_installed():
    assert list(espnet_keys()) == espnet_tables.keys()
    table = json.loads((files("espnet_mtl.config.espnet") / "classes.json").read_text(encoding="utf-8"))
    installed = espnet_tables.classes()
    for kind, classes in table.items():
        # torch_optimizer and others may have brought more.
        assert classes == {name: installed[kind][name] for name in classes}


def test_a_base_that_is_missing_is_named_with_where_it_was_looked_for(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text("base: base.yaml\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf"{path}: base: {tmp_path}/base.yaml does not exist"):
        read_train_config(path)
