"""The house: how many modules stand in a room, and that the import contracts know every member of a registry."""

import tomllib
from pathlib import Path

import pytest

from espnet_mtl.registry import BACKBONES, CORPORA, HEADS, VISUAL_EXTRACTORS, VOCODERS, WEIGHTINGS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "espnet_mtl"
FOLDERS = sorted(path for path in [PACKAGE, *PACKAGE.rglob("*")] if path.is_dir() and path.name != "__pycache__")
MOST_FILES, MOST_AT_ROOT = 14, 6
REGISTRIES = (BACKBONES, CORPORA, HEADS, VISUAL_EXTRACTORS, VOCODERS, WEIGHTINGS)


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_folder_is_taken_in_at_a_glance(folder):
    assert "__init__.py" in files_of(folder)
    assert len(files_of(folder)) <= (MOST_AT_ROOT if folder == PACKAGE else MOST_FILES), files_of(folder)


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_the_import_contracts_hold_every_member_of_a_registry_apart(registry):
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    contracts = linter["contracts"]
    apart = [set(contract["modules"]) for contract in contracts if contract["type"] == "independence"]
    members = {registry[name].target.partition(":")[0] for name in registry}
    assert any(members <= modules for modules in apart), members
