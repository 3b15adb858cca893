"""Utterances without a voiced frame: whispered, or of noise alone."""

import os
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
from espnet2.tts.feats_extract.dio import Dio

from espnet_mtl.config.schema import complete
from espnet_mtl.data.continuous import standardized
from espnet_mtl.data.extraction.pitch import FrameF0, LogF0, SpeakerPitch, at_frames, filled, finer_steps
from espnet_mtl.data.features import extract_features
from espnet_mtl.data.kaldi import read_optional, write_table
from espnet_mtl.data.stats import collect_stats
from espnet_mtl.evaluation.speech_set import read_speech_set
from espnet_mtl.system.imports.pyworld import import_pyworld
from espnet_mtl.text.tokens import Tokenizer

FS, SECONDS = 16000, 1.0
DATA = Path(os.environ.get("REAL_SPEECH", Path(__file__).parents[4] / "shared/data"))
RECORDINGS = DATA / "emodb_2s_de/wav"
F0 = {"low_a": 110.0, "low_b": 120.0, "high_a": 220.0, "high_b": 0.0, "never_a": 0.0}
"""F0 by utterance; 0: noise alone."""


def speech(f0):
    noise = np.random.default_rng(0).normal(0, 0.05, int(SECONDS * FS))
    if not f0:
        return noise
    # F0 rises by a fifth from start to end
    phase = np.cumsum(f0 * np.linspace(0.9, 1.1, len(noise))) / FS
    return sum(np.sin(2 * np.pi * k * phase) / k for k in range(1, 15)) * 0.1


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    """Stage 3 of a training set with whispers, and of a development set with the high voice's whisper alone."""
    root = tmp_path_factory.mktemp("dump")
    for name, utts in {"train": list(F0), "dev": ["high_b"]}.items():
        directory = root / name
        directory.mkdir()
        for utt in utts:
            soundfile.write(directory / f"{utt}.flac", speech(F0[utt]), FS)
        write_table(directory / "wav.scp", {utt: directory / f"{utt}.flac" for utt in utts})
        write_table(directory / "alignment", dict.fromkeys(utts, "a:0.2 b:0.4 a:0.6 b:0.9"))
        write_table(directory / "utt2spk", {utt: utt.split("_")[0] for utt in utts})
        write_table(directory / "utt2emo", dict.fromkeys(utts, "sad"))
        write_table(directory / "text", dict.fromkeys(utts, "abab"))
    extract_features([root / "train", root / "dev"], complete({}), nj=1)
    return root


def log_f0(dump, utt, name="train"):
    return kaldiio.load_scp(str(dump / name / "pitch.scp"))[utt].ravel()


def test_their_log_f0_is_the_mean_of_their_speaker(dump):
    np.testing.assert_allclose(log_f0(dump, "high_b"), log_f0(dump, "high_a").mean(), rtol=1e-5)
    everyone = np.concatenate([log_f0(dump, utt) for utt in ("low_a", "low_b", "high_a")])
    np.testing.assert_allclose(log_f0(dump, "never_a"), everyone.mean(), rtol=1e-5)


def test_a_set_without_a_voice_of_a_speaker_takes_it_from_the_training_set(dump):
    np.testing.assert_allclose(log_f0(dump, "high_b", "dev"), log_f0(dump, "high_a").mean(), rtol=1e-5)


def test_they_count_in_no_statistics(dump, tmp_path, capsys):
    collect_stats(dump, tmp_path / "stats", Tokenizer("phn"))
    stats = np.load(tmp_path / "stats/train/pitch_stats.npz")
    voiced = np.concatenate([log_f0(dump, utt) for utt in ("low_a", "low_b", "high_a")])
    assert stats["count"] == len(voiced)
    variance = stats["sum_square"] / stats["count"] - (stats["sum"] / stats["count"]) ** 2
    np.testing.assert_allclose(np.sqrt(variance), voiced.std(), rtol=1e-3)
    assert np.load(tmp_path / "stats/dev/pitch_stats.npz")["count"] == 5  # nothing else is there


def test_they_have_no_intonation_to_learn(dump):
    labels = standardized(dump, ["intonation", "speaking_rate"], Tokenizer("phn"), ("train", "dev"))
    assert set(labels["intonation"]["train"]) == {"low_a", "low_b", "high_a"}
    assert labels["intonation"]["dev"] == {}
    assert set(labels["speaking_rate"]["train"]) == set(F0)


