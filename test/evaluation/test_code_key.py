"""The key of the code behind a cached result: nothing that the result depends on can be forgotten."""

from pathlib import Path

import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.evaluation import code_key as module
from espnet_mtl.evaluation.code_key import ROOT, code_key, reached

FILES = {
    "own/__init__.py": "",
    "own/judge/__init__.py": "",
    "own/judge/main.py": "import numpy\nfrom own.text import espeak\nENTRIES = {'a': 'own.vocoder.inverse:Inverse'}\n",
    "own/text/__init__.py": "",
    "own/text/espeak.py": "def load():\n    import espeakng_loader\n    from . import rules\n",
    "own/text/rules.py": "import importlib\nPYWORLD = importlib.import_module('pyworld')\n",
    "own/vocoder/__init__.py": "",
    "own/vocoder/inverse.py": "import torch.nn.functional as F\n",
    "own/vocoder/weights.bin": "1 2 3",
    "own/pages/__init__.py": "",
    "own/pages/page.py": "from own.judge.main import ENTRIES\nimport gradio\n",
}


@pytest.fixture
def root(tmp_path) -> Path:
    """A package whose judge reaches text and vocoder, by imports and by a name in a string, and not the pages."""
    for name, content in FILES.items():
        write(tmp_path / name, content)
    return tmp_path


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def key(root: Path) -> str:
    code_key.cache_clear()
    return code_key("own.judge.main", root)


def test_all_that_is_imported_or_named_is_reached(root):
    files, packages = reached("own.judge.main", root)
    folders = ("own/judge/", "own/text/", "own/vocoder/")
    assert [str(path.relative_to(root)) for path in files] == [name for name in FILES if name.startswith(folders)]
    assert packages == ["espeakng_loader", "numpy", "pyworld", "torch"]


@pytest.mark.parametrize("name", ["own/judge/main.py", "own/text/rules.py", "own/vocoder/inverse.py"])
def test_a_changed_module_changes_the_key(root, name):
    before = key(root)
    write(root / name, FILES[name] + "x = 1\n")
    assert key(root) != before


@pytest.mark.parametrize("name", ["own/text/more.py", "own/vocoder/weights_2.bin"])
def test_a_new_file_changes_the_key(root, name):
    before = key(root)
    write(root / name, "")
    assert key(root) != before


def test_a_renamed_file_changes_the_key(root):
    before = key(root)
    (root / "own/vocoder/weights.bin").rename(root / "own/vocoder/weights_2.bin")
    assert key(root) != before


@pytest.mark.parametrize("package", ["numpy", "espeakng_loader", "torch"])
def test_another_version_of_a_package_changes_the_key(root, monkeypatch, package):
    before = key(root)
    distribution = module.packages_distributions()[package][0]
    version = module.version
    monkeypatch.setattr(module, "version", lambda name: "0.0" if name == distribution else version(name))
    assert key(root) != before


def test_a_package_that_is_installed_later_changes_the_key(root, monkeypatch):
    write(root / "own/vocoder/inverse.py", "import parallel_something\n")
    before = key(root)
    distributions = dict(module.packages_distributions())
    monkeypatch.setattr(module, "packages_distributions", lambda: {**distributions, "parallel_something": ["numpy"]})
    assert key(root) != before


def test_what_is_not_reached_does_not_count(root):
    before = key(root)
    write(root / "own/pages/page.py", "# another page\n")
    assert key(root) == before


def test_an_unknown_module_is_an_error(root):
    code_key.cache_clear()
    with pytest.raises(UserError, match=r"no module own\.judge\.gone in "):
        code_key("own.judge.gone", root)


def test_the_judge_depends_on_espeak_vocoder_and_their_packages():
    files, packages = reached("espnet_mtl.evaluation.judge")
    names = {str(path.relative_to(ROOT / "espnet_mtl")) for path in files}
    assert names >= {"text/espeak.py", "vocoder/griffin_lim.py", "evaluation/probes/recognizer.py"}
    assert "data/extraction/contour.py" in names  # F0 for a vocoder that needs it
    assert not [name for name in names if name.startswith(("ablation/", "listening/", "evaluation/report/"))]
    assert {*packages} >= {
        *(
            "distillmos",
            "editdistance",
            "espeakng_loader",
            "faster_whisper",
            "jiwer",
            "librosa",
            "numpy",
            "onnxruntime",
        ),
        *("pyworld", "resemblyzer", "scipy", "sklearn", "soundfile", "soxr", "speechmos", "torch"),
    }


def test_the_scores_of_a_run_depend_on_the_reference_encoder_as_well():
    files, _ = reached("espnet_mtl.evaluation.evaluate")
    names = {str(path.relative_to(ROOT / "espnet_mtl")) for path in files}
    assert {name for name in names if name.startswith("model/style/")}
    assert "tasks/tts.py" in names
