"""Names of files, and whether a place can be written to."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from espnet_mtl.errors import UserError

MOST_BYTES = 200
"""Length of the names of files without suffix, which may have 255 bytes with all that is put around them."""
MOST_BYTES_KEPT = 150
UNFIT_FOR_FILES = re.compile(r"^[.~-]|[/\\\x00-\x20\x7f\ud800-\udfff]")
"""What no file's name should hold, or begin with: it would be hidden, or an option."""
UNFIT_FOR_PLACES = re.compile(r"[,\[\]|\x00-\x1f\x7f]|: | #")
"""What separates parts of ESPnet's options and of Kaldi's tables, or is YAML's."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
"""What no line of a table may hold: ESPnet, Kaldi and Python do not agree on where some of them end a line or word."""
HASHED = re.compile(r"~[0-9a-f]{20}$")


def file_name(name: str, suffix: str = "") -> str:
    """Returns what a file is called that belongs to a name of any characters and any length; no two names share one.

    It is the name itself, where a file can be called so; else its beginning with a hash of all of it behind. Which file
    is whose stands in a table, such as wav.scp.
    """
    fit = UNFIT_FOR_FILES.sub("_", name)
    if fit == name and len(name.encode()) <= MOST_BYTES and not HASHED.search(name):
        return f"{name}{suffix}"
    data = name.encode(errors="surrogatepass")
    beginning = fit.encode(errors="replace")[:MOST_BYTES_KEPT].decode(errors="ignore")
    return f"{beginning}~{hashlib.sha256(data).hexdigest()[:20]}{suffix}"


def fits_a_line(text: str) -> bool:
    """Tells whether a text can be the value of a line of a table: UTF-8 without control characters and outer spaces."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return text == text.strip() and len(text.splitlines()) <= 1 and not CONTROL.search(text)


def check_places(places: Mapping[str, str | Path]) -> None:
    """Checks the directories that a stage is to write, by the option that names each.

    Raises:
        UserError: One has a character in its whole path that ESPnet's options or Kaldi's tables read as something else.
    """
    for option, place in places.items():
        path = str(Path(place).absolute())
        found = UNFIT_FOR_PLACES.search(path)
        if found or not fits_a_line(path):
            what = repr(found[0]) if found else "a line break, or bytes that are no UTF-8,"
            raise UserError(f"{option} {path!r}: {what} must not be part of it: Kaldi's tables read that otherwise")


def check_output(path: Path) -> None:
    """Raises UserError where a file cannot be written: it is a directory, or its directory cannot be made."""
    existing = _nearest(path)
    if path.is_dir():
        raise UserError(f"{path} is a directory: name a file")
    if existing == path.absolute():
        if not path.is_file():
            raise UserError(f"{path} is no file, but a device or a pipe")
        _check_writable(path, existing, os.W_OK)
        existing = existing.parent
    _check_writable(path, existing)


def check_output_directory(path: Path) -> None:
    """Raises UserError where nothing can be written into a directory: it is a file, or cannot be made."""
    existing = _nearest(path)
    if path.is_symlink() and not path.exists():
        raise UserError(f"{path} is a link to nowhere")
    if existing == path.absolute() and not path.is_dir():
        raise UserError(f"{path} is a file: name a directory")
    _check_writable(path, existing)


def is_writable(directory: Path) -> bool:
    """Tells whether files can be made in a directory, which need not be there yet (`check_output_directory`)."""
    try:
        check_output_directory(directory)
    except UserError:
        return False
    return True


def _nearest(path: Path) -> Path:
    """Returns the path, absolute, or the nearest directory above it that is there."""
    whole = path.absolute()
    for place in (whole, *whole.parents):
        try:
            place.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            if place.is_symlink() and place != whole:
                raise UserError(f"{path}: {place} is a link to nowhere") from error
            continue
        except OSError as error:  # such as a name that is too long
            raise UserError(f"{str(path)[:40]}…: {error.strerror}") from error
        return place
    raise UserError(f"{path}: there is no such root directory")


def _check_writable(path: Path, existing: Path, mode: int = os.W_OK | os.X_OK) -> None:
    if mode & os.X_OK and not existing.is_dir():
        raise UserError(f"{path}: {existing} is a file, so that nothing can be below it")
    if not os.access(existing, mode):
        raise UserError(f"{path}: {existing} may not be written to")
