"""Where nothing can be kept between calls, a temporary place is used, and the notice names the variable."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.system import caches
from espnet_mtl.system.caches import CACHE, NUMBA


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    """Forgets temporary places, and puts new ones into `tmp_path`."""
    for variable in (CACHE, NUMBA):
        monkeypatch.delenv(variable, raising=False)
    caches.temporary_cache.cache_clear()
    caches.prepare_numba.cache_clear()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    yield
    caches.temporary_cache.cache_clear()
    caches.prepare_numba.cache_clear()


@pytest.fixture
def unwritable(monkeypatch, tmp_path):
    """A home directory in which nothing can be made, for root neither; it is no directory."""
    home = tmp_path / "home"
    home.touch()
    monkeypatch.setenv("HOME", str(home))
    return home


def test_models_are_kept_where_the_variable_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert caches.cache_directory() == tmp_path / ".cache/espnet_mtl"
    monkeypatch.setenv(CACHE, str(tmp_path / "elsewhere"))
    assert caches.cache_directory() == tmp_path / "elsewhere/espnet_mtl"
    assert caches.writable_cache(caches.cache_directory()).is_dir()


def test_a_home_that_cannot_be_written_to(unwritable, tmp_path, capsys):
    found = caches.writable_cache(caches.cache_directory())
    assert found.parent == tmp_path / "temporary"
    assert caches.writable_cache(caches.cache_directory()) == found
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"notice: {unwritable}/.cache/espnet_mtl cannot keep models: ")
    assert line.endswith("until this program ends: set XDG_CACHE_HOME to a directory that may be written to")


def test_no_home_at_all(monkeypatch, tmp_path, capsys):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert caches.cache_directory().parent == tmp_path / "temporary"
    assert "there is no home directory for models" in capsys.readouterr().err


def test_a_place_that_the_caller_chose_is_an_error(unwritable):
    with pytest.raises(UserError, match="models cannot be unpacked here: Not a directory"):
        caches.writable_cache(unwritable / "mine")


def test_no_place_for_temporary_files_either(unwritable, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(unwritable))
    with pytest.raises(UserError, match="no place for temporary files: set XDG_CACHE_HOME to a directory that may be"):
        caches.writable_cache(caches.cache_directory())


@pytest.fixture
def read_only_packages(monkeypatch):
    """Makes the folder of librosa read-only."""
    real = caches.is_writable
    monkeypatch.setattr(caches, "is_writable", lambda path: "librosa" not in path.parts and real(path))


@pytest.mark.usefixtures("read_only_packages")
def test_numba_takes_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert caches.numba_place() == (str(tmp_path / ".cache/numba"), "")


@pytest.mark.usefixtures("unwritable", "read_only_packages")
def test_numba_without_a_place_gets_one(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv(NUMBA, "")  # so that it is put back
    caches.prepare_numba()
    assert Path(os.environ[NUMBA]).parent == tmp_path / "temporary"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("notice: numba has no place to keep compiled functions; ")
    assert line.endswith("set XDG_CACHE_HOME or NUMBA_CACHE_DIR to a directory that may be written to")


def test_a_variable_that_names_no_place_is_an_error(unwritable, monkeypatch):
    monkeypatch.setenv(NUMBA, str(unwritable))
    with pytest.raises(UserError, match=f"NUMBA_CACHE_DIR={unwritable} may not be written to"):
        caches.prepare_numba()


def test_packages_that_can_be_written_to_are_left_alone():
    caches.prepare_numba()
    place, problem = caches.numba_place()
    assert (Path(place).name, problem) == ("librosa", "")
    assert NUMBA not in os.environ


def test_librosa_works_where_nothing_can_be_kept_and_nothing_is_left_behind(unwritable, tmp_path):
    code = """
from espnet_mtl.system import caches
real = caches.is_writable
caches.is_writable = lambda path: "librosa" not in path.parts and real(path)
import os, numpy
dtw = caches.import_librosa("librosa.sequence").dtw
print(dtw(C=numpy.ones((3, 3)))[1].shape, os.listdir(os.environ["NUMBA_CACHE_DIR"]) != [])
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["(3,", "2)", "True"]
    assert done.stderr.startswith("notice: numba")
    assert list((tmp_path / "temporary").iterdir()) == []
