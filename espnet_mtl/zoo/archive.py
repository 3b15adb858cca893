"""Packed models: checked before a single file is written, and unpacked once per content.

ESPnet 202611 no longer writes outside the target, but it writes what comes before a bad member, takes any path from
meta.yaml and config.yaml (`/etc/passwd`), does not miss a file that meta.yaml names, and unpacks at every call. Here an
archive is refused before anything is unpacked, and the cache is keyed by the SHA-256 of the content.
"""

from __future__ import annotations

import hashlib
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from filelock import FileLock

from espnet_mtl.errors import UserError
from espnet_mtl.model.checkpoint import FILE_KEYS, best_model, locate_files, lookup
from espnet_mtl.system.caches import cache_directory, writable_cache
from espnet_mtl.system.files import remove, write_text
from espnet_mtl.zoo.download import download, find_repository, quiet
from espnet_mtl.zoo.top_folder import META, without_top_folder

MAX_BYTES = 20 * 2**30
MAX_MEMBERS = 10_000
SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz")
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    zlib.error,
    LZMAError,
)


def resolve(name: str | Path, cachedir: str | Path | None = None) -> dict[str, str]:
    """Finds the files of a model, wherever it is.

    Args:
        name: An archive made by stage 8 or by ESPnet, its http(s) URL, a directory (unpacked model or
            experiment), or "user/repo[@revision]" (Hugging Face, or a name of espnet_model_zoo's table).
        cachedir: Where models are unpacked and downloaded to; default ~/.cache/espnet_mtl.

    Returns:
        `train_config` and `model_file`, absolute, and what else meta.yaml names.

    Raises:
        UserError: Nothing is there, or what is there is refused.
    """
    name = str(name)
    if re.match(r"https?://", name):
        return _from_url(name, cachedir)
    if Path(name).is_dir():
        return _from_directory(Path(name), cachedir)
    if Path(name).is_file():
        return unpack_model(name, cachedir)
    if name.endswith(SUFFIXES) or not re.fullmatch(r"[\w.-]+/[\w.-]+(@[\w./-]+)?", name):
        raise UserError(
            f"no model at {name}: expected a packed model ({', '.join(SUFFIXES)}), a directory, "
            "an http(s) URL, or user/repo of Hugging Face"
        )
    return _from_hub(name, cachedir)


def unpack_model(path: str | Path, cachedir: str | Path | None = None) -> dict[str, str]:
    """Checks an archive and unpacks it into `cachedir`/<SHA-256>, once; see `resolve` for what it returns."""
    from espnet2.main_funcs.pack_funcs import unpack

    target = _cache(cachedir) / _sha256(path)
    if not _is_whole(target):
        check_archive(path)
        target = writable_cache(target.parent) / target.name
        with FileLock(f"{target}.lock"):
            if not _is_whole(target):
                remove(target)
                try:
                    with quiet():
                        unpack(path, target)
                    _lift(target)
                except (*DAMAGED, yaml.YAMLError) as error:
                    remove(target)
                    raise UserError(f"{path} cannot be unpacked into {target}: {error}") from error
                write_text(target / ".done", str(target))
    return _files_of_meta(target)


def _lift(target: Path) -> None:
    """Takes a model that was unpacked within a folder out of it; its configuration then names its files anew."""
    if (target / META).is_file():
        return
    (meta,) = target.glob(f"*/{META}")
    for path in meta.parent.iterdir():
        path.rename(target / path.name)
    train_config = Path(_files_of_meta(target)["train_config"])
    config = parse_mapping(train_config.read_bytes(), str(train_config))
    if locate_files(config, target):
        write_text(train_config, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))


def _is_whole(target: Path) -> bool:
    # The paths inside config.yaml are absolute: a cache that was moved is unpacked again
    done = target / ".done"
    return done.is_file() and done.read_text(encoding="utf-8") == str(target)


def check_archive(path: str | Path) -> None:
    """Checks every member of an archive, its meta.yaml and its train_config; writes nothing.

    Raises:
        UserError: The file is no whole archive; a member is absolute, has `..`, is a link or a device, comes
            twice or is encrypted; it is too large; meta.yaml is missing or names what is no member;
            train_config refers to a file that is no member.
    """
    from espnet2.main_funcs.pack_funcs import Archiver

    try:
        with Archiver(path) as archive:
            members = without_top_folder(_check_members(path, archive))
            if isinstance(archive.fopen, zipfile.ZipFile) and (damaged := archive.fopen.testzip()):
                raise UserError(f"{path} is not a whole archive: {damaged} is damaged")
            metas = [member for member in members if PurePosixPath(member).name == "meta.yaml"]
            if metas != ["meta.yaml"]:
                raise UserError(f"{path} is refused: expected one meta.yaml, found {len(metas)}")
            named = _check_meta(path, archive.extractfile(members["meta.yaml"], "rb").read(), members)
            config = archive.extractfile(members[named["train_config"]], "rb").read()
    except DAMAGED as error:
        raise UserError(f"{path} is not a whole archive ({', '.join(SUFFIXES)}): {error}") from error
    _check_config(path, config, members)


