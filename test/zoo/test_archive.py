import io
import os
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml
from packed_model import META, members

from espnet_mtl.errors import UserError
from espnet_mtl.system import caches
from espnet_mtl.zoo import archive
from espnet_mtl.zoo import members as reading
from espnet_mtl.zoo.archive import check_archive, unpack_model

FORMATS = ["zip", "tar", "tgz", "tar.gz", "tbz2", "txz"]


def write(path, content, extra=()):
    """Writes an archive; `extra` holds members as (name, content) or ready TarInfo / ZipInfo."""
    items = [*content.items(), *extra]
    if path.suffix in (".zip", ""):
        with zipfile.ZipFile(path, "w") as file:
            for item in items:
                file.writestr(*(item if isinstance(item, tuple) else (item, b"target")))
        return path
    mode = {"tgz": "w:gz", "gz": "w:gz", "tbz2": "w:bz2", "txz": "w:xz", "tar": "w"}[path.name.split(".")[-1]]
    with tarfile.open(path, mode) as file:
        for item in items:
            if isinstance(item, tuple):
                info = tarfile.TarInfo(item[0])
                info.size = len(item[1])
                file.addfile(info, io.BytesIO(item[1]))
            else:
                file.addfile(item)
    return path


def tar_info(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_info(name, mode):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def text(path):
    return Path(path).read_text()


def tree(directory):
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*"))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def refused(tmp_path, cache):
    """Asserts that an archive is refused with a message, and that nothing was written anywhere."""

    def check(path, message):
        before = tree(tmp_path)
        with pytest.raises(UserError, match=message):
            unpack_model(path, cache)
        assert tree(tmp_path) == before

    return check


@pytest.mark.parametrize("suffix", FORMATS)
def test_model_is_unpacked_with_its_paths(tmp_path, cache, suffix):
    path = write(tmp_path / f"model.{suffix}", members())
    files = unpack_model(path, cache)
    assert set(files) == {"train_config", "model_file"}
    config = yaml.safe_load(text(files["train_config"]))
    assert text(config["normalize_conf"]["stats_file"]) == "statistics"
    assert text(files["model_file"]) == "weights"
    assert all(value.startswith(str(cache)) for value in files.values())


def test_directory_members_are_fine(tmp_path, cache):
    write(
        tmp_path / "a.tar",
        members(),
        [tar_info("exp", tarfile.DIRTYPE), tar_info("exp/train", tarfile.DIRTYPE)],
    )
    write(tmp_path / "a.zip", members(), [zip_info("exp/train/", stat.S_IFDIR | 0o755)])
    assert unpack_model(tmp_path / "a.tar", cache)
    assert unpack_model(tmp_path / "a.zip", cache)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../evil", "leads out"),
        ("exp/../../evil", "leads out"),
        ("exp/train/..", "leads out"),
        ("/tmp/evil", "absolute"),
        ("C:/evil", "absolute"),
        ("exp\\..\\evil", "not a clean path"),
        ("exp/\nevil", "not a clean path"),
        ("exp/train/m.pth", "comes twice"),
        ("./exp/train/m.pth", "comes twice"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_member_with_an_unsafe_name_is_refused(tmp_path, refused, suffix, name, message):
    refused(write(tmp_path / f"model.{suffix}", members(), [(name, b"evil")]), message)


@pytest.mark.parametrize(
    "info",
    [
        tar_info("exp/link", tarfile.SYMTYPE, "/etc"),
        tar_info("exp/link", tarfile.SYMTYPE, "train/m.pth"),
        tar_info("exp/link", tarfile.LNKTYPE, "exp/train/m.pth"),
        tar_info("exp/link", tarfile.FIFOTYPE),
        tar_info("exp/link", tarfile.CHRTYPE),
        tar_info("exp/link", tarfile.BLKTYPE),
    ],
    ids=lambda info: f"{info.type}{info.linkname}",
)
def test_link_or_device_in_a_tar_is_refused(tmp_path, refused, info):
    refused(write(tmp_path / "model.tar", members(), [info]), "'exp/link' is a link or a device")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_link_or_device_in_a_zip_is_refused(tmp_path, refused, kind):
    info = zip_info("exp/link", kind | 0o777)
    refused(write(tmp_path / "model.zip", members(), [info]), "'exp/link' is a link or a device")


def test_file_that_is_also_a_directory_is_refused(tmp_path, refused):
    refused(write(tmp_path / "model.zip", members(), [("exp/train/m.pth/x", b"")]), "both a file and a directory")


def test_failed_unpacking_leaves_no_model(tmp_path, cache):
    path = write(tmp_path / "model.tar", members(), [("n" * 300, b"longer than a file name can be")])
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack_model(path, cache)
    assert not any(path.is_dir() for path in cache.iterdir())


def test_size_and_number_of_members_are_limited(tmp_path, refused, monkeypatch):
    path = write(tmp_path / "model.tgz", members(), [("bomb", bytes(10_000))])
    monkeypatch.setattr(reading, "MAX_MEMBERS", 4)
    refused(path, "members")
    monkeypatch.setattr(reading, "MAX_MEMBERS", 5)
    monkeypatch.setattr(reading, "MAX_BYTES", 10_000)
    refused(path, "unpacks to more")
    refused(write(tmp_path / "model.zip", members(), [("bomb", bytes(10_000))]), "unpacks to more")


def named(**changes):
    return {"files": {**META["files"], **changes}, "yaml_files": META["yaml_files"]}


@pytest.mark.parametrize("suffix", ["zip", "tgz"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"meta.yaml": None}, "expected one meta.yaml, found 0"),
        ({"exp/meta.yaml": "files: {}"}, "expected one meta.yaml, found 2"),
        ({"meta.yaml": None, "exp/meta.yaml": yaml.safe_dump(META)}, "exp/train/config.yaml', which is not a member"),
        ({"meta.yaml": "{"}, "meta.yaml is not a YAML file"),
        ({"meta.yaml": "!!python/object/apply:os.mkdir [ran]"}, "meta.yaml is not a YAML file"),
        ({"meta.yaml": "- a"}, "meta.yaml: expected 'key: value' lines"),
        ({"meta.yaml": "files: {}"}, "mappings"),
        ({"meta.yaml": "files: []\nyaml_files: {}"}, "mappings"),
        ({"meta.yaml": "files: {}\nyaml_files: {}"}, "no train_config"),
        ({"meta.yaml": yaml.safe_dump({**META, "files": {}})}, "no model_file"),
        (
            {"meta.yaml": yaml.safe_dump(named(model_file="/etc/passwd"))},
            "'/etc/passwd', which is not a member",
        ),
        ({"meta.yaml": yaml.safe_dump(named(model_file="../../m.pth"))}, "not a member"),
        (
            {"meta.yaml": yaml.safe_dump(named(other="exp/train/gone.pth"))},
            "other names 'exp/train/gone.pth'",
        ),
        ({"meta.yaml": yaml.safe_dump(named(model_file="exp"))}, "not a member"),
        ({"meta.yaml": yaml.safe_dump(named(model_file=["exp/train/m.pth"]))}, "not a member"),
        ({"exp/train/m.pth": None}, "model_file names 'exp/train/m.pth', which is not a member"),
        ({"exp/train/config.yaml": "- 1"}, "train_config: expected 'key: value' lines"),
        ({"exp/train/config.yaml": "a: b: c"}, "train_config is not a YAML file"),
        (
            {"exp/train/feats_stats.npz": None},
            "normalize_conf.stats_file is 'exp/train/feats_stats.npz', which is not",
        ),
        (
            {"exp/train/config.yaml": "bpemodel: /etc/passwd"},
            "bpemodel is '/etc/passwd', which is not a member",
        ),
    ],
)
def test_meta_and_config_may_name_members_only(tmp_path, refused, suffix, changes, message):
    refused(write(tmp_path / f"model.{suffix}", members(**changes)), message)


