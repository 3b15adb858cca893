import numpy as np
import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.cache import cached, digest


@pytest.fixture
def builder():
    """Counts how often it builds."""

    def build():
        build.calls += 1
        return {"numbers": np.arange(1000), "names": np.array(["ü", "x"])}

    build.calls = 0
    return build


def test_a_full_disk_leaves_nothing_in_the_cache(tmp_path, builder, full_disk):
    with full_disk(), pytest.raises(OSError, match=r"cache\.npz"):
        cached(tmp_path / "cache.npz", "key", builder)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_is_built_once(tmp_path, builder):
    for _ in range(3):
        arrays = cached(tmp_path / "deep/cache.npz", "key", builder)
        assert arrays["numbers"].sum() == 499500
        assert arrays["names"].tolist() == ["ü", "x"]
        assert set(arrays) == {"numbers", "names"}
    assert builder.calls == 1
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"cache.npz", ".cache.npz.lock"}


def test_another_key_builds_again(tmp_path, builder):
    cached(tmp_path / "cache.npz", "one", builder)
    cached(tmp_path / "cache.npz", "two", builder)
    assert builder.calls == 2


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "garbage", "pickle"])
def test_a_damaged_file_is_built_again(tmp_path, builder, damage):
    path = tmp_path / "cache.npz"
    cached(path, "key", builder)
    content = path.read_bytes()
    middle = len(content) // 2
    damaged = {
        "truncated": content[:middle],
        "flipped": content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :],
        "empty": b"",
        "garbage": b"garbage",
        "pickle": b"\x80\x04N.",
    }
    path.write_bytes(damaged[damage])
    assert cached(path, "key", builder)["numbers"][-1] == 999
    assert cached(path, "key", builder)["numbers"][-1] == 999
    assert builder.calls == 2


def test_a_failing_build_leaves_no_file(tmp_path):
    def fail():
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        cached(tmp_path / "cache.npz", "key", fail)
    assert not list(tmp_path.iterdir())


def test_digest_depends_on_contents_and_settings(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("ab")
    two.write_text("c")
    before = digest([one, two], {"fs": 16000})
    assert before == digest([one, two], {"fs": 16000})
    assert before != digest([one, two], {"fs": 22050})
    one.write_text("a")
    two.write_text("bc")
    assert before != digest([one, two], {"fs": 16000})


def test_a_missing_file_is_an_error_and_never_empty(tmp_path):
    (tmp_path / "empty").touch()
    assert digest([tmp_path / "empty"], {}) != digest([], {})
    with pytest.raises(UserError, match="gone is missing"):
        digest([tmp_path / "empty", tmp_path / "gone"], {})


def test_an_optional_file_may_be_missing_which_is_not_the_same_as_empty(tmp_path):
    path = tmp_path / "pitch.scp"
    missing = digest([], {}, optional=[path])
    path.touch()
    empty = digest([], {}, optional=[path])
    path.write_text("a")
    assert len({missing, empty, digest([], {}, optional=[path])}) == 3


def test_a_directory_that_may_not_be_written_to(tmp_path, capsys):
    (tmp_path / "file").touch()
    path = tmp_path / "file/cache/a.npz"
    assert cached(path, "key", lambda: {"a": np.ones(2)})["a"].tolist() == [1, 1]
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"notice: {path.parent} may not be written to: the next call computes a.npz again"
