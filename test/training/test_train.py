import json
from dataclasses import replace

import pytest
import yaml

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.errors import UserError
from espnet_mtl.system.files import write_text
from espnet_mtl.tasks.saving import CHECKPOINT, PREVIOUS
from espnet_mtl.text.tokens import Tokenizer
from espnet_mtl.training.dataset import STATS_FILES
from espnet_mtl.training.train import TrainPaths, _same_settings, train


@pytest.fixture
def paths(tmp_path):
    return TrainPaths(*(tmp_path / name for name in ("dump", "token_list", "tables", "stats", "exp")))


@pytest.mark.parametrize("checkpoint", [CHECKPOINT, PREVIOUS])
def test_an_experiment_goes_on_with_its_own_settings_only(tmp_path, checkpoint):
    _same_settings(tmp_path, {"config": {"a": 1}})
    _same_settings(tmp_path, {"config": {"a": 3}})
    _same_settings(tmp_path, {"config": {"a": 1}})  # nothing was trained so far
    (tmp_path / checkpoint).touch()
    with pytest.raises(UserError, match=r"other settings.*--tag"):
        _same_settings(tmp_path, {"config": {"a": 2}})


def config_file(tmp_path, **keys):
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump({"language": "en-us", **keys}), encoding="utf-8")
    return str(path)


def test_labels_are_those_of_the_dump_at_the_time_of_training(paths):
    for name in ("train", "dev"):
        write_table(paths.dump / name / "utt2spk", {"f1_a": "f1", "f1_b": "f1", "f1_c": "f1"})
    write_table(paths.dump / "train/utt2emo", {"f1_a": "happy:0.8,sad:0.2", "f1_b": "-"})
    write_table(paths.dump / "dev/utt2emo", {"f1_a": "happy", "f1_b": "happy:0.5,bored:0.5"})
    write_text(paths.tables / "emotions.txt", "happy\nsad\n")
    assert paths.label_files.write(["emotion"], Tokenizer("phn")) == []
    data = paths.inputs("train", "fastspeech2", "phn", ["emotion"])
    (entry,) = [path for path, name, _ in data if name == "emotion"]
    assert read_table(entry) == {"f1_a": "happy:0.8,sad:0.2", "f1_b": "-", "f1_c": "-"}
    unknown_in_train = {"f1_a": "happy", "f1_b": "-", "f1_c": "-"}
    assert read_table(paths.label_files.file("dev", "emotion", "phn")) == unknown_in_train


def test_a_class_that_came_into_train_after_stage_4_is_named(paths):
    for name in ("train", "dev"):
        write_table(paths.dump / name / "utt2spk", {"f1_a": "f1", "f1_b": "f1"})
    write_table(paths.dump / "train/utt2emo", {"f1_a": "happy", "f1_b": "happy:0.5,sda:0.5"})
    write_text(paths.tables / "emotions.txt", "happy\nsad\n")
    message = r"dump/train/utt2emo:2: utterance f1_b: unknown emotion 'sda': .*tables/emotions.txt.*run stage 4 again"
    with pytest.raises(UserError, match=message):
        paths.label_files.write(["emotion"], Tokenizer("phn"))


def test_values_have_a_line_for_every_utterance(paths):
    for name in ("train", "dev"):
        write_table(paths.dump / name / "utt2spk", {"f1_a": "f1", "f1_b": "f1", "f1_c": "f1"})
    write_table(paths.dump / "train/utt2vad", {"f1_a": "1 2 3", "f1_b": "3 2 1"})
    assert paths.label_files.write(["vad"], Tokenizer("phn")) == []
    ((entry, _, kind),) = [one for one in paths.inputs("train", "fastspeech2", "phn", ["vad"]) if one[1] == "vad"]
    assert kind == "text"
    assert read_table(entry) == {
        "f1_a": "-1.00000 0.00000 1.00000",
        "f1_b": "1.00000 0.00000 -1.00000",
        "f1_c": "-",
    }
    (paths.dump / "train/utt2vad").unlink()
    paths = replace(paths)
    assert paths.label_files.write(["vad"], Tokenizer("phn")) == ["vad"]


