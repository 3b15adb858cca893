"""What every visual extractor promises."""

import inspect

import numpy as np
import pytest
from face_media import portrait, write_video
from PIL import Image

from espnet_mtl.config.fields import Options
from espnet_mtl.registry import VISUAL_EXTRACTORS
from espnet_mtl.visual.arrays import Given
from espnet_mtl.visual.drawing import draw_faces
from espnet_mtl.visual.extractors.base import FaceExtractor, VisualExtractor
from espnet_mtl.visual.unusable import UnusableVisual

CROPS = draw_faces("happy", "ann", 6, np.random.default_rng(0))
EMBEDDING = np.random.default_rng(0).standard_normal((6, 7)) * 10
FACES = [name for name in VISUAL_EXTRACTORS if issubclass(VISUAL_EXTRACTORS.load(name), FaceExtractor)]
TAKES = {name: CROPS if name in FACES else EMBEDDING for name in VISUAL_EXTRACTORS}
"""An array that each extractor takes."""


def built(name: str, **options: object) -> VisualExtractor:
    return VISUAL_EXTRACTORS.load(name)(VISUAL_EXTRACTORS.options(name)(**options))


@pytest.mark.parametrize("name", VISUAL_EXTRACTORS)
def test_class(name):
    cls = VISUAL_EXTRACTORS.load(name)
    assert issubclass(cls, VisualExtractor)
    assert inspect.getdoc(cls)
    assert issubclass(VISUAL_EXTRACTORS.options(name), Options)


@pytest.mark.parametrize("name", VISUAL_EXTRACTORS)
def test_vectors(name):
    extractor = built(name, rate=5.0)
    vectors = extractor(Given(TAKES[name], rate=5.0))
    assert vectors.dtype == np.float32
    assert len(vectors) == 6
    assert vectors.ndim == 2
    assert extractor.shape is None or np.prod(extractor.shape) == vectors.shape[1]
    assert np.isfinite(vectors).all()
    np.testing.assert_array_equal(vectors, built(name, rate=5.0)(Given(TAKES[name], rate=5.0)))


@pytest.mark.parametrize("name", VISUAL_EXTRACTORS)
def test_the_rate_is_the_one_that_is_asked_for(name):
    extractor = built(name, rate=10.0)
    assert extractor.rate == 10
    assert len(extractor(Given(TAKES[name], rate=5.0))) == 12
    assert len(extractor(Given(TAKES[name]))) == 6  # its own is not known


@pytest.mark.parametrize("name", VISUAL_EXTRACTORS)
def test_an_array_of_another_shape_is_refused(name):
    other = np.zeros((2, 3, 4, 5)) if name in FACES else CROPS
    with pytest.raises(UnusableVisual, match=r"^wrong shape: \(\d, "):
        built(name)(Given(other))


@pytest.mark.parametrize("name", FACES)
def test_a_picture_and_a_video(name, tmp_path):
    Image.fromarray(portrait()).save(tmp_path / "a.png")
    write_video(tmp_path / "a.mp4", (portrait(seed=seed) for seed in range(50)))
    extractor = built(name)
    assert len(extractor(tmp_path / "a.png")) == 1
    assert len(extractor(tmp_path / "a.mp4")) == 10
    with pytest.raises(UnusableVisual, match=r"^too long: .*at most 1 s"):
        built(name, max_seconds=1.0)(tmp_path / "a.mp4")
    with pytest.raises(UnusableVisual, match=r"^unknown kind: .*\.mp4"):
        extractor(tmp_path / "a.txt")


@pytest.mark.parametrize("name", FACES)
def test_greys_are_whole_numbers_or_shares(name):
    extractor = built(name)
    vectors = extractor(Given(CROPS))
    np.testing.assert_allclose(extractor(Given(CROPS / 255)), vectors, atol=1e-4)
    flat = (CROPS / 255).reshape(6, -1)  # as a Kaldi archive has it
    np.testing.assert_allclose(extractor(Given(flat)), vectors, atol=1e-4)
    for wrong in (CROPS.astype(float), CROPS.astype(int) * 2, CROPS / 255 - 1):
        with pytest.raises(UnusableVisual, match=r"^wrong greys: .*expected 0 to"):
            extractor(Given(wrong))


@pytest.mark.parametrize("name", FACES)
def test_crops_of_hours_are_refused(name):
    with pytest.raises(UnusableVisual, match=r"^too long: 6000 s of crops, at most 60 s"):
        built(name)(Given(CROPS, rate=0.001))


@pytest.mark.parametrize("name", VISUAL_EXTRACTORS)
def test_a_request_may_have_less(name):
    extractor = built(name, rate=5.0)
    limited = extractor.within(1.0)
    for given in (Given(TAKES[name], rate=5.0), Given(TAKES[name])):  # 1.2 s; of the second, by the extractor's rate
        assert len(extractor(given)) == 6
        with pytest.raises(UnusableVisual, match=r"^too long: 1 s of \w+, at most 1 s"):
            limited(given)
    assert len(limited(Given(TAKES[name][:5], rate=5.0))) == 5


def test_crops_have_the_size_that_is_asked_for():
    vectors = built("crops", size=32)(Given(CROPS))
    assert vectors.shape == (6, 32 * 32)
    assert abs(vectors.mean() - CROPS.mean() / 255) < 0.01
    np.testing.assert_allclose(built("crops")(Given(CROPS)), CROPS.reshape(6, -1) / 255, atol=1e-6)


def test_embeddings_stay_as_they_are(tmp_path):
    np.testing.assert_allclose(built("embedding")(Given(EMBEDDING, 3.0)), EMBEDDING, rtol=1e-6)
    np.testing.assert_allclose(built("embedding")(Given(EMBEDDING[0])), EMBEDDING[:1], rtol=1e-6)
    with pytest.raises(UnusableVisual, match=r"^no embedding: .*a.mp4"):
        built("embedding")(tmp_path / "a.mp4")
