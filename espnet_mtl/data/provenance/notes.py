"""Notes of what the output of a stage was made from, and of what has changed since.

A stage writes `stage_<number>.json` beside its output, last of all. While it replaces that output, the note says that
it is not finished: so a stage that was cut off is known from one that ended, and both from files that no stage noted
(those of a user's own, or of an earlier version). What is compared are contents, never times: a stage that runs again
with the same result makes nothing stale.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from espnet_mtl.errors import UserError
from espnet_mtl.system.files import read_text, remove, whole_directory, write_text

MISSING = "missing"
"""Stands in the place of the digest of a file that was not there."""
NOWHERE = "a link to nowhere"
"""Stands in the place of the digest of such a link: readers refuse it, so that it must not count as no file."""


SEAL = "digests.json"
"""File of a directory whose other files are not to change."""


@dataclass(frozen=True)
class Note:
    """What the output of a stage was made from.

    Attributes:
        stage: Number of the stage.
        settings: The settings that decided on the output, by dotted keys such as "feats_extract_conf.fs".
        defaults: Values of settings that are not given.
        inputs: Digests of the files that were read, by their paths as seen from the directory of the note; of another
            stage's note, its `identity`.
        media: Digests of pictures, videos and their tables, as of inputs: they count where a configuration asks for
            what is seen.
        outputs: Digests of files that were written, in the same way.
        content: Digest of what was written and is too large to be read again and again.
        versions: Versions of the packages that computed it.
        finished: Whether the stage came to its end.
    """

    stage: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    content: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    finished: bool = True
    media: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Digest of what the stage made; of what it was made from where the stage knows no digest of its content."""
        if self.content:
            return self.content
        made_from = json.dumps([self.settings, self.inputs], sort_keys=True)
        return hashlib.sha256(made_from.encode()).hexdigest()

    def differing(self, settings: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Returns then and now of each setting, of those that are given, that is not as it was."""
        changed = {}
        for key, given in settings.items():
            then = self.settings.get(key, self.defaults.get(key))
            now = self.defaults.get(key) if given is None else given
            if then != now:
                changed[key] = (then, now)
        return changed


def note_file(directory: Path, stage: int) -> Path:
    """Where the note of a stage lies."""
    return directory / f"stage_{stage}.json"


def read_note(directory: Path, stage: int) -> Note | None:
    """Reads the note of a stage; None where there is none.

    Raises:
        UserError: The file is no note.
    """
    path = note_file(directory, stage)
    if not path.exists():
        return None
    try:
        note = Note(**json.loads(read_text(path)))
        tables = (note.settings, note.defaults, note.inputs, note.outputs, note.versions, note.media)
        if note.stage != stage or not all(isinstance(table, dict) for table in tables):
            raise ValueError("other content")
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is not the note of stage {stage} ({error}): run stage {stage} again") from error
    return note


def write_note(directory: Path, note: Note) -> None:
    """Writes the note of a stage that has come to its end."""
    write_text(note_file(directory, note.stage), json.dumps(asdict(note), indent=1, sort_keys=True, default=str) + "\n")


def begin(directory: Path, stage: int) -> None:
    """Notes that a stage has begun to replace its output."""
    write_note(directory, Note(stage, finished=False))


@contextmanager
def whole_sets(
    output: Path, names: Sequence[str], stage: int, sources: Iterable[Path] = ()
) -> Iterator[dict[str, Path]]:
    """Yields a temporary directory for each of several that take their names together, when the block succeeds.

    From the first renaming on, the stage counts as cut off until its note is written.

    Raises:
        UserError: One of `sources`, files that the stage reads, lies in a directory that it would replace.
    """
    _check_apart(sorted({source.parent for source in sources}), [output / name for name in names])
    with ExitStack() as stack:
        yield {name: stack.enter_context(whole_directory(output / name)) for name in names}
        begin(output, stage)
        remove(note_file(output, stage + 1))  # what the next stage added is in what is about to be replaced


def _check_apart(read: Iterable[Path], replaced: Iterable[Path]) -> None:
    # Unlike Path.resolve, realpath raises nothing over a link that leads to itself
    places = {Path(os.path.realpath(place)): place for place in replaced}
    for directory in read:
        whole = Path(os.path.realpath(directory))
        for parent in (whole, *whole.parents):
            if parent in places:
                raise UserError(
                    f"{places[parent]} would be replaced, but {directory} is read: choose another directory"
                )


def file_digest(path: Path) -> str:
    """Hashes the content of a file; of the note of a stage, what that stage made; MISSING where there is none."""
    if not os.path.isfile(path):  # unlike Path.is_file, it raises nothing over a name that is too long
        return NOWHERE if os.path.islink(path) else MISSING
    if number := re.fullmatch(r"stage_(\d+)\.json", path.name):
        note = read_note(path.parent, int(number[1]))
        return note.identity if note else MISSING
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def joined_digest(parts: Iterable[str]) -> str:
    """Hashes several digests, in their order."""
    state = hashlib.sha256()
    for part in parts:
        state.update(f"{part}\0".encode())
    return state.hexdigest()


def digests(paths: Iterable[Path], directory: Path) -> dict[str, str]:
    """Hashes files; their paths are as seen from `directory`, so that all may be moved together."""
    return {os.path.relpath(path, directory): file_digest(path) for path in paths}


def seal(directory: Path) -> None:
    """Notes the digests of all files of a directory in it, when they are whole: see `is_sealed`."""
    write_text(directory / SEAL, json.dumps(digests(sorted(directory.iterdir()), directory), indent=1) + "\n")


def is_sealed(directory: Path) -> bool:
    """Tells whether the files of a directory are those that were there when it was sealed, and as they were."""
    try:
        noted = json.loads((directory / SEAL).read_bytes())
        files = sorted(path for path in directory.iterdir() if path.name != SEAL)
    except (OSError, ValueError, RecursionError):
        return False  # it is not there, or damaged
    return noted == digests(files, directory)


def changed_files(directory: Path, noted: Mapping[str, str]) -> list[Path]:
    """Names the files of a note in `directory` that are not as they were; not those whose own directory is gone."""
    changed = []
    for place, digest in noted.items():
        path = Path(os.path.normpath(directory / place))
        if path.parent.is_dir() and file_digest(path) != digest:
            changed.append(path)
    return changed


def flat(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the keys of a section of a configuration dotted names."""
    settings: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{section}.{key}"
        if isinstance(value, Mapping):
            settings |= flat(name, value)
        else:
            settings[name] = value
    return settings