def test_the_judge_does_not_take_them_for_f0(dump):
    tokens = read_speech_set(dump / "train", "stage 2").tokens()
    assert np.isnan(tokens["high_b"][0]).all()
    assert np.isfinite(tokens["high_a"][0]).all()


def test_stage_3_names_them_and_espnet_is_silent(dump, capsys, caplog):
    extract_features([dump / "train"], complete({}), nj=1)
    assert f"2 of 5 utterances have no voiced frame (high_b, never_a; all: {dump}/train/unvoiced)" in (
        capsys.readouterr().err
    )
    assert "unvoiced" not in caplog.text
    assert set(read_optional(dump / "train/unvoiced")) == {"high_b", "never_a"}


def test_where_all_are_voiced_there_is_no_table(tmp_path):
    soundfile.write(tmp_path / "a.flac", speech(110.0), FS)
    write_table(tmp_path / "wav.scp", {"a": tmp_path / "a.flac"})
    write_table(tmp_path / "alignment", {"a": "a:0.5"})
    (tmp_path / "unvoiced").write_text("b 5.0\n")
    extract_features([tmp_path], complete({}), nj=1)
    assert not (tmp_path / "unvoiced").exists()


def test_a_token_without_a_voiced_frame_lies_between_its_neighbours():
    pitch = np.array([[0], [5], [0], [6], [0]], dtype=np.float32)
    np.testing.assert_allclose(filled(pitch).ravel(), [5, 5, 5.5, 6, 6])
    assert not filled(np.zeros((3, 1))).any()


def test_a_slip_of_the_search_is_no_voice():
    assert not LogF0._convert_to_continuous_f0(np.array([0, 0, 400.0, 410, 0])).any()
    assert LogF0._convert_to_continuous_f0(np.array([0, 100.0, 0, 120, 125])).all()


def test_where_nobody_is_voiced_the_network_has_a_finite_target():
    pitch = SpeakerPitch()
    assert not pitch.take("a", "s", np.zeros((2, 1)))
    assert np.exp(pitch.stand_ins()["a"]).ravel() == pytest.approx([150, 150])
    assert pitch.stand_ins() == {}


def test_a_frame_is_voiced_where_most_steps_around_it_are():
    fine = np.array([0, 0, 100, 100, 100, 0, 0, 0, 200, 0, 0, 0, 0], float)
    np.testing.assert_allclose(at_frames(fine, 3), [0, 100, 0, 0, 0])
    np.testing.assert_allclose(at_frames(np.array([100, 0, 0, 100, 400.0, 100]), 3), [0, 200])
    np.testing.assert_allclose(at_frames(np.array([100.0, 0, 120]), 1), [100, 0, 120])


@pytest.mark.parametrize(("frame_ms", "steps"), [(16.0, 3), (12.5, 2), (11.6, 2), (5.0, 1), (1.0, 1)])
def test_f0_is_searched_for_about_every_5_ms(frame_ms, steps):
    assert finer_steps(frame_ms) == steps
    assert 2.5 <= frame_ms / steps <= 7.5 or steps == 1


def disagreement(extractor, samples):
    """Share of 5 ms steps that WORLD takes for voiced with such steps, and the frame there not, or the other way."""
    frames = extractor._calculate_f0(torch.from_numpy(samples).float()).numpy() > 0
    pyworld = import_pyworld()
    fine, times = pyworld.dio(samples, FS, f0_floor=60, f0_ceil=500, frame_period=5.0)
    nearest = np.minimum(np.round(times * FS / 256).astype(int), len(frames) - 1)
    return float((frames[nearest] != (fine > 0)).mean())


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no real recordings here")
def test_wide_frames_are_voiced_where_narrow_ones_are():
    options = {"fs": FS, "n_fft": 1024, "hop_length": 256, "f0min": 60, "f0max": 500, "reduction_factor": 1}
    options |= {"use_continuous_f0": False}
    own, espnets = FrameF0(**options), Dio(**options)
    shares = []
    for path in sorted(RECORDINGS.glob("*/*.flac"))[:12]:
        samples, fs = soundfile.read(path)
        assert fs == FS
        shares.append([disagreement(own, samples), disagreement(espnets, samples)])
    ours, theirs = np.mean(shares, axis=0)
    assert ours < 0.07
    assert ours < 0.6 * theirs
