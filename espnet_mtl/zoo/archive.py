"""Packed models: checked before a single file is written, and unpacked once per content.

ESPnet 202611 no longer writes outside the target, but it writes what comes before a bad member, takes any path from
meta.yaml and config.yaml (`/etc/passwd`), does not miss a file that meta.yaml names, and unpacks at every call. Here an
archive is refused before anything is unpacked (`espnet_mtl.zoo.members`), and the cache is keyed by the SHA-256 of the
content.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from filelock import FileLock

from espnet_mtl.config.load import parse_yaml, read_yaml
from espnet_mtl.errors import UserError, shown
from espnet_mtl.model.checkpoint import FILE_KEYS, best_model, locate_files, lookup
from espnet_mtl.system.caches import cache_directory, writable_cache
from espnet_mtl.system.files import remove, write_text
from espnet_mtl.zoo.download import download, find_repository
from espnet_mtl.zoo.members import SUFFIXES, open_archive

FILES = ("train_config", "model_file", "vocoder_file", "vocoder_config")
"""Files that meta.yaml may name, as `Text2Speech` takes them; others are of other tasks of ESPnet."""

DIGEST = re.compile(r"[0-9a-f]{64}(\.yaml)?")
"""What is called so in the cache is named after its content."""


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


@contextmanager
def naming(model: str | Path, files: Mapping[str, str]) -> Iterator[None]:
    """Makes errors about the files of a model name it as the user does, and not where it is unpacked.

    Args:
        model: What the user gave to `resolve`.
        files: What that returned.
    """
    config = Path(files["train_config"])
    unpacked = [place for place in (config, *config.parents) if DIGEST.fullmatch(place.name)]
    try:
        yield
    except UserError as error:
        if not unpacked or str(unpacked[0]) not in str(error):
            raise
        raise UserError(str(error).replace(str(unpacked[0]), str(model))) from error


def unpack_model(path: str | Path, cachedir: str | Path | None = None) -> dict[str, str]:
    """Checks an archive and unpacks it into `cachedir`/<SHA-256>, once; see `resolve` for what it returns."""
    target = _cache(cachedir) / _sha256(path)
    if not _is_whole(target):
        check_archive(path)
        target = writable_cache(target.parent) / target.name
        with FileLock(f"{target}.lock"):
            if not _is_whole(target):
                _unpack(path, target)
    return _files_of_meta(target)


def _unpack(path: str | Path, target: Path) -> None:
    """Unpacks an archive that was checked, and points the files of its config to where they are now."""
    remove(target)
    try:
        with open_archive(path) as archive:
            archive.extract(target)
        train_config = Path(_files_of_meta(target)["train_config"])
        config = parse_yaml(train_config.read_bytes(), train_config)
        if locate_files(config, target):
            write_text(train_config, _dump(config))
    except (OSError, UserError) as error:
        remove(target)
        raise UserError(f"{path} cannot be unpacked into {target}: {error}") from error
    write_text(target / ".done", str(target))


def _is_whole(target: Path) -> bool:
    # The paths inside config.yaml are absolute: a cache that was moved is unpacked again
    done = target / ".done"
    return done.is_file() and done.read_text(encoding="utf-8") == str(target)


def check_archive(path: str | Path) -> None:
    """Checks every member of an archive, its meta.yaml and its train_config; writes nothing.

    Raises:
        UserError: See `espnet_mtl.zoo.members.open_archive`; or meta.yaml is missing or names what is no member, or
            train_config refers to a file that is no member.
    """
    with open_archive(path) as archive:
        archive.check_whole()
        members = archive.members
        metas = [member for member in members if PurePosixPath(member).name == "meta.yaml"]
        if metas != ["meta.yaml"]:
            raise UserError(f"{path} is refused: expected one meta.yaml, found {len(metas)}")
        named = _check_meta(path, archive.read("meta.yaml"), members)
        config = parse_yaml(archive.read(named["train_config"]), f"{path}: its train_config")
    known = {PurePosixPath(member) for member in members}
    for keys in FILE_KEYS.values():
        value = lookup(config, keys)
        if value and not (isinstance(value, str) and PurePosixPath(value) in known):
            key = ".".join(keys)
            raise UserError(f"{path} is refused: {key} is {shown(value)}, which is not a member; pack it again with it")


def _check_meta(source: object, text: bytes, members: Iterable[str]) -> dict[str, str]:
    """Returns the files that a meta.yaml names, key -> member, after checking that each is a member."""
    meta = parse_yaml(text, f"{source}: its meta.yaml")
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
            name = key if isinstance(key, str) else shown(key)
            raise UserError(f"{source} is refused: meta.yaml's {name} names {shown(value)}, which is not a member")
    return {key: named[key] for key in FILES if key in named}


def _files_of_meta(root: Path) -> dict[str, str]:
    members = (file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file())
    named = _check_meta(root, (root / "meta.yaml").read_bytes(), members)
    return {key: str(root / value) for key, value in named.items()}


def _from_directory(root: Path, cachedir: str | Path | None) -> dict[str, str]:
    root = root.absolute()
    packed = (root / "meta.yaml").is_file()
    if not packed and not (root / "config.yaml").is_file():
        raise UserError(f"{root} is not a model: it holds neither meta.yaml nor config.yaml")
    files = _files_of_meta(root) if packed else {"train_config": str(root / "config.yaml")}
    config = read_yaml(files["train_config"])
    if not packed:
        files["model_file"] = str(best_model(root, config))
    if locate_files(config, root):
        text = _dump(config)
        located = _cache(cachedir) / f"{hashlib.sha256(text.encode()).hexdigest()}.yaml"
        if not located.is_file():
            located = writable_cache(located.parent) / located.name
            write_text(located, text)
        files["train_config"] = str(located)
    return files


def _dump(config: dict[str, Any]) -> str:
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


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
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
