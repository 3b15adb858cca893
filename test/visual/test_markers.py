"""Faces by motion capture."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from corpus_layouts import markers
from face_media import portrait
from PIL import Image
from tiny_stages import SECONDS, SETS, run_stage, write_data

from espnet_mtl.data.arks import Matrices
from espnet_mtl.data.kaldi import write_table
from espnet_mtl.visual.extractors.build import build_extractor
from espnet_mtl.visual.markers import is_markers, read_markers
from espnet_mtl.visual.sources import is_array, is_timed, source_of
from espnet_mtl.visual.unusable import UnusableVisual


@pytest.fixture
def file(tmp_path):
    markers(tmp_path / "a.txt", frames=24)
    return tmp_path / "a.txt"


def test_markers_are_relative_to_their_mean_and_gaps_are_filled(file):
    moved, rate = read_markers(file)
    assert (moved.shape, rate) == ((24, 165), 120.0)
    np.testing.assert_allclose(moved.mean(axis=0), 0, atol=1e-9)
    wanted = np.sin(np.arange(24)[:, None] + np.arange(165))
    whole = [column for column in range(165) if not 6 <= column < 9]
    np.testing.assert_allclose(moved[:, whole], (wanted - wanted.mean(axis=0))[:, whole], atol=1e-4)
    # The frames 3 to 5 of the third marker are on the way from frame 2 to frame 6
    np.testing.assert_allclose(np.diff(moved[2:7, 6:9], n=2, axis=0), 0, atol=1e-9)
    assert np.isfinite(moved).all()


def change(file, number, values):
    """Puts values into the numbers of a line, from its end."""
    lines = file.read_text().split("\n")
    words = lines[number].split(" ")
    words[len(words) - len(values) :] = values
    lines[number] = " ".join(words)
    file.write_text("\n".join(lines))


def test_a_marker_that_no_frame_has_does_not_move(file):
    for number in range(2, 26):
        change(file, number, ["NaN"] * 3)
    moved, _ = read_markers(file)
    assert not moved[:, -3:].any()
    assert moved[:, :-3].any()


def test_the_embedding_has_the_frames_of_its_rate(file):
    source = source_of(file)
    assert is_array(file)
    assert is_timed(source)
    vectors = build_extractor("embedding", {"rate": 30.0})(source)
    assert (vectors.shape, vectors.dtype) == ((6, 165), np.float32)
    np.testing.assert_allclose(vectors, source.values[::4], atol=1e-5)
    with pytest.raises(UnusableVisual, match=r"^wrong shape: \(24, 165\), expected face crops"):
        build_extractor("crops", {})(source)


def test_other_texts_are_of_an_unknown_kind(tmp_path):
    text = tmp_path / "b.txt"
    text.write_text("Frame by frame\n")
    for path in (text, tmp_path / "none.txt", tmp_path):
        assert not is_markers(path)
    with pytest.raises(UnusableVisual, match=r"^unknown kind: .*b.txt"):
        build_extractor("crops", {})(source_of(text))
    Image.fromarray(portrait()).save(tmp_path / "a.png")
    assert source_of(tmp_path / "a.png") == tmp_path / "a.png"


@pytest.mark.parametrize(
    ("number", "values", "reason"),
    [
        (4, ["1.0", "2.0", "x"], "unreadable: .*a.txt:5: could not convert .*'x'"),
        (4, ["1.0", "2.0 3.0"], "unreadable: .*a.txt:5: 168 numbers, expected 167"),
        (2, ["1.0 2.0"], "unreadable: .*a.txt:3: 168 numbers, expected frame, time, and X, Y and Z of each marker"),
        (4, ["inf"], "not finite: .*a.txt:5"),
        (4, ["NaN"] * 166, "not finite: .*a.txt:5: infinity, or no time"),
        (4, ["-7", *["1.0"] * 165], "unreadable: .*a.txt: its times do not rise"),
        (25, ["240", *["1.0"] * 165], r"unreadable: .*a.txt: 10.1\d* s between its frames, expected less than 10"),
        (25, ["1e308", *["1.0"] * 165], "unreadable: .*a.txt: 4.3.*e\\+306 s between its frames"),
        (2, ["-1e308", *["1.0"] * 165], "unreadable: .*a.txt: 4.3.*e\\+306 s between its frames"),
    ],
)
def test_a_line_that_is_no_frame_is_named(file, number, values, reason):
    change(file, number, values)
    with pytest.raises(UnusableVisual, match=f"^{reason}"):
        read_markers(file)


def test_times_and_places_beyond_what_can_be_reckoned_with(file):
    change(file, 2, ["-1e308", *["1.0"] * 165])
    change(file, 25, ["1e308", *["1.0"] * 165])
    with pytest.raises(UnusableVisual, match=r"^unreadable: .*a.txt: inf s between its frames"):
        read_markers(file)
    markers(file, frames=24)
    for number in range(4, 10):
        change(file, number, ["1e308", "-1e308"])
    with pytest.raises(UnusableVisual, match=r"^not finite: .*a.txt: its coordinates are too large"):
        read_markers(file)


def test_a_file_that_may_not_be_read_is_told(file, monkeypatch):
    def forbidden(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", forbidden)
    assert is_array(file)
    with pytest.raises(UnusableVisual, match=r"^unreadable: .*a.txt cannot be read: Permission denied"):
        source_of(file)


def test_a_missing_text_is_missing(tmp_path):
    with pytest.raises(UnusableVisual, match=r"^missing: .*none.txt"):
        source_of(tmp_path / "none.txt")


def test_what_has_nothing_to_see_is_refused(file, monkeypatch):
    header = file.read_text().split("\n")[:2]
    lost = " ".join(["NaN"] * 165)
    for lines, reason in (([], "unreadable: .*no frame"), ([f"1 0.1 {lost}"], "not finite: .*no marker was seen")):
        file.write_text("\n".join([*header, *lines, ""]))
        with pytest.raises(UnusableVisual, match=reason):
            read_markers(file)
    monkeypatch.setattr("espnet_mtl.visual.markers.MOST_BYTES", 9)
    with pytest.raises(UnusableVisual, match=r"^too large: .* bytes, at most 9"):
        read_markers(file)
    file.write_bytes(b"Frame# Time \0\n")
    monkeypatch.undo()
    with pytest.raises(UnusableVisual, match=r"^unreadable: .*NUL"):
        read_markers(file)


def test_stage_3_makes_embeddings_of_them(tmp_path):
    write_data(tmp_path / "data", dict.fromkeys(SETS, [("ab", "s1", "sad")] * 2))
    for name in SETS:
        markers(tmp_path / f"{name}.txt", frames=round(SECONDS * 120))
        write_table(tmp_path / f"data/{name}/visual.scp", {f"s1_{name}_0": tmp_path / f"{name}.txt"})
    markers(tmp_path / "test.txt", frames=9)  # too few for what is said
    change = {"visual_extract": "embedding", "visual_extract_conf": {"rate": 10.0}}
    for stage in (2, 3):
        run_stage(stage, tmp_path, change)
    train = Matrices(tmp_path / "dump/raw/train/visual.scp")
    assert dict(train.shapes())["s1_train_0"] == (round(SECONDS * 10), 165)
    assert json.loads((tmp_path / "dump/raw/visual.json").read_text())["shape"] == [165]
    report = (tmp_path / "dump/raw/visual_report.txt").read_text()
    assert "dropped s1_test_0: wrong length: 0.10 s are seen of 0.8" in report