@pytest.mark.parametrize("suffix", FORMATS)
def test_truncated_archive_is_refused(tmp_path, refused, suffix):
    path = write(tmp_path / f"model.{suffix}", members(**{"exp/train/m.pth": os.urandom(4000).hex()}))
    whole = path.read_bytes()
    for share in (0, 0.2, 0.5):
        path.write_bytes(whole[: int(share * len(whole))])
        refused(path, r"model\.")


def test_damaged_zip_is_refused(tmp_path, refused):
    path = write(tmp_path / "model.zip", members())
    path.write_bytes(path.read_bytes().replace(b"weights", b"weighty"))
    refused(path, r"exp/train/m\.pth is damaged")


@pytest.mark.parametrize("name", ["model.rar", "model.pth", "model.v1.tar.gz"])
def test_other_suffix_is_refused(tmp_path, refused, name):
    (tmp_path / name).write_bytes(b"something")
    refused(tmp_path / name, r"\.zip, \.tar")


def test_check_writes_nothing(tmp_path, monkeypatch):
    path = write(tmp_path / "model.zip", members())
    monkeypatch.chdir(tmp_path)
    check_archive(path)
    assert tree(tmp_path) == ["model.zip"]


def test_changed_archive_at_the_same_path_gives_the_new_model(tmp_path, cache):
    path = write(tmp_path / "model.zip", members())
    assert text(unpack_model(path, cache)["model_file"]) == "weights"
    write(path, members(**{"exp/train/m.pth": "changed"}))
    assert text(unpack_model(path, cache)["model_file"]) == "changed"


