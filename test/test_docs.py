"""What the README and the pages of docs say is so: links, names, keys, code, YAML and figures.

Their commands are checked in test_doc_commands.py, and those that are shown in blocks are run in test_pages.py.
"""

import ast
import importlib
import importlib.util
import re
import shutil
import sys
import tomllib
from collections.abc import Collection

import pytest
import yaml
from doc_pages import PAGES, RECIPE, ROOT, blocks, headings, name_of_page, prose, read, spans

from espnet_mtl.config.decode import SetDecodeOptions
from espnet_mtl.config.espnet import ONLY_VALUES, RECIPE_KEYS
from espnet_mtl.config.load import load_train_config
from espnet_mtl.config.schema import DURATION_SOURCES, OWN_KEYS
from espnet_mtl.corpora.csv import Csv
from espnet_mtl.labels import LABELS, parse_mixture
from espnet_mtl.model.backbones.specs import TAPS
from espnet_mtl.registry import BACKBONES, CORPORA, HEADS, SECTIONS, VISUAL_EXTRACTORS, WEIGHTINGS

EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=name_of_page)
FOLDERS = "conf|docs|egs2|espnet_mtl|notebooks|test|tools"


def found(things: Collection) -> Collection:
    """Returns things that a test is about to look at: there must be some."""
    assert things
    return things


@EACH_PAGE
def test_links_and_pictures_exist(page):
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", prose(page)):
        if target.startswith("http"):
            continue
        linked = page.parent / target if target else page
        assert linked.exists(), target
        assert not anchor or anchor in headings(linked), f"{target}#{anchor}"
    for picture in re.findall(r'<img src="([^"]+)"', prose(page)):
        assert (page.parent / picture).is_file(), picture


def test_links_are_found():
    linking = [page for page in PAGES if re.search(r"\]\([\w./]+\.md#", prose(page))]
    assert len(linking) > 5


@EACH_PAGE
def test_code_in_the_text_ends_where_it_begins(page):
    for line in prose(page).splitlines():
        assert line.count("`") % 2 == 0, line


def test_every_page_is_in_the_guide():
    guide = re.findall(r"\]\((docs/\w+\.md)\)", read(ROOT / "README.md").partition("## Guide")[2])
    assert sorted(guide) == [name_of_page(page) for page in found(sorted((ROOT / "docs").glob("*.md")))]
    journal = re.findall(r"^\| \[results/\w+\.md\]\((results/\w+\.md)\)", read(ROOT / "docs/results.md"), re.M)
    assert sorted(journal) == [f"results/{page.name}" for page in found(sorted((ROOT / "docs/results").glob("*.md")))]


def test_pages_that_other_files_name_exist():
    files = [ROOT / "pyproject.toml", *RECIPE.glob("*.sh")]
    for folder in ("egs2/mtl_tts/conf", "egs2/mtl_tts/local", "espnet_mtl", "test", "tools"):
        files += [file for file in (ROOT / folder).rglob("*") if file.suffix in (".py", ".sh", ".yaml")]
    named = [(file, name) for file in files for name in re.findall(r"docs/[\w/]+\.md", read(file))]
    for file, name in found(named):
        assert (ROOT / name).is_file(), f"{file} names {name}"


def test_files_that_the_text_names_exist():
    named = [span for page in PAGES for span in spans(page) if re.fullmatch(rf"({FOLDERS})/[\w./]*", span)]
    for name in found(named):
        is_output = name.startswith("egs2/mtl_tts/exp/")
        assert is_output or (ROOT / name).exists() or (RECIPE / name).exists(), name


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_modules_that_the_text_names_exist():
    named = [span for page in PAGES for span in spans(page) if re.fullmatch(r"espnet_mtl(\.\w+)+", span)]
    for name in found(named):
        package, _, last = name.rpartition(".")
        assert hasattr(importlib.import_module(package), last) or importlib.util.find_spec(name), name


def assert_documented(page: str, names: Collection[str]) -> None:
    text = read(ROOT / "docs" / page)
    for name in found(names):
        assert f"`{name}`" in text, name


PAGES_OF_SECTIONS = {"aligner_conf": "durations.md", "vocoder": "vocoder.md"}
"""Sections that have a page other than training.md."""


def test_every_key_of_a_configuration_is_documented():
    assert_documented("training.md", [*OWN_KEYS, *RECIPE_KEYS, *BACKBONES, *DURATION_SOURCES])
    for section in found(SECTIONS):
        assert_documented(PAGES_OF_SECTIONS.get(section, "training.md"), SECTIONS.load(section).model_fields)
    for key in ONLY_VALUES:
        assert re.search(rf"`{key}[`:]", read(ROOT / "docs/training.md")), key
    assert_documented("speaking.md", SetDecodeOptions.model_fields)


def test_every_key_of_a_task_is_documented():
    assert_documented("tasks.md", ["head", *HEADS, *LABELS, *TAPS])
    for head in HEADS:
        assert_documented("tasks.md", HEADS.options(head).model_fields)


