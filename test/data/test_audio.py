"""Tests of stage 2 on synthetic recordings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_mtl.bin.stages.prepare_audio import main
from espnet_mtl.corpora.alignment import parse_alignment
from espnet_mtl.data.audio import SETS, AudioConf, Recording, convert, frame_levels, prepare_audio
from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.errors import UserError

FS = 16000


def tone(seconds=1.0, level=-20.0, fs=FS, before=0.0, after=0.0):
    """A sine of 200 Hz between silences, at an RMS level in dB relative to full scale."""
    wave = 10 ** (level / 20) * np.sqrt(2) * np.sin(2 * np.pi * 200 * np.arange(round(seconds * fs)) / fs)
    return np.concatenate([np.zeros(round(before * fs)), wave, np.zeros(round(after * fs))])


def item(path, samples, fs=FS, text="Some words.", alignment=None, subtype="PCM_16", **other):
    soundfile.write(path, samples, fs, subtype=subtype)
    return Recording("a_1", str(path), text, other.get("speaker", "a"), alignment)


def run(tmp_path, source, conf=None, fs=FS):
    result = convert(source, tmp_path / "out", fs, conf or AudioConf())
    if result.reason:
        return result, None
    return result, soundfile.read(tmp_path / "out" / "a_1.flac")[0]


def make_data(directory, drop=(), n=12):
    """Writes a data directory as stage 1 does; `drop` lists utterances whose recording is silent."""
    for number, name in enumerate(SETS):
        (directory / name / "wav").mkdir(parents=True)
        utts = [f"{speaker}_{number}{index}" for speaker in "ab" for index in range(n // 2)]
        for index, utt in enumerate(utts):
            samples = tone(0.5 + index / 50, level=-20 - index, before=0.3, after=0.2)
            soundfile.write(directory / name / "wav" / f"{utt}.wav", samples * (utt not in drop), FS)
        write_table(directory / name / "wav.scp", {u: directory / name / "wav" / f"{u}.wav" for u in utts})
        write_table(directory / name / "text", dict.fromkeys(utts, "Some words."))
        write_table(directory / name / "utt2spk", {u: u[0] for u in utts})
        write_table(directory / name / "utt2emo", {u: "sad" for u in utts if u[0] == "a"})
        write_table(directory / name / "alignment", dict.fromkeys(utts, "h:0.4000 a:0.8000"))
    return directory


def contents(directory):
    """Content of every file whose path holds no hidden name (temporary directories and locks)."""
    files = {path.relative_to(directory): path for path in directory.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if "." not in {part[0] for part in name.parts}}


def test_trimming_shifts_the_alignment(tmp_path):
    aligned = (("h", 0.6), ("a", 1.0), ("pau", 1.1), ("i", 1.5))
    source = item(tmp_path / "a.wav", tone(1.0, before=0.5, after=0.7), alignment=aligned)
    result, samples = run(tmp_path, source)
    start = 0.5 - 0.05
    assert len(samples) == result.n_samples == pytest.approx(1.1 * FS, abs=0.03 * FS)
    assert [phone for phone, _ in result.alignment] == ["h", "a", "pau", "i"]
    assert [end for _, end in result.alignment] == pytest.approx([end - start for _, end in aligned], abs=0.02)
    onset = np.flatnonzero(np.abs(samples) > 0.01)[0] / FS
    assert result.alignment[0][1] - onset == pytest.approx(0.1, abs=0.002)


def test_the_margin_is_kept_and_trimming_can_be_off(tmp_path):
    source = item(tmp_path / "a.wav", tone(1.0, before=0.5, after=0.7))
    assert run(tmp_path, source, AudioConf(margin_s=0.2))[0].n_samples == pytest.approx(1.4 * FS, abs=0.03 * FS)
    assert run(tmp_path, source, AudioConf(trim_db=None))[0].n_samples == round(2.2 * FS)


def test_an_aligned_phone_is_never_cut(tmp_path):
    source = item(tmp_path / "a.wav", tone(1.0, after=0.7), alignment=(("a", 1.0), ("f", 1.4)))
    result, _ = run(tmp_path, source)
    assert result.n_samples == round(1.4 * FS)
    assert result.alignment[-1] == ("f", pytest.approx(1.4))


@pytest.mark.parametrize("level", [-45.0, -26.0, -8.0])
def test_active_level(tmp_path, level):
    _, samples = run(tmp_path, item(tmp_path / "a.wav", tone(1.0, level, before=0.3, after=0.3)))
    levels = frame_levels(samples, FS)
    assert np.median(levels[levels > levels.max() - 40]) == pytest.approx(-26, abs=0.5)


def test_the_level_can_stay(tmp_path):
    _, samples = run(tmp_path, item(tmp_path / "a.wav", tone(1.0, -12)), AudioConf(level_dbfs=None))
    assert 10 * np.log10(np.mean(samples**2)) == pytest.approx(-12, abs=0.1)


def test_peaks_limit_the_level(tmp_path):
    clicks = tone(1.0, -50)
    clicks[::800] = 0.5
    _, samples = run(tmp_path, item(tmp_path / "a.wav", clicks), AudioConf(level_dbfs=-10))
    assert np.abs(samples).max() == pytest.approx(0.98, abs=0.001)


def test_other_rates_and_channels(tmp_path):
    stereo = np.stack([tone(1.0, fs=22050), tone(1.0, fs=22050)], axis=1)
    result, samples = run(tmp_path, item(tmp_path / "a.wav", stereo, fs=22050), AudioConf(trim_db=None, channels=None))
    spectrum = np.abs(np.fft.rfft(samples))
    assert result.n_samples == FS
    assert spectrum.argmax() == 200
    assert soundfile.info(tmp_path / "out" / "a_1.flac").subtype == "PCM_16"


@pytest.mark.parametrize(
    ("reason", "samples", "options"),
    [
        ("empty text", tone(), {"text": ""}),
        ("empty text", tone(), {"text": "..."}),
        ("no speaker in utt2spk", tone(), {"speaker": ""}),
        ("too short: 0.1", tone(0.1), {}),
        ("too long: 21", tone(21.0), {}),
        ("silent", np.zeros(FS), {}),
        ("silent", np.full(FS, 1e-5), {"subtype": "FLOAT"}),
        ("silent", np.full(FS, 0.05), {}),
        ("empty recording", np.zeros(0), {}),
        ("channel count: 2, expected 1", np.stack([tone(), tone()], axis=1), {}),
        ("clipped: 67", np.clip(tone(level=3), -1, 1), {}),
        ("text too long for its recording: 60 letters", tone(), {"text": "A sentence. " * 6 + "abcdef"}),
        ("not finite", np.where(np.arange(FS) == 5, np.nan, tone()), {"subtype": "FLOAT"}),
        ("not finite", np.where(np.arange(FS) == 5, np.inf, tone()), {"subtype": "FLOAT"}),
    ],
)
def test_what_is_dropped_and_why(tmp_path, reason, samples, options):
    result, _ = run(tmp_path, item(tmp_path / "a.wav", samples, **options))
    assert result.reason.startswith(reason)
    assert not (tmp_path / "out" / "a_1.flac").exists()


@pytest.mark.parametrize("content", [None, b"", b"RIFF but no more"])
def test_an_unreadable_recording_is_dropped(tmp_path, content):
    if content is not None:
        (tmp_path / "a.wav").write_bytes(content)
    result, _ = run(tmp_path, Recording("a_1", str(tmp_path / "a.wav"), "Words.", "a", None))
    assert result.reason.startswith("unreadable")


def test_one_clipped_channel_of_two_is_enough(tmp_path):
    clipped = tone()
    clipped[:: FS // 300] = 1.0
    stereo = np.stack([clipped, tone()], axis=1)
    result, _ = run(tmp_path, item(tmp_path / "a.wav", stereo), AudioConf(channels=None))
    assert result.reason.startswith("clipped: 1.9%")


@pytest.mark.parametrize("offset", [0.002, -0.005, 0.05, 0.2])
def test_direct_current_is_no_sound(tmp_path, offset):
    """Neither what is silent nor the level is measured with it."""
    noise = np.random.default_rng(0).normal(0, 1e-4, 5 * FS)
    samples = tone(1.0, -26, before=2.0, after=2.0) + noise
    kept, plain = run(tmp_path, item(tmp_path / "a.wav", samples))
    result, without_it = run(tmp_path, item(tmp_path / "a.wav", samples + offset))
    assert result.n_samples == kept.n_samples == pytest.approx(1.1 * FS, abs=0.03 * FS)
    np.testing.assert_allclose(without_it, plain, atol=3 / 2**15)


@pytest.mark.parametrize(("hertz", "level"), [(2, -26), (5, -26), (8, -36), (15, -52)])
def test_rumble_is_no_sound(tmp_path, hertz, level):
    """Neither what is silent nor the level is measured with it."""
    noise = np.random.default_rng(0).normal(0, 1e-4, 5 * FS)
    soft = np.concatenate([np.linspace(0, 1, FS // 50), np.ones(FS - FS // 25), np.linspace(1, 0, FS // 50)])
    samples = np.pad(tone(1.0, -26) * soft, 2 * FS) + noise
    rumble = 10 ** (level / 20) * np.sqrt(2) * np.sin(2 * np.pi * hertz * np.arange(5 * FS) / FS + 1)
    kept, plain = run(tmp_path, item(tmp_path / "a.wav", samples))
    result, without_it = run(tmp_path, item(tmp_path / "a.wav", samples + rumble))
    assert result.n_samples == kept.n_samples == pytest.approx(1.1 * FS, abs=0.03 * FS)
    assert 20 * np.log10(without_it.std() / plain.std()) == pytest.approx(0, abs=0.1)


def test_direct_current_of_one_channel_of_two(tmp_path):
    one = tone(1.0, -26, before=1.0, after=1.0)
    stereo = np.stack([one, one + 0.1], axis=1)
    result, samples = run(tmp_path, item(tmp_path / "a.wav", stereo), AudioConf(channels=None))
    assert result.n_samples == pytest.approx(1.1 * FS, abs=0.03 * FS)
    assert abs(samples.mean()) < 1e-3


def test_clipping_is_looked_for_in_what_was_recorded(tmp_path):
    """Direct current pushes one side of the wave beyond full scale; without it, no sample would be there."""
    clipped = np.clip(tone(level=-12) + 0.8, -1, 1)
    result, _ = run(tmp_path, item(tmp_path / "a.wav", clipped))
    assert result.reason.startswith("clipped")


def test_a_recording_without_direct_current_stays_as_it_is(tmp_path):
    samples = tone(1.0, -26)
    _, kept = run(tmp_path, item(tmp_path / "a.wav", samples), AudioConf(trim_db=None, level_dbfs=None))
    np.testing.assert_allclose(kept, samples, atol=1.01 / 2**15)


def test_nothing_is_left_of_a_click_without_margins(tmp_path):
    click = np.zeros(FS)
    click[FS // 2] = 0.5
    conf = AudioConf(margin_s=0.0, min_seconds=0.0, trim_db=0.1)
    assert run(tmp_path, item(tmp_path / "a.wav", click, text="a"), conf)[0].reason.startswith(("too short", "text"))
    assert run(tmp_path, item(tmp_path / "b.wav", np.full(3, 0.1) * [1, -1, 1], fs=768000))[0].reason


def test_directories_and_report(tmp_path):
    make_data(tmp_path / "data", drop=("b_10",))
    dropped = prepare_audio(tmp_path / "data", tmp_path / "dump", FS, AudioConf())
    train, dev = tmp_path / "dump" / "train", tmp_path / "dump" / "dev"
    assert dropped == {"train": {}, "dev": {"b_10": "silent"}, "test": {}}
    assert (tmp_path / "dump" / "report.txt").read_text() == (
        "train: 12 of 12 utterances kept\n"
        "dev: 11 of 12 utterances kept, 1 silent\n  dropped b_10: silent\n"
        "test: 12 of 12 utterances kept\n"
    )
    wavs, lengths = read_table(dev / "wav.scp"), read_table(dev / "utt2num_samples")
    assert "b_10" not in wavs
    assert all(soundfile.info(wavs[utt]).frames == int(lengths[utt]) for utt in wavs)
    assert all(Path(wav).is_absolute() for wav in wavs.values())
    assert read_table(dev / "spk2utt")["b"] == "b_11 b_12 b_13 b_14 b_15"
    assert set(read_table(train / "utt2emo")) == {f"a_0{index}" for index in range(6)}
    assert parse_alignment(read_table(train / "alignment")["a_00"])[0] == ("h", pytest.approx(0.15, abs=0.02))
    assert not (train / "utt2lang").exists()


def test_the_number_of_processes_does_not_matter(tmp_path):
    make_data(tmp_path / "data")
    for nj in (1, 2):
        prepare_audio(tmp_path / "data", tmp_path / "dump", FS, AudioConf(), nj=nj)
        (tmp_path / "dump").rename(tmp_path / f"dump{nj}")
    assert contents(tmp_path / "dump1") == contents(tmp_path / "dump2")


def test_too_many_losses_stop_it_and_leave_the_old_output(tmp_path):
    make_data(tmp_path / "data")
    prepare_audio(tmp_path / "data", tmp_path / "dump", FS, AudioConf())
    before = contents(tmp_path / "dump")
    make_data(tmp_path / "other", drop=("a_00", "b_10"))
    with pytest.raises(UserError, match=r"2 of 36 utterances cannot be used \(a_00: silent; b_10: silent"):
        prepare_audio(tmp_path / "other", tmp_path / "dump", FS, AudioConf())
    after = contents(tmp_path / "dump")
    assert b"  dropped b_10: silent\n" in after.pop(Path("dropped.txt"))
    assert after == before
    assert sum(map(len, prepare_audio(tmp_path / "other", tmp_path / "dump", FS, AudioConf(), 0.1).values())) == 2


def test_a_missing_stage_1_is_named(tmp_path):
    with pytest.raises(UserError, match=r"run stage 1 first: .*wav\.scp is missing"):
        prepare_audio(tmp_path / "data", tmp_path / "dump", FS, AudioConf())
    assert not (tmp_path / "dump").exists()


def test_a_killed_stage_leaves_the_old_output(tmp_path):
    """The process is killed in the midst of the conversion, when some recordings are already written."""
    make_data(tmp_path / "data")
    prepare_audio(tmp_path / "data", tmp_path / "dump", FS, AudioConf(level_dbfs=None))
    before = contents(tmp_path / "dump")
    code = f"""
