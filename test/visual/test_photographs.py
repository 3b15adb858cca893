"""Photographs: drawn faces are what the rest of the tests show the cascade.

astronaut.jpg is Eileen Collins, by NASA, in the public domain; cat.jpg is Chelsea, by Stéfan van der Walt, CC0.
"""

from pathlib import Path

import pytest

from espnet_mtl.visual.extractors.build import build_extractor
from espnet_mtl.visual.faces import find_faces, speakers_face
from espnet_mtl.visual.images import read_image
from espnet_mtl.visual.sources import source_of
from espnet_mtl.visual.unusable import UnusableVisual

PHOTOGRAPHS = Path(__file__).parents[1] / "fixtures" / "photographs"
ASTRONAUT, CAT = PHOTOGRAPHS / "astronaut.jpg", PHOTOGRAPHS / "cat.jpg"


def test_the_face_is_found_where_it_is():
    left, top, width, height = speakers_face(find_faces(read_image(ASTRONAUT)))
    assert abs(left + width / 2 - 115) < 15
    assert abs(top + height / 2 - 115) < 20
    assert 60 < width < 130


@pytest.mark.parametrize(("name", "size"), [("crops", 48 * 48), ("expression", 128)])
def test_an_astronaut_is_seen_and_a_cat_is_not(name, size):
    extractor = build_extractor(name, {})
    vectors = extractor(source_of(str(ASTRONAUT)))
    assert vectors.shape == (1, size)
    assert vectors.std() > 0
    with pytest.raises(UnusableVisual, match="no face"):
        extractor(source_of(str(CAT)))
