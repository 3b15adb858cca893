"""What the judge keeps between calls is used again for the same question only."""

from dataclasses import replace

import numpy as np
import pytest
from speech_sets import write_speech

from espnet_mtl.evaluation import judge as module
from espnet_mtl.evaluation.judge import Judge
from espnet_mtl.evaluation.speech_set import read_speech_set


@pytest.fixture
def trainings(monkeypatch):
    """The arguments of each training of probes, which takes long and is left out here."""
    calls = []

    def train_probes(*arguments):
        calls.append(arguments)
        return {"functionals": np.zeros((1, 1))}

    monkeypatch.setattr(module, "train_probes", train_probes)
    return calls


@pytest.fixture
def judge(tmp_path):
    write_speech(tmp_path / "train")
    write_speech(tmp_path / "test", range(6, 9))
    train, test = (read_speech_set(tmp_path / name, "stage 2") for name in ("train", "test"))
    return Judge(train, test, tmp_path / "cache", fs=16000)


@pytest.mark.parametrize("change", [{"fs": 8000}, {"language": "de"}], ids=str)
def test_probes_are_trained_again_where_their_training_would_be_another(judge, trainings, change):
    for one in (judge, replace(judge), replace(judge, **change), replace(judge, **change)):
        assert one.probes is not None
    assert len(trainings) == 2


def test_probes_are_trained_again_with_another_vocoder(judge, trainings, tmp_path):
    for part in ("train", "test"):
        (tmp_path / part / "feats.scp").write_text("".join(f"spk1_{i} {tmp_path / 'a.ark'}:{i}\n" for i in range(9)))
    (tmp_path / "a.ark").write_bytes(b"spectrograms")
    (tmp_path / "vocoder.pkl").write_bytes(b"one")
    vocoder = {"features": {"hop_length": 256}, "vocoder_file": str(tmp_path / "vocoder.pkl")}
    for _ in range(2):
        assert replace(judge, vocoder=vocoder).probes is not None
    assert len(trainings) == 1
    (tmp_path / "vocoder.pkl").write_bytes(b"two")
    assert replace(judge, vocoder=vocoder).probes is not None
    assert len(trainings) == 2


def test_probes_are_the_same_with_any_number_of_processes(judge, trainings):
    for nj in (1, 2):
        assert replace(judge, nj=nj).probes is not None
    assert len(trainings) == 1


@pytest.fixture
def transcripts(monkeypatch):
    """The models that words were counted by, each time that they were."""
    models = []

    def count_word_errors(recordings, texts, languages, model, *others):
        models.append((model.name, set(languages)))
        return np.tile([1.0, 4.0], (len(recordings), 1))

    monkeypatch.setattr(module, "count_word_errors", count_word_errors)
    return models


def test_words_of_natural_speech_are_counted_once_for_each_model(judge, transcripts, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    for content in (b"one", b"two"):
        (model / "model.bin").write_bytes(content)
        for _ in range(2):
            words = replace(judge, whisper=model).natural_words
            assert words.tolist() == [[1.0, 4.0]] * 3
    assert transcripts == [("model", {"en-us"})] * 2


def test_without_a_model_no_word_is_counted(judge, transcripts):
    assert np.isnan(judge.natural_words).all()
    assert transcripts == []


def test_another_range_of_f0_is_another_judge(judge, trainings):
    for one in (judge, replace(judge, pitch={"f0min": 60}), replace(judge, pitch={"f0min": 80})):
        assert one.probes is not None
    assert len(trainings) == 3
