import math

import numpy as np
import pytest

from espnet_mtl.data.extraction.contour import ContourExtractor, contour_of
from espnet_mtl.data.extraction.pitch import NOBODYS

FS, HOP = 16000, 256
SETTINGS = {"fs": FS, "n_fft": 1024, "hop_length": HOP, "f0min": 60, "f0max": 500}


def test_a_voice_is_found_where_it_is():
    time = np.arange(FS) / FS
    voice = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 12)) * 0.1
    silence = np.random.default_rng(0).normal(0, 1e-5, FS // 2)
    frames = (len(voice) + len(silence)) // HOP + 1
    contour = ContourExtractor(SETTINGS)(np.concatenate([voice, silence]), frames)
    assert len(contour.log_f0) == len(contour.voiced) == frames
    assert contour.voiced[5:55].all()
    assert not contour.voiced[75:].any()  # before, DIO slips at the sudden end
    np.testing.assert_allclose(contour.log_f0[5:55], math.log(150), atol=0.01)
    np.testing.assert_allclose(contour.log_f0[75:], contour.log_f0[75])


def test_f0_is_interpolated_where_nothing_is_voiced():
    contour = contour_of(np.array([0, 100, 100, 0, 200, 200, 0], np.float32))
    assert contour.voiced.tolist() == [False, True, True, False, True, True, False]
    assert contour.log_f0[0] == pytest.approx(math.log(100))
    assert contour.log_f0[3] == pytest.approx(math.log(100 * 200) / 2)


def test_slips_are_no_voice():
    contour = contour_of(np.array([0, 0, 480, 0, 0, 480, 0], np.float32))
    assert not contour.voiced.any()
    np.testing.assert_allclose(contour.log_f0, NOBODYS)
