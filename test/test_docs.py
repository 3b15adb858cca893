"""What the documents name exists."""

import re
import subprocess
from pathlib import Path

import pytest

from espnet_mtl.data.options import AudioConf
from espnet_mtl.labels import LABELS
from espnet_mtl.model.backbones.specs import TAPS
from espnet_mtl.model.heads.options import ClassifierOptions
from espnet_mtl.model.style.options import StyleOptions
from espnet_mtl.registry import HEADS, WEIGHTINGS

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_exist(path):
    for target in re.findall(r"\]\(([^)#]+)\)", TEXTS[path]):
        assert target.startswith("http") or (path.parent / target).exists(), target


def test_options_of_the_recipe_exist():
    known = subprocess.run(["bash", ROOT / "egs2/mtl_tts/run.sh", "--help"], capture_output=True, text=True, check=True)
    for text in TEXTS.values():
        for line in re.findall(r"run\.sh (--[^`\n]*)", text):
            for option in re.findall(r"--\w+", line.split('"')[0]):
                assert option in known.stdout


def test_every_command_is_a_file():
    for text in TEXTS.values():
        for module in re.findall(r"python -m (espnet_mtl[\w.]*)", text):
            assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file(), module
        for script in re.findall(r"(?:^|`)((?:tools|egs2)/[\w/]+\.(?:sh|py))", text, re.M):
            assert (ROOT / script).is_file(), script


def test_every_key_of_a_task_is_documented():
    text = TEXTS[ROOT / "docs/configuration.md"]
    options = (ClassifierOptions, AudioConf, StyleOptions)
    keys = [key for cls in options for key in cls.model_fields]
    for key in ("head", *keys, *HEADS, *LABELS, *TAPS):
        assert f"`{key}`" in text, key


def test_every_weighting_and_its_options_are_documented():
    text = TEXTS[ROOT / "docs/weighting.md"]
    for name in WEIGHTINGS:
        for key in (name, *WEIGHTINGS.options(name).model_fields):
            assert f"`{key}`" in text, key
