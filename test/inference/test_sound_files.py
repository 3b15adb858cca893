"""Sound files that a command writes."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_mtl.errors import UserError
from espnet_mtl.inference.sound_files import OTHERS, SHOWN, sound_format, writing_sound
from espnet_mtl.system import sound


def write_sound(path, wave, rate):
    with writing_sound(path, rate) as write:
        write(wave)


@pytest.mark.parametrize("suffix", [*SHOWN, *OTHERS])
def test_what_is_written_is_read_again(tmp_path, suffix):
    wave = np.sin(np.arange(24000) / 20).astype("float32") / 2
    write_sound(tmp_path / f"a{suffix}", wave, 16000)
    read, rate = soundfile.read(tmp_path / f"a{suffix}")
    assert rate == 16000
    assert abs(len(read) - len(wave)) < 1600
    assert np.sqrt(np.mean(read**2)) == pytest.approx(np.sqrt(np.mean(wave**2)), rel=0.1)
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_minutes_of_vorbis(tmp_path):
    write_sound(tmp_path / "a.ogg", np.zeros(16000 * 600, dtype="float32"), 16000)
    assert soundfile.info(tmp_path / "a.ogg").duration == pytest.approx(600)


def test_a_name_as_long_as_can_be(tmp_path):
    path = tmp_path / f"{'a' * 251}.wav"
    write_sound(path, np.zeros(160, dtype="float32"), 16000)
    assert path.is_file()


@pytest.mark.parametrize("name", ["a", "a.m4a", "a.", ".wav", "wav"])
def test_other_names_are_refused(name):
    with pytest.raises(
        UserError, match=r"expected a name that ends in one of .wav, .flac, .ogg, .opus, .mp3, or of .aiff, .au"
    ):
        sound_format(Path(name))


def test_what_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "a.wav").write_bytes(b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"a.wav: No space left on device"):
        write_sound(tmp_path / "a.wav", np.zeros(160, dtype="float32"), 16000)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_a_full_disk_while_it_is_written(tmp_path, monkeypatch, suffix):
    """What the disk says is said, not what libsndfile makes of it."""
    wave = np.random.default_rng(0).normal(0, 0.1, 160000).astype("float32")
    original = sound._Watched.write

    def write(self, data):
        self.file = Full(self.file) if self.file.tell() > 20000 else self.file
        return original(self, data)

    monkeypatch.setattr(sound._Watched, "write", write)
    with pytest.raises(UserError, match=rf"a\{suffix}: No space left on device"):
        write_sound(tmp_path / f"a{suffix}", wave, 16000)
    assert list(tmp_path.iterdir()) == []


class Full:
    """A file on a disk that is full."""

    def __init__(self, file):
        self.seek, self.tell = file.seek, file.tell

    def write(self, data):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_pieces_are_one_sound(tmp_path, suffix):
    wave = np.sin(np.arange(40000) / 20).astype("float32") / 2
    write_sound(tmp_path / f"whole{suffix}", wave, 16000)
    with writing_sound(tmp_path / f"pieces{suffix}", 16000) as write:
        for start in range(0, 40000, 16000):
            write(wave[start : start + 16000])
    pieces, whole = (soundfile.read(tmp_path / f"{name}{suffix}")[0] for name in ("pieces", "whole"))
    np.testing.assert_array_equal(pieces, whole)


def test_a_rate_that_a_format_does_not_take(tmp_path):
    with pytest.raises(UserError, match=r"\.mp3 takes no sound of 96000 Hz"):
        write_sound(tmp_path / "a.mp3", np.zeros(160, dtype="float32"), 96000)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="takes no sound of 1180591620717411303424 Hz"):
        write_sound(tmp_path / "a.wav", np.zeros(160, dtype="float32"), 2**70)