@pytest.mark.parametrize("changed", ["dump/train/durations", "dump/dev/utt2emo", "tables/emotions.txt"])
def test_the_digest_changes_with_the_data(paths, tmp_path, changed):
    write_table(paths.dump / "train/durations", {"f1_a": "1 2"})
    write_table(paths.dump / "dev/utt2emo", {"f1_a": "sad"})
    write_text(paths.tables / "emotions.txt", "sad\n")
    before = paths.digest("phn")
    assert paths.digest("phn") == before
    (tmp_path / changed).write_text("f1_a 3 4\n")
    assert paths.digest("phn") != before


def test_missing_stages_are_named(paths, tmp_path):
    with pytest.raises(UserError, match=r"run stage 3 first: .*dump/train/pitch.scp is missing"):
        train(config_file(tmp_path), paths, "phn", 0, [])
    for name in ("train", "dev"):
        (paths.dump / name).mkdir(parents=True)
        (paths.dump / name / "pitch.scp").write_text("")
    with pytest.raises(UserError, match=r"run stage 4 first: .*phn/tokens.txt is missing"):
        train(config_file(tmp_path), paths, "phn", 0, [])
    assert not paths.output.exists()


def test_a_mistake_in_the_config_comes_before_the_data(paths, tmp_path):
    with pytest.raises(UserError, match="max_epochs"):
        train(config_file(tmp_path, max_epochs=3), paths, "phn", 0, [])


def test_an_empty_section_is_none(paths, tmp_path):
    with pytest.raises(UserError, match="run stage 3 first"):
        train(config_file(tmp_path, tasks=None), paths, "phn", 0, [])


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"scheduler": "noamlr", "scheduler_conf": {"first_cycle_steps": 9}},
            r"scheduler_conf \(noamlr\) 'first_cycle",
        ),
        ({"optim": "adam", "optim_conf": {"beta": [0.9, 0.98]}}, r"optim_conf \(adam\) 'beta': did you mean betas"),
    ],
)
def test_keys_of_espnet_classes_are_checked(paths, tmp_path, config, words):
    with pytest.raises(UserError, match=words):
        train(config_file(tmp_path, **config), paths, "phn", 0, [])


def test_gpus_that_are_not_there_are_missed_before_anything_is_written(paths, tmp_path):
    inputs = [paths.dump / "train/pitch.scp", paths.dump / "dev/pitch.scp", paths.tokens("phn")]
    inputs += [paths.tables / "speakers.txt", *(paths.stats / "train" / file for file in STATS_FILES.values())]
    for path in inputs:
        write_text(path, "")
    write_text(paths.dump / "durations.json", json.dumps({"token_type": "phn", "durations": "learned"}))
    with pytest.raises(UserError, match="--ngpu 99: PyTorch finds"):
        train(config_file(tmp_path), paths, "phn", 0, ["--ngpu", "99"])
    assert not paths.output.exists()


TEXTS = {"token_type": "phn", "language": "de", "cleaner": "tacotron"}


@pytest.mark.parametrize("backbone", ["fastspeech2", "tacotron2"])
def test_stage_3_is_checked_for_every_backbone(paths, tmp_path, backbone):
    inputs = [paths.dump / "train/pitch.scp", paths.dump / "dev/pitch.scp", paths.tokens("phn")]
    inputs += [paths.tables / "speakers.txt", *(paths.stats / "train" / file for file in STATS_FILES.values())]
    for path in inputs:
        write_text(path, "")
    write_text(paths.dump / "durations.json", json.dumps(TEXTS))
    with pytest.raises(UserError, match="with cleaner tacotron, not None"):
        train(config_file(tmp_path, tts=backbone, language="de"), paths, "phn", 0, [])
