import json
from importlib.resources import files
from pathlib import Path

import espnet_tables
import pytest
import yaml

from espnet_mtl.config.espnet import espnet_keys
from espnet_mtl.config.load import load_train_config, read_train_config, read_yaml
from espnet_mtl.config.schema import complete
from espnet_mtl.errors import UserError

CONF = Path(__file__).parents[2] / "egs2/mtl_tts/conf"
HEAD = {"head": "classifier", "tap": "mel", "label": "emotion"}


def with_task(**task):
    return {"tasks": {"tts": {"weight": 1.0}, "emotion": {**HEAD, **task}}}


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
        (with_task(head="regressor", label="emotion"), ["label of tasks.emotion", "intonation, speaking_rate, vad"]),
        (with_task(ramp=1.5), ["tasks.emotion.ramp", "[0, 1)"]),
        ({"tasks": {"tts": {"split": {"pich": 1}}}}, ["part of tasks.tts.split", "did you mean pitch"]),
        ({"tasks": {"tts": {}, "energy": {}}}, ["tasks.energy", "choose another name"]),
        (with_task(label="mood"), ["label of tasks.emotion", "emotion, gender, language, speaker"]),
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


def test_what_is_known_of_espnet_is_what_is_installed():
    assert list(espnet_keys()) == espnet_tables.keys()
    table = json.loads((files("espnet_mtl.config") / "espnet_classes.json").read_text(encoding="utf-8"))
    installed = espnet_tables.classes()
    for kind, classes in table.items():
        # torch_optimizer and others may have brought more.
        assert classes == {name: installed[kind][name] for name in classes}


def test_a_base_that_is_missing_is_named_with_where_it_was_looked_for(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text("base: base.yaml\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf"{path}: base: {tmp_path}/base.yaml does not exist"):
        read_train_config(path)
