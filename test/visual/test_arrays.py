import io
import zipfile

import numpy as np
import pytest

from espnet_mtl.visual.arrays import Given, read_given
from espnet_mtl.visual.sources import source_of
from espnet_mtl.visual.unusable import UnusableVisual

CROPS = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


def test_arrays_are_read(tmp_path):
    np.save(tmp_path / "a.npy", CROPS)
    np.savez(tmp_path / "b.npz", crops=CROPS, rate=3)
    np.savez_compressed(tmp_path / "c.npz", embedding=np.ones(7), other="text")
    np.testing.assert_array_equal(read_given(tmp_path / "a.npy").values, CROPS)
    given = read_given(tmp_path / "b.npz")
    np.testing.assert_array_equal(given.values, CROPS)
    assert given.rate == 3
    assert read_given(tmp_path / "c.npz").rate is None


@pytest.mark.parametrize(
    ("own", "rate", "wanted"),
    [(None, 5, [0, 1, 2, 3]), (5, 5, [0, 1, 2, 3]), (2, 4, [0, 0, 1, 1, 2, 2, 3, 3]), (4, 2, [0, 2]), (4, 0.1, [0])],
)
def test_frames_at_another_rate(own, rate, wanted):
    assert Given(np.arange(4), own).at_rate(rate).tolist() == wanted


@pytest.mark.parametrize(
    ("given", "rate", "reason"),
    [
        (Given(np.zeros(40), 0.01), 60, r"too long: 240000 frames at 60 a second, at most 216000$"),
        (
            Given(np.zeros((3, 2**20), np.uint8), 0.1),
            5,
            r"too large: 150 frames at 5 a second, 157286400 bytes, at most",
        ),
    ],
)
def test_few_frames_do_not_become_too_many(given, rate, reason):
    with pytest.raises(UnusableVisual, match=f"^{reason}"):
        given.at_rate(rate)


def test_a_number_alone_is_no_array():
    with pytest.raises(UnusableVisual, match=r"^wrong shape: the array: one number"):
        source_of(np.array(0.5))


def claiming(shape: tuple[int, ...], dtype: str = "<f4") -> bytes:
    """The bytes of an array that claims a shape, and has none of its numbers."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


def archive(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for name, content in members.items():
            written.writestr(f"{name}.npy", content)
    return file.getvalue()


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.npy", claiming((10**6, 10**6)), r"too large: .*\(1000000, 1000000\)"),
        ("a.npz", archive(crops=claiming((10**6, 10**6))), "too large"),
        ("a.npy", claiming((1000, 1000)), "unreadable"),
        ("a.npz", archive(crops=claiming((1000, 1000))), "unreadable"),
        ("a.npy", claiming((-5, 3)), "unreadable"),
        ("a.npy", b"Good morning.", "unreadable"),
        ("a.npz", b"Good morning.", "unreadable"),
        ("a.npy", b"", "unreadable"),
        ("a.npy", claiming((3,), "|O") + b"cos\nsystem\n", "unreadable: .*not of numbers"),
        ("a.npy", saved(np.array(["text"])), "unreadable: .*not of numbers"),
        ("a.npy", saved(np.zeros((0, 3))), "unreadable: .*empty"),
        ("a.npy", saved(np.array([1, np.nan])), "not finite"),
        ("a.npz", archive(other=saved(CROPS)), "unreadable: .*one array called crops or embedding"),
        ("a.npz", archive(crops=saved(CROPS), embedding=saved(CROPS)), "unreadable: .*one array"),
        ("a.npz", archive(crops=saved(CROPS), rate=saved(np.array(0))), "unreadable: .*rate"),
        ("a.npz", archive(crops=saved(CROPS), rate=saved(np.array([1, 2]))), "unreadable: .*rate"),
        *[
            ("a.npz", archive(crops=saved(CROPS), rate=saved(np.array(rate))), "unreadable: .*a second, 0.01 to 1000$")
            for rate in (0.009, 2e-6, 1e-320, 1001)
        ],
        ("a.npy", saved(np.array(0.5)), "wrong shape: .*: one number, expected crops"),
        ("a.npz", archive(crops=saved(np.array(3))), "wrong shape: .*: one number"),
        ("a.npz", archive(embedding=saved(np.array(3.0))), "wrong shape: .*: one number"),
    ],
)
def test_what_is_no_array_is_refused(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnusableVisual, match=f"^{reason}") as error:
        read_given(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


def test_a_missing_array_is_named(tmp_path):
    with pytest.raises(UnusableVisual, match=r"^missing: .*none.npy"):
        read_given(tmp_path / "none.npy")
