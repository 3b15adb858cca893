"""The network against what a second implementation, in NumPy, said of the original weights (tools/face_network.py)."""

import numpy as np
import pytest

from espnet_mtl.visual.extractors.expression import CLASSES, ExpressionFeatures
from espnet_mtl.visual.extractors.options import ExpressionOptions

SIDE = 64
DOWN, RIGHT = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
FACES = {
    "slope": RIGHT,
    "waves": (np.sin(20 * DOWN) * np.cos(13 * RIGHT) + 1) / 2,
    "disc": np.where((DOWN - 0.5) ** 2 + (RIGHT - 0.5) ** 2 < 0.1, 0.9, 0.2),
}
"""Pictures that formulas say, as crops from 0 to 1."""
LOG_PROBABILITIES = {
    "slope": [-1.72575, -11.34925, -2.68784, -2.69526, -3.72993, -1.97831, -0.64607],
    "waves": [-0.53167, -8.46602, -3.81152, -3.90096, -3.17302, -13.3745, -1.11489],
    "disc": [-4.27036, -12.10168, -3.41565, -2.37724, -2.05296, -3.46263, -0.35574],
}
FEATURES = {
    "slope": [-0.37513, -0.53042, -0.03921, -0.29116, -0.08133, -0.62335, -0.00589, -0.07791],
    "waves": [-0.18578, 0.86751, -0.86294, -0.28164, 0.43065, -0.42919, -0.41198, 0.01397],
    "disc": [-0.23582, -0.01215, -0.0341, -0.32517, 0.02045, -0.14688, 0.26126, 0.13425],
}
"""The first 8 of 128."""


@pytest.fixture(scope="module")
def network():
    return ExpressionFeatures(ExpressionOptions())


@pytest.mark.parametrize("name", FACES)
def test_the_network_says_what_the_original_weights_say(network, name):
    crop = FACES[name][None].astype(np.float32)
    np.testing.assert_allclose(network.log_probabilities(crop)[0], LOG_PROBABILITIES[name], atol=2e-4)
    np.testing.assert_allclose(network.of_crops(crop)[0, :8], FEATURES[name], atol=2e-4)


def test_frames_do_not_see_each_other(network):
    crops = np.stack([*FACES.values()]).astype(np.float32)
    together = network.of_crops(crops)
    assert together.shape == (3, 128)
    for crop, features in zip(crops, together, strict=True):
        np.testing.assert_allclose(network.of_crops(crop[None])[0], features, atol=1e-5)


def test_log_probabilities_are_those_of_the_classes(network):
    chances = np.exp(network.log_probabilities(np.stack([*FACES.values()]).astype(np.float32)))
    assert chances.shape == (3, len(CLASSES))
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-5)