def _check_config(source: object, text: bytes, members: Iterable[str]) -> None:
    config = parse_mapping(text, f"{source}: its train_config")
    known = {PurePosixPath(member) for member in members}
    for keys in FILE_KEYS.values():
        value = lookup(config, keys)
        if value and PurePosixPath(str(value)) not in known:
            key = ".".join(keys)
            raise UserError(f"{source} is refused: {key} is {value!r}, which is not a member; pack it again with it")


def _check_members(path: str | Path, archive: Any) -> dict[str, Any]:
    members: dict[str, Any] = {}
    seen: set[PurePosixPath] = set()
    total = 0
    for count, info in enumerate(archive, 1):
        name = archive.get_name_from_info(info)
        reason = _unsafe_name(name) or _unsafe_kind(info)
        if not reason and PurePosixPath(name) in seen:
            reason = "comes twice"
        if reason:
            raise UserError(f"{path} is refused: its member {name!r} {reason}")
        seen.add(PurePosixPath(name))
        total += info.size if isinstance(info, tarfile.TarInfo) else info.file_size
        if total > MAX_BYTES or count > MAX_MEMBERS:
            raise UserError(f"{path} is refused: more than {MAX_BYTES >> 30} GiB or {MAX_MEMBERS} members")
        if not (info.isdir() if isinstance(info, tarfile.TarInfo) else info.is_dir()):
            members[name] = info
    files = {PurePosixPath(name) for name in members}
    if not all(files.isdisjoint(member.parents) for member in seen):
        raise UserError(f"{path} is refused: one of its members is both a file and a directory")
    return members


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
        return "" if info.isreg() or info.isdir() else "is a link or a device"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    return "is encrypted" if info.flag_bits & 1 else ""


def _check_meta(source: object, text: bytes | str, members: Iterable[str]) -> dict[str, str]:
    """Returns the files that a meta.yaml names, key -> member, after checking that each is a member."""
    meta = parse_mapping(text, f"{source}: its meta.yaml")
    groups = [meta.get(key) for key in ("yaml_files", "files")]
    if not all(isinstance(group, dict) for group in groups):
        raise UserError(f"{source} is refused: its meta.yaml must hold the mappings yaml_files and files")
    named = {key: value for group in groups for key, value in group.items()}  # type: ignore[union-attr]
    for key in ("train_config", "model_file"):
        if key not in named:
            raise UserError(f"{source} is refused: its meta.yaml names no {key}; is it a text-to-speech model?")
    known = set(members)
    for key, value in named.items():
        if not isinstance(value, str) or value not in known:
            raise UserError(f"{source} is refused: meta.yaml's {key} names {value!r}, which is not a member")
    return named


def _files_of_meta(root: Path) -> dict[str, str]:
    members = (file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file())
    named = _check_meta(root, (root / "meta.yaml").read_bytes(), members)
    return {key: str(root / value) for key, value in named.items()}


def parse_mapping(text: bytes | str, name: str) -> dict[str, Any]:
    """Parses YAML that must be a mapping; `name` says in the error what it is."""
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{name} is not YAML") from error
    if not isinstance(value, dict):
        raise UserError(f"{name} must hold 'key: value' lines")
    return value


def _from_directory(root: Path, cachedir: str | Path | None) -> dict[str, str]:
    root = root.absolute()
    packed = (root / "meta.yaml").is_file()
    if not packed and not (root / "config.yaml").is_file():
        raise UserError(f"{root} is not a model: it holds neither meta.yaml nor config.yaml")
    files = _files_of_meta(root) if packed else {"train_config": str(root / "config.yaml")}
    config = parse_mapping(Path(files["train_config"]).read_bytes(), files["train_config"])
    if not packed:
        files["model_file"] = str(best_model(root, config))
    if locate_files(config, root):
        text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        located = _cache(cachedir) / f"{hashlib.sha256(text.encode()).hexdigest()}.yaml"
        if not located.is_file():
            located = writable_cache(located.parent) / located.name
            write_text(located, text)
        files["train_config"] = str(located)
    return files


def _from_url(url: str, cachedir: str | Path | None) -> dict[str, str]:
    path = download(url, writable_cache(_cache(cachedir)))
    try:
        return unpack_model(path, cachedir)
    except UserError as error:
        remove(path.parent)
        raise UserError(str(error).replace(str(path), url)) from error


def _from_hub(name: str, cachedir: str | Path | None) -> dict[str, str]:
    found = find_repository(name, writable_cache(_cache(cachedir)))
    return _from_directory(found, cachedir) if isinstance(found, Path) else _from_url(found, cachedir)


def _cache(cachedir: str | Path | None) -> Path:
    if cachedir is not None:
        return Path(cachedir).expanduser().absolute()
    return cache_directory()


def _sha256(path: str | Path) -> str:
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
