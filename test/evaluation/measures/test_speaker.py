import numpy as np
import pytest

from espnet_mtl.evaluation.measures.speaker import embed, enroll


def test_embedding_has_length_one_and_ignores_gain_and_rate(voice):
    wave = np.tile(voice("a", "calm", 0), 3)
    embedding = embed(wave, 16000)
    assert embedding.shape == (256,)
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-4)
    assert embed(0.1 * wave, 16000) @ embedding == pytest.approx(1, abs=1e-3)
    import soxr

    assert embed(soxr.resample(wave, 16000, 24000), 24000) @ embedding > 0.98


def test_voices_are_averages_of_length_one():
    embeddings = np.eye(4, dtype=np.float32)
    voices = enroll(embeddings, ["a", "b", "a", "b"])
    np.testing.assert_allclose(voices["a"], [0.5**0.5, 0, 0.5**0.5, 0], rtol=1e-6)