def test_same_content_is_unpacked_once_wherever_it_is(tmp_path, cache):
    path = write(tmp_path / "model.zip", members())
    first = unpack_model(path, cache)
    written = os.stat(first["model_file"]).st_mtime_ns
    path = path.rename(tmp_path / "renamed.zip")
    assert unpack_model(path, cache) == first
    assert os.stat(first["model_file"]).st_mtime_ns == written


def test_killed_unpacking_is_done_again(tmp_path, cache):
    path = write(tmp_path / "model.zip", members())
    files = unpack_model(path, cache)
    next(cache.glob("*/.done")).unlink()
    Path(files["model_file"]).write_text("wei")
    assert text(unpack_model(path, cache)["model_file"]) == "weights"


def test_moved_cache_is_unpacked_again(tmp_path, cache):
    path = write(tmp_path / "model.zip", members())
    unpack_model(path, cache)
    moved = cache.rename(tmp_path / "moved")
    config = yaml.safe_load(text(unpack_model(path, moved)["train_config"]))
    assert config["normalize_conf"]["stats_file"].startswith(str(moved))


def test_fresh_process_elsewhere_finds_the_model_and_says_nothing(tmp_path):
    path = write(tmp_path / "model.zip", members())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    root = os.path.dirname(os.path.dirname(os.path.abspath(archive.__file__)))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import espnet_mtl.zoo.archive as a; print(a.resolve({str(path)!r})['model_file'])",
        ],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": root, "XDG_CACHE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert text(done.stdout.strip()) == "weights"
    assert tree(elsewhere) == []
    assert done.stdout.startswith(str(tmp_path / "home/espnet_mtl"))


def test_local_archive_imports_neither_torch_nor_the_model_zoo(tmp_path):
    path = write(tmp_path / "model.zip", members())
    code = (
        "import sys, espnet_mtl.zoo.archive as a\n"
        f"a.resolve({str(path)!r}, {str(tmp_path / 'cache')!r})\n"
        "print(sorted({'torch', 'espnet_model_zoo', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_home_that_cannot_be_written_to(tmp_path, monkeypatch, capsys):
    (tmp_path / "home").touch()
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    caches.temporary_cache.cache_clear()
    path = write(tmp_path / "model.zip", members())
    files = archive.resolve(path)
    assert text(files["model_file"]) == "weights"
    assert f"notice: {tmp_path}/home/.cache/espnet_mtl cannot keep models: " in capsys.readouterr().err
    caches.temporary_cache.cache_clear()


def test_what_a_read_only_cache_holds_is_taken(tmp_path, cache, monkeypatch, capsys):
    path = write(tmp_path / "model.zip", members())
    files = unpack_model(path, cache)
    monkeypatch.setattr(caches, "is_writable", lambda directory: False)
    assert unpack_model(path, cache) == files
    assert capsys.readouterr().err == ""
    with pytest.raises(UserError, match="models cannot be unpacked here: it is read-only"):
        unpack_model(write(tmp_path / "other.zip", members(README="other")), cache)


@pytest.mark.parametrize("extra", [{}, {"__MACOSX/m/._meta.yaml": "x", ".DS_Store": "x"}], ids=["plain", "Finder"])
@pytest.mark.parametrize("suffix", ["zip", "tgz"])
def test_a_folder_that_was_packed_is_a_model(tmp_path, cache, suffix, extra):
    content = {f"m/{name}": value for name, value in members(**{"notes/meta.txt": "x"}).items()}
    content |= {name: value.encode() for name, value in extra.items()}
    path = write(tmp_path / f"model.{suffix}", content)
    files = unpack_model(path, cache)
    config = yaml.safe_load(text(files["train_config"]))
    assert text(files["model_file"]) == "weights"
    assert text(config["normalize_conf"]["stats_file"]) == "statistics"
    assert unpack_model(path, cache) == files


def test_a_folder_with_its_directories_listed(tmp_path, cache):
    path = tmp_path / "model.zip"
    for name, value in members().items():
        (tmp_path / "my model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "my model" / name).write_bytes(value)
    with zipfile.ZipFile(path, "w") as file:
        for member in [tmp_path / "my model", *(tmp_path / "my model").rglob("*")]:
            file.write(member, member.relative_to(tmp_path))
    assert text(unpack_model(path, cache)["model_file"]) == "weights"


@pytest.mark.parametrize(
    "content",
    [
        {f"a/b/{name}": value for name, value in members().items()},
        {**{f"m/{name}": value for name, value in members().items()}, "other/file": b"x"},
        {f"m/{name}": value for name, value in members(**{"sub/meta.yaml": "x"}).items()},
    ],
    ids=["two deep", "two folders", "two models"],
)
def test_a_folder_that_is_no_model(tmp_path, refused, content):
    refused(write(tmp_path / "model.zip", content), "expected one meta.yaml")
