"""A vocoder is trained with a model, and by itself."""

import json
import shutil
import zipfile
from io import BytesIO

import numpy as np
import pytest
import soundfile
import torch
import yaml
from tiny_backbones import with_backbone
from tiny_stages import TRAINABLE, run_stage, write_data

from espnet_mtl.bin import train_vocoder
from espnet_mtl.config.load import load_train_config
from espnet_mtl.data.kaldi import read_scp
from espnet_mtl.errors import UserError
from espnet_mtl.inference.text2speech import Text2Speech
from espnet_mtl.training.vocoder.data import VocoderData
from espnet_mtl.training.vocoder.discriminators import Discriminators
from espnet_mtl.vocoder.griffin_lim import GriffinLim
from espnet_mtl.vocoder.source_filter.vocoder import (
    SourceFilter,
    differing,
    read_discriminators,
    read_network,
    universal_weights,
)

SETS = {
    "train": [("ab", "s1", "sad"), ("ab", "s2", "happy"), ("ba", "s1", "happy"), ("ba", "s2", "sad")],
    "dev": [("aab", "s1", "sad")],
    "test": [("bba", "s2", "happy")],
}
VOCODER = {"steps": 3, "batch_size": 2, "segment": 16}
READ = VocoderData.read
ACOUSTIC = {"num_iters_per_epoch": 2, "vocoder": VOCODER}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A directory in which stages 2 to 8 have run, with a vocoder."""
    work = tmp_path_factory.mktemp("vocoder")
    write_data(work / "data", SETS)
    for stage in (2, 3, 4, 5, 6, 8):
        run_stage(stage, work, ACOUSTIC, base=TRAINABLE)
    return work


def weights_of(path):
    return torch.load(path)["weights"]


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in other)


def test_the_vocoder_is_packed_and_speaks(work, tmp_path):
    exp = work / "exp/model"
    assert not same(weights_of(exp / "vocoder.pth"), weights_of(universal_weights()))
    assert not (exp / "vocoder_checkpoint.pth").exists()
    with zipfile.ZipFile(exp / "model.zip") as archive:
        assert archive.read("exp/model/vocoder.pth") == (exp / "vocoder.pth").read_bytes()
    tts = Text2Speech.from_pretrained(exp / "model.zip")
    assert isinstance(tts.vocoder, SourceFilter)
    own = read_network(exp / "vocoder.pth").state_dict()
    assert same(tts.vocoder.network.state_dict(), own)
    assert len(tts("ab", speaker="s1", emotion="sad")["wav"]) > 0


def test_griffin_lim_speaks_where_it_is_asked_for(work):
    archive = work / "exp/model/model.zip"
    for options in ({"vocoder": "griffin_lim"}, {"griffin_lim_iters": 2}):
        assert isinstance(Text2Speech.from_pretrained(archive, **options).vocoder, GriffinLim)


def test_a_vocoder_that_is_there_is_not_trained_again(work):
    path = work / "exp/model/vocoder.pth"
    before = path.stat().st_mtime_ns
    run_stage(5, work, ACOUSTIC, base=TRAINABLE)
    assert path.stat().st_mtime_ns == before


def test_other_steps_train_the_vocoder_alone(work, tmp_path):
    copy = tmp_path / "work"
    shutil.copytree(work, copy)
    for path in copy.glob("exp/**/config.yaml"):
        path.write_text(path.read_text().replace(str(work), str(copy)))
    model = (copy / "exp/model/1epoch.pth").stat().st_mtime_ns
    before = weights_of(copy / "exp/model/vocoder.pth")
    run_stage(5, copy, {**ACOUSTIC, "vocoder": {**VOCODER, "steps": 5}}, base=TRAINABLE)
    assert not same(weights_of(copy / "exp/model/vocoder.pth"), before)
    assert (copy / "exp/model/1epoch.pth").stat().st_mtime_ns == model
    run_stage(5, copy, {**ACOUSTIC, "vocoder": {"kind": "griffin_lim"}}, base=TRAINABLE)
    assert not (copy / "exp/model/vocoder.pth").exists()
    assert "vocoder_weights: null" in (copy / "exp/model/config.yaml").read_text()


def test_of_many_recordings_some_are_drawn(work, tmp_path, caplog, monkeypatch):
    read = []

    def noted(paths, *others):
        read.append(paths)
        return READ(paths, *others)

    monkeypatch.setattr(VocoderData, "read", noted)
    recordings = list(read_scp(work / "dump/raw/train/wav.scp").values())
    for seed in (0, 0, 1):
        train_vocoder.main(command(work, tmp_path / f"of_two_{seed}", max_utterances=2, seed=seed, steps=1))
    assert "vocoder: 2 of 4 recordings, drawn at random (vocoder.max_utterances)" in caplog.text
    assert [recording for recording in recordings if recording in read[0]] == read[0]
    assert len(read[0]) == 2
    assert len(read) == 2  # the second time, it was there
    assert read[0] != read[1]
    copy = tmp_path / "work"
    shutil.copytree(work, copy)
    for most in (4, 3):
        change = {**ACOUSTIC, "vocoder": {**VOCODER, "max_utterances": most}}
        run_stage(5, copy, change, base=TRAINABLE)
    assert [len(paths) for paths in read] == [2, 2, 3]  # 4 are all that there are: nothing is trained again
    vocoder = copy / "exp/model/vocoder.pth"
    assert json.loads(vocoder.with_name("vocoder.json").read_text())["max_utterances"] == 3


def test_tacotron2_has_a_vocoder_for_other_features(tmp_path):
    write_data(tmp_path / "data", SETS)
    base = {**TRAINABLE, **with_backbone("tacotron2")}
    change = {**ACOUSTIC, "feats_extract_conf": {"n_mels": 40}}
    for stage in (2, 3, 4, 5):
        run_stage(stage, tmp_path, change, base=base)
    assert read_network(tmp_path / "exp/model/vocoder.pth").signal.n_mels == 40


@pytest.mark.parametrize("name", ["vocoder.pth", "vocoder_checkpoint.pth", "vocoder.json"])
def test_what_is_damaged_is_made_anew(work, tmp_path, name):
    run = [*command(work, tmp_path / "vocoder"), "--steps", "1"]
    train_vocoder.main(run)
    path = tmp_path / "vocoder/vocoder.pth"
    wanted = path.read_bytes()
    if name == "vocoder.json":
        (path.parent / name).write_bytes(b"\xff")
        with pytest.raises(UserError, match="of other settings or data: delete it"):
            train_vocoder.main(run)
        return
    path.unlink()
    (path.parent / name).write_bytes(wanted[: len(wanted) // 2])
    train_vocoder.main(run)
    assert same(weights_of(path), torch.load(BytesIO(wanted))["weights"])


def command(work, output, **changes):
    config = work / "train.yaml"
    given = yaml.safe_load(config.read_text())
    changed = output.parent / f"{output.name}.yaml"
    output.parent.mkdir(parents=True, exist_ok=True)
    changed.write_text(yaml.safe_dump({**given, "vocoder": {**VOCODER, **changes}}))
    return ["--train_config", str(changed), "--data", str(work / "dump/raw/train"), "--output", str(output)]


def test_a_vocoder_is_trained_by_itself(work, tmp_path, capsys):
    run_stage(4, work, ACOUSTIC, base=TRAINABLE)
    output = tmp_path / "vocoder"
    train_vocoder.main([*command(work, output), "--steps", "2"])
    assert capsys.readouterr().out.splitlines()[-1] == str(output / "vocoder.pth")
    assert json.loads((output / "vocoder.json").read_text())["options"]["steps"] == 2
    assert read_network(output / "vocoder.pth").signal.n_mels == 80
    with pytest.raises(UserError, match="of other settings or data: delete it"):
        train_vocoder.main([*command(work, output), "--steps", "3"])
    other = ["--init_vocoder", str(output / "vocoder.pth")]
    train_vocoder.main([*command(work, tmp_path / "further"), *other])
    assert not same(weights_of(tmp_path / "further/vocoder.pth"), weights_of(output / "vocoder.pth"))


def test_a_vocoder_of_unknown_origin_is_not_taken_for_the_trained_one(work, tmp_path):
    output = tmp_path / "vocoder"
    arguments = command(work, output)
    output.mkdir()
    shutil.copyfile(universal_weights(), output / "vocoder.pth")
    with pytest.raises(UserError, match="holds a vocoder of other settings or data: delete it"):
        train_vocoder.main(arguments)


def test_what_is_damaged_is_trained_again_and_nothing_is_left(work, tmp_path, caplog):
    output = tmp_path / "vocoder"
    train_vocoder.main(command(work, output))
    whole = (output / "vocoder.pth").read_bytes()
    (output / "vocoder.pth").write_bytes(whole[:-100])
    (output / "vocoder_checkpoint.pth").write_bytes(b"half")
    train_vocoder.main(command(work, output))
    assert "vocoder_checkpoint.pth is damaged: the vocoder's training begins again" in caplog.text
    assert (output / "vocoder.pth").read_bytes() == whole
    (output / "vocoder_checkpoint.pth").write_bytes(whole)  # as of a training that was killed at its very end
    train_vocoder.main(command(work, output))
    assert not (output / "vocoder_checkpoint.pth").exists()


def test_resampled_recordings_are_other_voices(work):
    config = load_train_config(work / "train.yaml")
    wavs = list(read_scp(work / "dump/raw/train/wav.scp").values())
    data = VocoderData.read(wavs, config, 1, [1.25])
    once, twice = data.borders[len(wavs)], data.borders[-1]
    assert (twice - once) / once == pytest.approx(1 / 1.25, rel=0.05)
    higher = np.median(data.log_f0[once:][data.voiced[once:]]) - np.median(data.log_f0[:once][data.voiced[:once]])
    assert higher == pytest.approx(np.log(1.25), abs=0.02)


def test_discriminators_go_on_where_they_were(work, tmp_path):
    for name, steps in (("first", "2"), ("second", "1")):
        init = [] if name == "first" else ["--init_vocoder", str(tmp_path / "first/vocoder.pth")]
        train_vocoder.main([*command(work, tmp_path / name), "--steps", steps, *init])
    first, second = (read_discriminators(tmp_path / name / "vocoder.pth") for name in ("first", "second"))
    fresh = Discriminators(16000).state_dict()
    moved = max(float((second[name] - first[name]).abs().max()) for name in first)
    apart = max(float((second[name] - fresh[name]).abs().max()) for name in first)
    assert 0 < moved < 0.1 * apart


def test_discriminators_of_another_version_are_refused(work, tmp_path):
    output = tmp_path / "vocoder"
    train_vocoder.main([*command(work, output), "--steps", "1"])
    content = torch.load(output / "vocoder.pth")
    content["discriminators"].popitem()
    torch.save(content, output / "vocoder.pth")
    with pytest.raises(UserError, match="its discriminators are not those of this version"):
        train_vocoder.main([*command(work, tmp_path / "other"), "--init_vocoder", str(output / "vocoder.pth")])


def test_recordings_that_have_changed_are_noticed(work, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    place, other = data / "a.flac", data / "b.flac"
    first, second = list(read_scp(work / "dump/raw/train/wav.scp").values())[:2]
    shutil.copy(first, place)
    shutil.copy(second, other)
    (data / "wav.scp").write_text(f"a {place}\nb {other}\n")
    run = [*command(work, tmp_path / "vocoder"), "--data", str(data), "--steps", "1"]
    train_vocoder.main(run)
    train_vocoder.main(run)
    shutil.copy(second, place)
    with pytest.raises(UserError, match="of other settings or data: delete it"):
        train_vocoder.main(run)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (3000, "the recordings have 12 frames together, and vocoder.segment is 16: lower it"),
        (512, "a.wav: 512 samples, but half of an FFT needs 513: leave it out"),
    ],
)
def test_recordings_that_are_too_short_are_told(work, tmp_path, samples, message):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, samples), 16000)
    (tmp_path / "wav.scp").write_text(f"a {tmp_path}/a.wav\n")
    with pytest.raises(UserError, match=message):
        train_vocoder.main([*command(work, tmp_path / "vocoder"), "--data", str(tmp_path)])


def test_features_that_are_not_said_are_those_of_the_model(tmp_path):
    write_data(tmp_path / "data", SETS)
    base = {**TRAINABLE, "feats_extract_conf": {"fs": 16000}}
    for stage in (2, 3, 4, 5, 6, 7):
        run_stage(stage, tmp_path, ACOUSTIC, base=base)
    features = {"fs": 16000, "n_fft": 1024, "hop_length": 256, "n_mels": 80, "fmin": 80, "fmax": 7600}
    assert differing(read_network(tmp_path / "exp/model/vocoder.pth").signal, features) == ""
    tts = Text2Speech(tmp_path / "exp/model/config.yaml", tmp_path / "exp/model/1epoch.pth")
    assert isinstance(tts.vocoder, SourceFilter)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], r"run stage 2 first: nowhere/wav.scp is missing"),
        (["--init_vocoder", "nowhere.pth"], "no such model file: nowhere.pth"),
        (["--steps", "0"], "--steps: expected a whole number of at least 1"),
    ],
)
def test_what_cannot_be_used_is_told_before_anything_is_trained(work, tmp_path, arguments, message):
    run = [*command(work, tmp_path / "vocoder"), *arguments]
    with pytest.raises(UserError, match=message):
        train_vocoder.main(run)
    assert not (tmp_path / "vocoder/vocoder.pth").exists()
