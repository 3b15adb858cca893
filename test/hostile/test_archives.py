"""Archives that unpack to more than there is room for: refused before anything is written."""

import gzip
import io
import tarfile
import zipfile

import pytest
from hostile_models import sound_members, write

from espnet_mtl.errors import UserError
from espnet_mtl.inference import Text2Speech
from espnet_mtl.zoo import members
from espnet_mtl.zoo.archive import check_archive, resolve

MANY = 200 * 2**20


def tar(path, content):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def with_large_header(path):
    """A tar whose first header says that it goes on for many bytes, and does: tarfile reads it whole."""
    info = tarfile.TarInfo("header")
    info.type, info.size = tarfile.XHDTYPE, MANY
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(info.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(MANY >> 20):
            file.write(bytes(2**20))
    return path


def zeros(path):
    return write(path, {**sound_members(), "zeros": bytes(MANY)}, zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize("suffix", ["zip", "tar.gz"])
def test_a_member_of_zeros(tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    if suffix == "zip":
        zeros(path)
    else:
        tar(path, {**sound_members(), "zeros": bytes(MANY)})
    with pytest.raises(UserError, match="unpacks to more than"):
        resolve(path, tmp_path / "cache")
    assert list((tmp_path / "cache").rglob("*")) == []


def test_a_header_that_fills_the_memory(tmp_path):
    with pytest.raises(UserError, match="unpacks to more than"):
        check_archive(with_large_header(tmp_path / "model.tar.gz"))


def test_many_members(tmp_path):
    empty = {f"x/{number}": b"" for number in range(members.MAX_MEMBERS)}
    with pytest.raises(UserError, match="more than 10000 members"):
        check_archive(write(tmp_path / "model.zip", {**sound_members(), **empty}))


def test_a_member_called_like_our_mark(tmp_path):
    path = write(tmp_path / "model.zip", {**sound_members(), ".done": b"/somewhere"})
    assert resolve(path, tmp_path / "cache") == resolve(path, tmp_path / "cache")


def test_names_in_a_config_are_no_paths(tmp_path, monkeypatch):
    """A speaker that is called as a member is; ESPnet's unpacking makes a path of the name."""
    from hostile_models import changed_config

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    content = changed_config(lambda config: config.update(speakers=["README.md", "m1"]))
    tts = Text2Speech.from_pretrained(write(tmp_path / "model.zip", content))
    assert tts.speakers == ["README.md", "m1"]