import os, pathlib, signal
from espnet_mtl.data import audio
write, root = audio.level, pathlib.Path({str(tmp_path)!r})
calls = []
def level(*args):
    calls.append(args)
    if len(calls) == 20:
        os.kill(os.getpid(), signal.SIGKILL)
    return write(*args)
audio.level = level
audio.prepare_audio(root / "data", root / "dump", {FS}, audio.AudioConf())
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert list((tmp_path / "dump").glob(".*.tmp/audio/*.flac"))
    assert {path: data for path, data in contents(tmp_path / "dump").items() if path.parts[0][0] != "."} == before
    prepare_audio(tmp_path / "data", tmp_path / "dump", FS, AudioConf(level_dbfs=None))
    assert contents(tmp_path / "dump") == before


def test_the_command_reads_the_training_config(tmp_path, capsys):
    make_data(tmp_path / "data")
    config = tmp_path / "train.yaml"
    config.write_text("feats_extract_conf: {fs: 8000, fmax: 3800}\naudio_conf: {margin_s: 0.1}\n")
    command = ["--data", str(tmp_path / "data"), "--output", str(tmp_path / "dump")]
    main([*command, "--train_config", str(config)])
    assert "0 utterances dropped" in capsys.readouterr().out
    info = soundfile.info(tmp_path / "dump" / "dev" / "audio" / "a_10.flac")
    assert info.samplerate == 8000
    assert info.duration == pytest.approx(0.7, abs=0.03)


def test_the_data_are_not_replaced_by_what_is_made_of_them(tmp_path):
    data = make_data(tmp_path / "data", n=4)
    before = contents(data)
    (tmp_path / "link").symlink_to(data)
    for output in (data, tmp_path / "link"):
        with pytest.raises(UserError, match=r"/dev would be replaced, but .*data/dev is read: choose another"):
            prepare_audio(data, output, FS, AudioConf())
    assert contents(data) == before
