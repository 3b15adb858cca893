"""Two sets of probes: of natural and vocoded speech, and of natural speech alone."""

import json

import numpy as np
import pytest
from tiny_corpus import FEATURES

from espnet_mtl.data.kaldi import read_scp
from espnet_mtl.evaluation.analysis import Recording
from espnet_mtl.evaluation.probes import conv_probe, recognizer, trained
from espnet_mtl.evaluation.probes.trained import TrainedProbes, train_probes
from espnet_mtl.evaluation.speech_set import read_speech_set


@pytest.fixture
def analyses(monkeypatch) -> list[int]:
    """How many recordings each analysis was of; trainings are short."""
    for module in (conv_probe, recognizer):
        monkeypatch.setattr(module, "EPOCHS", 1)
        monkeypatch.setattr(module, "MIN_STEPS", 1)
    counts = []
    analyze_all = trained.analyze_all

    def counted(recordings, *others, **options):
        counts.append(len(recordings))
        return analyze_all(recordings, *others, **options)

    monkeypatch.setattr(trained, "analyze_all", counted)
    return counts


def test_natural_probes_are_those_that_never_met_a_vocoder(corpus, analyses):
    train = read_speech_set(corpus / "dump/raw/train", "stage 2")
    train = train.where([text in ("Sentence 0.", "Sentence 1.", "Sentence 2.") for text in train.texts])
    mels = read_scp(train.directory / "feats.scp")
    settings = json.dumps({"features": FEATURES, "vocoder_config": {"griffin_lim_iters": 1}})
    vocoded = [Recording(mels[utt], settings) for utt in train.utts]
    both = TrainedProbes(train, True, 16000, "en-us", train_probes(train, vocoded, 16000, "en-us", 1))
    alone = TrainedProbes(train, False, 16000, "en-us", train_probes(train, [], 16000, "en-us", 1))
    size = len(train.utts)
    assert analyses == [size + (size + 1) // 2, size]  # what is analyzed serves both sets
    assert alone.natural is alone
    assert (both.size, both.natural.size, alone.size) == (size + (size + 1) // 2, size, size)

    random = np.random.default_rng(0)
    logmels = [random.uniform(-60, 0, size=(100, 64)).astype(np.float32) for _ in range(3)]
    speakers = ["a", "b", "a"]
    judged = [(one.spectrogram, one.functionals, one.recognizer) for one in (both, both.natural, alone)]
    posteriors = [spectrogram.posteriors(logmels, speakers) for spectrogram, _, _ in judged]
    np.testing.assert_allclose(posteriors[1], posteriors[2])
    assert not np.array_equal(posteriors[0], posteriors[2])
    held_out = [functionals.held_out for _, functionals, _ in judged]
    assert held_out[1] == held_out[2] != held_out[0]
    weights = [recognizer.arrays()["output.weight"] for _, _, recognizer in judged]
    np.testing.assert_array_equal(weights[1], weights[2])
    assert not np.array_equal(weights[0], weights[2])
    assert both.natural.voices.keys() == both.voices.keys() == {"a", "b"}
