"""Durations from the attention of a tiny Tacotron2."""

import kaldiio
import numpy as np
import pytest
import torch
import yaml

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.errors import UserError
from test.model.backbones.test_tacotron2 import TINY_TACOTRON

FRAMES = {"f1_a": 31, "m1_b": 18}


@pytest.fixture
def dump(tmp_path):
    random = np.random.default_rng(0)
    for name in ("train", "dev"):
        directory = tmp_path / "dump" / name
        directory.mkdir(parents=True)
        feats = {utt: random.normal(size=(frames, 80)).astype("f") for utt, frames in FRAMES.items()}
        kaldiio.save_ark(str(directory / "feats.ark"), feats, scp=str(directory / "feats.scp"))
        write_table(directory / "phones", {"f1_a": "a b c a", "m1_b": "b"})
        write_table(directory / "utt2spk", {"f1_a": "f1", "m1_b": "m1"})
        write_table(directory / "utt2emo", {"f1_a": "sad"})
    return tmp_path / "dump"


def experiment(directory, make_args, **overrides):
    from espnet_mtl.tasks.tts import MTLTTSTask

    args = make_args(**overrides)
    torch.manual_seed(0)
    model = MTLTTSTask.build_model(args)
    directory.mkdir()
    (directory / "config.yaml").write_text(yaml.safe_dump(vars(args)), encoding="utf-8")
    torch.save(model.state_dict(), directory / "valid.l1_loss.best.pth")
    return directory


def test_every_utterance_has_durations_that_sum_to_its_frames(dump, make_args, tmp_path):
    from espnet_mtl.inference.sets.teacher import teacher_durations

    exp = experiment(tmp_path / "exp", make_args, tts="tacotron2", tts_conf=dict(TINY_TACOTRON))
    rates = teacher_durations(exp, dump, tmp_path / "teacher", ngpu=0)
    assert set(rates) == {"train", "dev"}
    for name in rates:
        durations = {
            u: list(map(int, line.split())) for u, line in read_table(tmp_path / "teacher" / name / "durations").items()
        }
        assert {utt: sum(own) for utt, own in durations.items()} == FRAMES
        assert {utt: len(own) for utt, own in durations.items()} == {"f1_a": 5, "m1_b": 2}
        focus = [float(rate) for rate in read_table(tmp_path / "teacher" / name / "focus_rates").values()]
        assert rates[name] == pytest.approx(np.mean(focus), abs=1e-4)
    again = teacher_durations(exp, dump, tmp_path / "again", ngpu=0)
    assert again == rates


def test_speakers_and_emotions_unknown_to_the_teacher_are_read_too(dump, make_args, tmp_path):
    from espnet_mtl.inference.sets.teacher import teacher_durations

    write_table(dump / "dev/utt2spk", {"f1_a": "new", "m1_b": "m1"})
    write_table(dump / "dev/utt2emo", {"f1_a": "bored:0.5,sad:0.5", "m1_b": "sad"})
    (dump / ".aligner.tmp").mkdir()
    (dump / ".aligner.tmp/feats.scp").touch()
    exp = experiment(tmp_path / "exp", make_args, tts="tacotron2", tts_conf=dict(TINY_TACOTRON))
    assert set(teacher_durations(exp, dump, tmp_path / "teacher", ngpu=0)) == {"train", "dev"}
    assert set(read_table(tmp_path / "teacher/dev/durations")) == {"f1_a", "m1_b"}


def test_what_is_not_its_own_is_not_replaced(dump, make_args, tmp_path):
    from espnet_mtl.inference.sets.teacher import teacher_durations

    exp = experiment(tmp_path / "exp", make_args, tts="tacotron2", tts_conf=dict(TINY_TACOTRON))
    with pytest.raises(UserError, match=r"dump/dev holds feats.ark, and would be replaced: choose another --output"):
        teacher_durations(exp, dump, dump, ngpu=0)
    assert (dump / "train/feats.ark").is_file()
    teacher_durations(exp, dump, exp, ngpu=0)
    teacher_durations(exp, dump, exp, ngpu=0)
    assert (exp / "config.yaml").is_file()
    assert {path.name for path in (exp / "dev").iterdir()} == {"durations", "focus_rates"}


def test_a_model_without_attention_is_no_teacher(dump, make_args, tmp_path):
    from espnet_mtl.inference.sets.teacher import teacher_durations

    exp = experiment(tmp_path / "exp", make_args)
    with pytest.raises(UserError, match=r"a teacher needs attention.*fastspeech2 has not"):
        teacher_durations(exp, dump, tmp_path / "teacher", ngpu=0)
    assert not (tmp_path / "teacher").exists()


def test_an_utterance_that_would_take_all_memory_is_named(dump, make_args, tmp_path, monkeypatch):
    from espnet_mtl.bin import teacher
    from espnet_mtl.inference.sets.attention import Teacher

    exp = experiment(tmp_path / "exp", make_args, tts="tacotron2", tts_conf=dict(TINY_TACOTRON))
    monkeypatch.setattr(Teacher, "load", lambda *arguments: pytest.fail("the model was loaded"))
    command = ["--exp", str(exp), "--dump", str(dump), "--output", str(tmp_path / "teacher"), "--max_tokens", "3"]
    with pytest.raises(UserError, match="utterance f1_a: 4 tokens, but 3 are the most"):
        teacher.main(command)
    assert not (tmp_path / "teacher").exists()