def test_every_weighting_and_its_options_are_documented():
    assert_documented("balancing.md", WEIGHTINGS)
    options = [key for name in WEIGHTINGS for key in WEIGHTINGS.options(name).model_fields]
    assert_documented("balancing.md", options)


def test_every_corpus_is_documented():
    assert_documented("data.md", CORPORA)


def test_every_visual_extractor_and_its_options_are_documented():
    assert_documented("visual.md", VISUAL_EXTRACTORS)
    options = [key for name in VISUAL_EXTRACTORS for key in VISUAL_EXTRACTORS.options(name).model_fields]
    assert_documented("visual.md", options)


def test_the_labels_page_writes_mixtures_that_can_be_read():
    table = prose(ROOT / "docs/labels.md").partition("| written |")[2].partition("\n\n")[0]
    written = re.findall(r"^\| `([^`]+)` \|", table, re.M)
    assert [parse_mixture(text) for text in written] == [
        {"happy": 1.0},
        {"happy": 0.8, "sad": 0.2},
        {"happy": 0.5, "sad": 0.5},
    ]


def test_the_table_of_recordings_can_be_read(tmp_path):
    (table,) = blocks(ROOT / "docs/data.md", "csv")
    (tmp_path / "metadata.csv").write_text(table, encoding="utf-8")
    ann, ben = Csv(tmp_path).utterances()
    assert (ann.text, ann.emotion, ann.vad, ann.language, ann.gender, ann.split) == (
        *("Good morning, Ann.", "happy", (4, 3.5, 3)),
        *("en-us", "f", "train"),
    )
    assert (ben.emotion, ben.vad, ben.split) == ("happy:0.8,surprised:0.2", None, "test")


def python_blocks() -> list[str]:
    return found([block for page in PAGES for block in blocks(page, "python")])


@pytest.mark.filterwarnings("ignore")
def test_what_python_code_imports_exists():
    for block in python_blocks():
        imports = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Import | ast.ImportFrom)]
        for node in found(imports):
            if isinstance(node, ast.Import):
                for name in node.names:
                    importlib.import_module(name.name)
            else:
                module = importlib.import_module(str(node.module))
                assert all(hasattr(module, name.name) for name in node.names), ast.unparse(node)


YAML_BLOCKS = [(page, block) for page in PAGES for block in blocks(page, "yaml")]


@pytest.fixture
def my_heads(tmp_path, monkeypatch):
    """The user's own head of the pages, in the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (code,) = [code for code in python_blocks() if code.startswith("# my_heads.py\n")]
    (tmp_path / "my_heads.py").write_text(code, encoding="utf-8")
    yield
    sys.modules.pop("my_heads", None)


@pytest.mark.parametrize(("page", "block"), YAML_BLOCKS, ids=[name_of_page(page) for page, _ in YAML_BLOCKS])
def test_yaml_changes_the_shipped_configuration(page, block, tmp_path, my_heads):
    shutil.copytree(RECIPE / "conf", tmp_path / "conf")
    change = {"base": "../train_fastspeech2.yaml", **yaml.safe_load(block)}
    path = tmp_path / "conf/ablation/from_the_docs.yaml"
    path.write_text(yaml.safe_dump(change), encoding="utf-8")
    config = load_train_config(path)
    for key in found(change.keys() - {"base"}):
        assert includes(config[key], change[key]), key


def includes(whole: object, part: object) -> bool:
    """Tells whether a mapping has what another one has, and anything else is equal."""
    if not (isinstance(whole, dict) and isinstance(part, dict)):
        return whole == part
    return all(key in whole and includes(whole[key], part[key]) for key in part)


def test_there_is_yaml_to_check():
    assert len({page for page, _ in YAML_BLOCKS}) >= 4


def test_the_figures_of_the_first_screen_are_those_of_the_journal():
    journal = "".join(read(page) for page in found([*(ROOT / "docs/results").glob("*.md")]))
    journal += read(ROOT / "docs/labels.md")
    figures = re.findall(r"(?<![\w.])[+-]?\d*\.\d+\*?(?![\w])", prose(ROOT / "docs/results.md"))
    for figure in found(figures):
        assert re.search(rf"(?<![\w.]){re.escape(figure)}(?!\w)", journal), figure


def test_the_picture_of_the_folders_is_that_of_the_import_contract():
    text = read(ROOT / "docs/architecture.md")
    picture = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    rows = [re.split(" {4,}", line)[0] for line in picture]
    contracts = tomllib.loads(read(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract.get("containers") == ["espnet_mtl"])
    assert len(rows) == len(found(layers))
    for row, layer in zip(rows, layers, strict=True):
        assert re.findall(r"\w+", row) == re.findall(r"\w+", layer)
        assert ("|" in row) == ("|" in layer), "a | stands between what must not import each other"
