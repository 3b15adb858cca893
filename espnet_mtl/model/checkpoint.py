"""Model files: loaded as data only, checked key by key, and chosen out of an experiment directory."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet_mtl.errors import UserError, shown
from espnet_mtl.system.files import read_arrays, whole_file

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

STATISTICS = ("count", "sum", "sum_square")
"""Arrays of a file of statistics, as ESPnet's `GlobalMVN` takes them."""
MOST_FEATURES = 2**16
"""More values than any statistics of features have."""

FILE_KEYS = {
    "feats_stats.npz": ("normalize_conf", "stats_file"),
    "pitch_stats.npz": ("pitch_normalize_conf", "stats_file"),
    "energy_stats.npz": ("energy_normalize_conf", "stats_file"),
    "bpe.model": ("bpemodel",),
    "vocoder.pth": ("vocoder_weights",),
}
"""Files that config.yaml refers to: name in a packed model -> keys that lead to it."""


def load_state(path: str | Path, device: str = "cpu") -> dict[str, torch.Tensor]:
    """Reads a state dict with `weights_only`, so that a pickle cannot run code.

    Raises:
        UserError: The file is missing, damaged, no state dict, or its pickle asks for more than tensors.
    """
    from espnet_mtl.system.networks import is_parameter, load_tensors  # loads torch

    state = load_tensors(path, device)
    if not isinstance(state, dict) or not all(map(is_parameter, state, state.values())):
        raise UserError(f"{path} is not a plain weights file: expected parameter name -> tensor")
    return state


def check_statistics(path: object, where: str, columns: int | None = None) -> None:
    """Makes sure that a file is what stage 4 makes of features, which ESPnet will read: a few numbers, and no pickle.

    Args:
        path: The file.
        where: The key that names it, for the error.
        columns: How many features there are; None: any number.

    Raises:
        UserError: It is missing, something else, or of other features.
    """
    wanted = f"{where}: {path}: expected statistics of features, as stage 4 writes them (.npz)"
    if not isinstance(path, (str, Path)) or not _is_file(path):
        raise UserError(f"{wanted}, but there is no such file")
    try:
        arrays = read_arrays(path, most_bytes=2**20)
    except UserError as error:
        raise UserError(f"{wanted}, but {error}") from error
    if problem := statistics_problem(arrays) or _other_features(arrays, columns):
        raise UserError(f"{wanted}, but {problem}")


def _other_features(arrays: Mapping[str, NDArray], columns: int | None) -> str:
    """Says what is wrong with the numbers of statistics; "" where nothing is."""
    count, *sums = STATISTICS
    wanted = (columns or min(arrays[sums[0]].size, MOST_FEATURES),)
    for name in sums:
        if arrays[name].shape != wanted:
            return f"{name} is {arrays[name].shape}, but of these features it is {wanted}"
    return "" if arrays[count].size == 1 and arrays[count].item() >= 1 and wanted[0] else f"{count} is below 1"


def statistics_problem(arrays: Mapping[str, NDArray]) -> str:
    """Says what is wrong with the numbers of statistics, whatever features they are of; "" where nothing is."""
    import numpy as np

    for name in STATISTICS:
        if name not in arrays:
            return f"no array {name!r}"
        values = arrays[name]
        if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
            return f"{name} holds what is no finite number"
    return ""


def is_whole(path: str | Path) -> bool:
    """Tells whether a file of `torch.save` is there and whole, without unpickling it.

    `torch.save` writes a zip, whose directory comes last and holds a checksum of every member.

    Raises:
        OSError: It is there, but may not or cannot be read, which tells nothing of what is in it.
        UserError: It is a directory.
    """
    if not Path(path).exists():
        return False
    if Path(path).is_dir():
        raise UserError(f"{path} is a directory, where a file of weights belongs: move it to another place")
    with Path(path).open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return archive.testzip() is None
        except (EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error):
            return False


def save_whole(content: object, path: str | Path) -> None:
    """Calls `torch.save`; where it does not succeed, the file is what it was before (`whole_file`)."""
    import torch

    with whole_file(path) as file:
        torch.save(content, file)


def best_model(exp: str | Path, config: Mapping[str, Any]) -> Path:
    """Chooses the model file of an experiment, with symbolic links resolved.

    The criteria of `best_model_criterion` are tried in their order, those of the validation set first:
    the average of the n best epochs (<phase>.<criterion>.ave.pth), then the best epoch
    (<phase>.<criterion>.best.pth); where none of them is there, latest.pth.

    Raises:
        UserError: There is no model file, or `best_model_criterion` is not what training writes.
    """
    criteria = config.get("best_model_criterion") or []
    if not (isinstance(criteria, list) and all(map(_is_criterion, criteria))):
        wanted = "a list of [train or valid, figure, min or max]"
        raise UserError(f"{exp}: config.yaml: best_model_criterion: expected {wanted}, got {shown(criteria)}")
    criteria = sorted(criteria, key=lambda criterion: criterion[0] != "valid")
    for name in [*_candidates(criteria), "latest.pth"]:
        if (Path(exp) / name).is_file():
            return (Path(exp) / name).resolve()
    raise UserError(f"run stage 5 first: {exp} holds no *.ave.pth, *.best.pth or latest.pth")


def _is_criterion(value: object) -> bool:
    """Tells whether a criterion can be a part of files' names; the file may be anybody's."""
    if not isinstance(value, list) or len(value) < 2 or value[0] not in ("train", "valid"):
        return False
    return isinstance(value[1], str) and re.fullmatch(r"[\w.-]{1,100}", value[1]) is not None


def _candidates(criteria: Iterable[Iterable[str]]) -> list[str]:
    stems = [".".join(list(criterion)[:2]) for criterion in criteria]
    return [f"{stem}.ave.pth" for stem in stems] + [f"{stem}.best.pth" for stem in stems]


def locate_files(config: dict[str, Any], root: Path) -> bool:
    """Points the `FILE_KEYS` of a config to the files as seen from its directory; True if that changed it."""
    changed = False
    for keys in FILE_KEYS.values():
        value = lookup(config, keys)
        # What is no text is refused where the value is used
        found = _locate(value, root) if value and isinstance(value, str) else None
        if found and str(found) != value:
            lookup(config, keys[:-1])[keys[-1]] = str(found)
            changed = True
    return changed


def lookup(config: Any, keys: Sequence[str]) -> Any:
    """Follows `keys` into nested mappings; None where one of them is missing."""
    for key in keys:
        config = config.get(key) if isinstance(config, Mapping) else None
    return config


def _locate(value: str, root: Path) -> Path | None:
    # Relative to the recipe, which is above exp/<tag>; or absolute on another machine, and inside `root` here
    parts = Path(value).parts
    bases = [base / value for base in (root, *root.parents)]
    inside = [root.joinpath(*parts[start:]) for start in range(1, len(parts))]
    return next((path for path in (*bases, *inside) if _is_file(path)), None)


def _is_file(path: str | Path) -> bool:
    # Path.is_file raises OSError for a name that is longer than any file's
    return os.path.isfile(path)
