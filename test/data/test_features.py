import errno
import multiprocessing
from contextlib import contextmanager

import kaldiio
import numpy as np
import pytest
import soundfile
from tiny_stages import FULL, run_stage, write_data

from espnet_mtl.config.espnet import ONLY_VALUES
from espnet_mtl.config.schema import complete
from espnet_mtl.data.extraction.extractor import EXTRACTORS, durations_of
from espnet_mtl.data.features import extract_features
from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.errors import UserError

FS, HOP, F0 = 16000, 256, 150.0


def test_durations_follow_the_ends_and_leave_the_rest_to_the_end_token():
    assert durations_of([0.1, 0.25], frames=40, frame_rate=100) == [10, 15, 15]


@pytest.mark.parametrize("ends", [[0.0001, 0.0002, 0.0003], [5, 6, 7], [0.05, 0.05, 0.05]])
def test_every_token_has_a_frame(ends):
    durations = durations_of(ends, frames=6, frame_rate=100)
    assert min(durations) >= 1
    assert sum(durations) == 6


def test_more_tokens_than_frames():
    with pytest.raises(UserError, match="3 tokens in 3 frames"):
        durations_of([0.1, 0.2, 0.3], frames=3, frame_rate=100)


def make_dump(directory, seconds=1.0, fs=FS):
    """A dump of two utterances: harmonics of a known F0, loud in the second half."""
    time = np.arange(int(seconds * fs)) / fs
    tone = sum(np.sin(2 * np.pi * F0 * k * time) / k for k in range(1, 15)) * np.where(time < seconds / 2, 0.02, 0.2)
    wavs, alignments = {}, {}
    for utt in ("s1_a", "s1_b"):
        path = directory / f"{utt}.flac"
        soundfile.write(path, tone, fs)
        wavs[utt], alignments[utt] = path, f"a:{seconds / 2} b:{seconds * 0.9}"
    write_table(directory / "wav.scp", wavs)
    write_table(directory / "alignment", alignments)
    return directory


def test_features_of_a_known_signal(tmp_path):
    dump = make_dump(tmp_path)
    extract_features([dump], complete({}), nj=2)
    durations = list(map(int, read_table(dump / "durations")["s1_a"].split()))
    feats, pitch, energy = (
        kaldiio.load_scp(str(dump / f"{name}.scp"))["s1_a"] for name in ("feats", "pitch", "energy")
    )
    assert read_table(dump / "phones")["s1_a"] == "a b"
    assert feats.shape == (1 + FS // HOP, 80)
    assert sum(durations) == len(feats)
    assert pitch.shape == energy.shape == (3, 1)
    np.testing.assert_allclose(np.exp(pitch[:2, 0]), F0, rtol=0.02)
    assert energy[1] / energy[0] == pytest.approx(10, rel=0.1)


def test_the_number_of_processes_does_not_matter(tmp_path):
    contents = []
    for nj in (1, 2):
        dump = tmp_path / str(nj)
        dump.mkdir()
        extract_features([make_dump(dump)], complete({}), nj)
        contents.append([(dump / "features" / f"{name}.ark").read_bytes() for name in ("feats", "pitch", "energy")])
    assert contents[0] == contents[1]


def test_what_is_missing_or_wrong_is_named(tmp_path):
    with pytest.raises(UserError, match=r"run stage 2 first: .*wav.scp is missing"):
        extract_features([tmp_path], complete({}), 1)
    dump = make_dump(tmp_path, fs=8000)
    with pytest.raises(UserError, match=r"utterance s1_a.*8000 Hz, but feats_extract_conf.fs is 16000"):
        extract_features([dump], complete({}), 1)
    assert not (dump / "feats.scp").exists()
    write_table(dump / "alignment", {"s1_a": "a:0.5"})
    with pytest.raises(UserError, match="no line for s1_b"):
        extract_features([dump], complete({"durations": "given"}), 1)


@pytest.mark.parametrize("key", EXTRACTORS)
def test_what_the_config_may_name_is_what_there_is(key, tmp_path):
    assert set(EXTRACTORS[key]) == set(ONLY_VALUES[key])
    config = {**complete({}), key: "ying"}
    with pytest.raises(UserError, match=f"unknown {key} 'ying': .*Valid: {min(EXTRACTORS[key])}"):
        extract_features([make_dump(tmp_path)], config, 1)
    assert not (tmp_path / "durations").exists()


@contextmanager
def no_room(directory, names):
    """Stands in for `ark_writers` on a disk that is full."""

    def write(utt, matrix):
        raise OSError(errno.ENOSPC, "No space left on device")

    yield dict.fromkeys(names, write)


@pytest.mark.parametrize(("module", "durations"), [("features", "given"), ("durations", "learned")])
def test_no_worker_works_on_where_nothing_can_be_written(tmp_path, monkeypatch, module, durations):
    write_data(tmp_path / "data", FULL)
    run_stage(2, tmp_path)
    monkeypatch.setattr(f"espnet_mtl.data.{module}.ark_writers", no_room)
    dumps = [tmp_path / "dump/raw" / name for name in ("train", "dev", "test")]
    # The error holds on to all that was at work when it was raised, until it is told
    with pytest.raises(OSError, match="No space left") as raised:
        extract_features(dumps, complete({"durations": durations}), nj=2)
    assert multiprocessing.active_children() == [], raised
