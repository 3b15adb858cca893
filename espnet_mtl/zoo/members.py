"""Members of a zip or tar archive from anybody: all of them are checked before one of them is written.

Limits on what an archive may unpack to hold before anything is unpacked: for the sizes that it names, and in a
compressed tar, whose sizes stand within what is compressed, for every byte that is read.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from espnet_mtl.errors import UserError, shown
from espnet_mtl.zoo.top_folder import without_top_folder

MAX_BYTES = 20 * 2**30
MAX_MEMBERS = 10_000
MAX_RATIO = 100
"""Weights hardly shrink when they are packed, and text to a tenth."""
SMALL = 64 * 2**20
"""Bytes that any archive may unpack to."""
SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz")
OPENERS: dict[str, Any] = {"tgz": gzip.open, "gz": gzip.open, "tbz2": bz2.open, "bz2": bz2.open, "txz": lzma.open}
OPENERS["xz"] = lzma.open
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
)
"""What reading an archive raises that is no whole one."""


class Member(NamedTuple):
    """A file or a directory in an archive: `info` is what zipfile or tarfile know of it."""

    name: str
    size: int
    is_directory: bool
    info: zipfile.ZipInfo | tarfile.TarInfo


class Archive:
    """An opened archive.

    Attributes:
        path: Its file.
        members: Its files by name, relative to the one folder that all are in, if there is one
            (`espnet_mtl.zoo.top_folder`); directories are left out.
    """

    def __init__(self, path: Path, opened: zipfile.ZipFile | tarfile.TarFile):
        self.path = path
        self._opened = opened
        self.members = without_top_folder(self._checked_members())

    def read(self, name: str) -> bytes:
        """Reads a member whole."""
        with self._open(name) as file:
            return file.read()

    def check_whole(self) -> None:
        """Raises UserError for a member whose bytes are not those that were packed; a tar holds no sums of them."""
        if isinstance(self._opened, zipfile.ZipFile) and (damaged := self._opened.testzip()):
            raise UserError(f"{self.path} is not a whole archive: {damaged} is damaged")

    def extract(self, directory: Path) -> None:
        """Writes all members below a directory.

        Raises:
            UserError: There they cannot be written.
        """
        for name in self.members:
            target = directory / name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with self._open(name) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
            except OSError as error:
                raise UserError(f"{shown(name)}: {error.strerror or error}") from error

    def _open(self, name: str) -> IO[bytes]:
        info = self.members[name].info
        if isinstance(self._opened, zipfile.ZipFile):
            assert isinstance(info, zipfile.ZipInfo)
            return self._opened.open(info)
        file = self._opened.extractfile(info)  # type: ignore[arg-type]
        assert file is not None  # it is a regular file
        return file

    def _checked_members(self) -> dict[str, Member]:
        """Returns the files, after checking the name, kind and size of every member.

        Raises:
            UserError: A member that could be written elsewhere, is no file or directory, or there is too much.
        """
        members: dict[str, Member] = {}
        seen: set[PurePosixPath] = set()
        total, most = 0, most_bytes(self.path)
        for count, member in enumerate(self._all(), 1):
            reason = _unsafe_name(member.name) or _unsafe_kind(member.info)
            if not reason and PurePosixPath(member.name) in seen:
                reason = "comes twice"
            if reason:
                raise UserError(f"{self.path} is refused: its member {shown(member.name)} {reason}")
            seen.add(PurePosixPath(member.name))
            total += member.size
            if count > MAX_MEMBERS:
                raise UserError(f"{self.path} is refused: more than {MAX_MEMBERS} members")
            if total > most:
                raise _too_large(self.path)
            if not member.is_directory:
                members[member.name] = member
        files = {PurePosixPath(name) for name in members}
        if not all(files.isdisjoint(member.parents) for member in seen):
            raise UserError(f"{self.path} is refused: one of its members is both a file and a directory")
        return members

    def _all(self) -> Iterator[Member]:
        if isinstance(self._opened, zipfile.ZipFile):
            for zip_info in self._opened.infolist():
                yield Member(zip_info.filename, zip_info.file_size, zip_info.is_dir(), zip_info)
        else:
            for tar_info in self._opened:
                yield Member(tar_info.name, tar_info.size, tar_info.isdir(), tar_info)


@contextmanager
def open_archive(path: str | Path) -> Iterator[Archive]:
    """Opens an archive, and checks the names, kinds and sizes of its members.

    Raises:
        UserError: The file is no whole archive; a member is absolute, has `..`, is a link or a device, comes twice or
            is encrypted; there are too many, or they are too large.
    """
    path = Path(path)
    if not path.name.endswith(SUFFIXES):
        raise UserError(f"{path}: a packed model ends in {', '.join(SUFFIXES)}")
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as opened_zip:
                yield Archive(path, opened_zip)
            return
        opener = OPENERS.get(path.suffix.removeprefix("."), open)
        with opener(path, "rb") as file, tarfile.open(fileobj=_Bounded(path, file), mode="r:") as opened_tar:  # type: ignore[call-overload]
            yield Archive(path, opened_tar)
    except DAMAGED as error:
        raise UserError(f"{path} is not a whole archive ({', '.join(SUFFIXES)}): {error}") from error


class _Bounded:
    """A file that is read up to `most_bytes`: a part of a tar may say of itself that it is larger than any memory."""

    def __init__(self, path: Path, file: IO[bytes]):
        self._path, self._file, self._most = path, file, most_bytes(path)

    def read(self, size: int) -> bytes:
        if self._file.tell() + size > self._most + tarfile.RECORDSIZE:
            raise _too_large(self._path)
        return self._file.read(size)

    def seek(self, position: int) -> int:
        if position > self._most + tarfile.RECORDSIZE:
            raise _too_large(self._path)
        return self._file.seek(position)

    def tell(self) -> int:
        return self._file.tell()


def most_bytes(path: Path) -> int:
    """Returns how many bytes an archive may unpack to."""
    return min(MAX_BYTES, SMALL + MAX_RATIO * path.stat().st_size)


def _too_large(path: Path) -> UserError:
    most = most_bytes(path)
    return UserError(f"{path} is refused: it unpacks to more than {most / 2**20:.0f} MiB, too much for its size")


def _unsafe_name(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or re.match(r"[A-Za-z]:", name):
        return "is an absolute path"
    if ".." in path.parts:
        return "leads out of the target directory"
    if not path.parts or "\\" in name or not name.isprintable():
        return "is not a clean path"
    return ""


def _unsafe_kind(info: tarfile.TarInfo | zipfile.ZipInfo) -> str:
    if isinstance(info, tarfile.TarInfo):
        is_plain = info.isreg() and not info.issparse()
        return "" if is_plain or info.isdir() else "is a link or a device"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    return "is encrypted" if info.flag_bits & 1 else ""
