"""The tour in notebooks/: it runs as in Jupyter, with the model that the recipe packs, and is kept without outputs."""

import re
from dataclasses import fields
from pathlib import Path

import nbformat
import pytest
from doc_pages import ROOT, headings
from nbclient import NotebookClient
from nbformat import NotebookNode
from recipe import MULTI

from espnet_mtl import Controls

TOUR = ROOT / "notebooks/tour.ipynb"
AT_ROOT = f"egs2/mtl_tts/exp/{MULTI}/{MULTI}.zip"
"""Where the README's first command leaves the model."""
LARGEST_BYTES = 50_000
LEFT_OUT = {"language", "visual"}
"""Controls that a model of one language, which did not learn from faces, has no use for."""


def read_tour() -> NotebookNode:
    return nbformat.read(TOUR, as_version=4)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_tour_is_valid_and_kept_without_outputs():
    written = nbformat.read(TOUR, as_version=nbformat.NO_CONVERT)
    nbformat.validate(written)
    assert (written.nbformat, written.metadata.kernelspec.name) == (4, "python3")
    for cell in code_cells(written):
        assert (cell.outputs, cell.execution_count) == ([], None), cell.id
    assert TOUR.stat().st_size < LARGEST_BYTES


def test_each_step_of_the_tour_is_explained():
    cells = read_tour().cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code"] * (len(cells) // 2) + ["markdown"]


def test_the_tour_shows_every_control_and_every_way_to_speak():
    code = "\n".join(cell.source for cell in code_cells(read_tour()))
    for control in fields(Controls):
        assert re.search(rf"\b{control.name}=|\"{control.name}\": ", code) or control.name in LEFT_OUT, control.name
    for way in (
        "tts(",
        "tts.say(",
        "tts.stream(",
        "tts.batch(",
        "Conversation(tts",
        "onnx.Text2Speech.from_pretrained(",
    ):
        assert way in code


def test_the_first_cell_names_the_model_that_the_recipe_packs():
    assert code_cells(read_tour())[0].source == f'MODEL = "../{AT_ROOT}"'


def test_links_of_the_tour_exist():
    text = "".join(cell.source for cell in read_tour().cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)#]+)#?([^)]*)\)", text)
    assert len(links) > 5
    for target, anchor in links:
        assert (TOUR.parent / target).is_file(), target
        assert not anchor or anchor in headings(TOUR.parent / target), anchor


@pytest.fixture
def checkout(recipe, tmp_path, monkeypatch) -> Path:
    """A directory in which the model lies where it does in a repository; Jupyter keeps its own files there, too."""
    model = tmp_path / AT_ROOT
    model.parent.mkdir(parents=True)
    model.symlink_to(recipe / f"exp/{MULTI}/{MULTI}.zip")
    (tmp_path / "notebooks").mkdir()
    places = {"XDG_CACHE_HOME": "cache", "IPYTHONDIR": "ipython", "JUPYTER_RUNTIME_DIR": "runtime"}
    for variable, name in places.items():
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def run_tour(notebook: NotebookNode, checkout: Path) -> None:
    """Runs a notebook where Jupyter does, in its own folder; a cell that raises stops it."""
    place = {"metadata": {"path": str(checkout / "notebooks")}}
    NotebookClient(notebook, timeout=300, resources=place).execute()


def test_the_tour_runs(checkout):
    notebook = read_tour()
    run_tour(notebook, checkout)
    for cell in code_cells(notebook):
        assert warnings_of(cell) == "", cell.id
        is_called = re.search(r"^\s*draw_all\(|^draw_prosody\(", cell.source, re.M)
        assert shows(cell, "image/png", "") or not is_called, cell.id
        assert shows(cell, "text/html", "data:audio/wav") or "Audio(" not in cell.source, cell.id
    assert not list((checkout / "notebooks").iterdir())


def warnings_of(cell: NotebookNode) -> str:
    """Returns what a cell warns of, apart from phones that the ten sentences of the fixture's corpus lack."""
    text = "".join(output.text for output in cell.outputs if output.get("name") == "stderr")
    return "\n".join(line for line in text.splitlines() if not line.endswith(": read as <unk>"))


def shows(cell: NotebookNode, kind: str, words: str) -> bool:
    """Tells whether a cell put out something of this kind, with these words in it."""
    return any(words in output.data[kind] for output in cell.outputs if kind in output.get("data", ()))
