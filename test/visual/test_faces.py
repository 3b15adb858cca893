"""Faces are drawn, and OpenCV's own cascade finds them: nothing stands in for it."""

import sys

import numpy as np
import pytest
from face_media import face, portrait, scene, write_video

from espnet_mtl.errors import UserError
from espnet_mtl.visual import faces
from espnet_mtl.visual.drawing import EXPRESSIONS
from espnet_mtl.visual.faces import cropped, find_faces, resized, speakers_face, speakers_faces
from espnet_mtl.visual.unusable import UnusableVisual
from espnet_mtl.visual.videos import Limits, read_video

NOBODY = scene()
TWO = scene((face(side=120), 60, 20), (face(person="ben", side=120), 60, 180))
LARGE_AND_SMALL = scene((face(side=200), 20, 0), (face(person="ben", side=80), 80, 230))


@pytest.mark.parametrize("emotion", EXPRESSIONS)
def test_a_face_is_found_where_it_is(emotion):
    left, top, width, height = speakers_face(find_faces(portrait(emotion)))
    assert abs(left + width / 2 - 160) < 15
    assert abs(top + height / 2 - 125) < 20
    assert 70 < width < 160


def test_the_box_is_that_of_the_whole_picture_where_it_was_shrunk():
    large = np.kron(portrait(), np.ones((3, 3), np.uint8))
    small_box, large_box = (np.array(find_faces(picture)[0]) for picture in (portrait(), large))
    np.testing.assert_allclose(large_box, 3 * small_box, atol=6)


def test_who_speaks_is_whose_face_is_much_the_largest():
    assert find_faces(NOBODY) == []
    assert len(find_faces(TWO)) == len(find_faces(LARGE_AND_SMALL)) == 2
    assert speakers_face(find_faces(TWO)) is None
    left, _, width, _ = speakers_face(find_faces(LARGE_AND_SMALL))
    assert left + width < 210


def test_a_crop_goes_beyond_the_edge():
    picture = np.arange(100, dtype=np.uint8).reshape(10, 10)
    crop = cropped(picture, (0, 0, 10, 10))
    assert crop.shape == (14, 14)
    np.testing.assert_array_equal(crop[2:12, 2:12], picture)
    assert crop[0, 0] == picture[0, 0]


def test_pixels_are_averaged_where_a_crop_shrinks():
    board = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.float32)
    np.testing.assert_allclose(resized(board, 16)[2:-2, 2:-2], 0.5, atol=0.02)


def test_faces_of_a_video(tmp_path):
    path = write_video(tmp_path / "a.mp4", (portrait("happy", seed=seed) for seed in range(25)))
    crops = speakers_faces(read_video(path, 5, Limits.of(60)), path, 48)
    assert crops.shape == (5, 48, 48)
    assert crops.dtype == np.float32
    assert 0 <= crops.min() < 0.3
    assert 0.6 < crops.max() <= 1


def test_a_frame_without_a_face_has_that_of_its_neighbour(tmp_path):
    happy, sad = portrait("happy"), portrait("sad")
    crops = speakers_faces([NOBODY, happy, NOBODY, sad, sad], tmp_path, 48)
    np.testing.assert_array_equal(crops[0], crops[1])
    np.testing.assert_array_equal(crops[2], crops[1])
    assert np.abs(crops[3] - crops[2]).max() > 0.2


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([NOBODY, NOBODY, portrait()], "no face: .*: in 2 of 3 frames"),
        ([NOBODY, portrait()], "no face: .*: in 1 of 2 frames"),
        ([TWO, TWO, portrait()], "several faces: .*: in 2 of 3 frames"),
        ([TWO, NOBODY, NOBODY], "no face: .*: in 3 of 3 frames"),
    ],
)
def test_too_few_frames_with_one_face(tmp_path, frames, reason):
    with pytest.raises(UnusableVisual, match=f"^{reason}"):
        speakers_faces(frames, tmp_path, 48)


def test_what_to_install_where_opencv_is_missing_or_too_new(monkeypatch):
    faces.import_opencv.cache_clear()
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match=r"OpenCV.*is not there.*: run tools/setup.sh, or pip install 'opencv"):
        faces.import_opencv()
    newer = type(sys)("cv2")
    newer.__version__ = "5.0.0"
    monkeypatch.setitem(sys.modules, "cv2", newer)
    with pytest.raises(UserError, match=r"OpenCV 5.0.0 has no CascadeClassifier.*<5"):
        faces.import_opencv()
    monkeypatch.undo()
    faces.import_opencv.cache_clear()
