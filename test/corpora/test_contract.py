"""What every corpus promises."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from corpus_layouts import LAYOUTS

from espnet_mtl.corpora.base import Corpus, Utterance
from espnet_mtl.data.prepare import prepare_data
from espnet_mtl.errors import UserError
from espnet_mtl.registry import CORPORA
from espnet_mtl.text import espeak


@pytest.mark.parametrize("name", CORPORA)
def test_class(name):
    corpus = CORPORA.load(name)
    assert issubclass(corpus, Corpus)
    # Python 3.13 takes the indentation out of docstrings, 3.12 leaves it in
    documented = inspect.getdoc(corpus) or ""
    assert all(f"\n    {argument}:" in documented for argument in CORPORA.options(name).model_fields)


@pytest.mark.parametrize("root", [["data"], 3, {"root": "data"}], ids=str)
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_root_that_is_no_path_is_refused(name, root):
    with pytest.raises(UserError, match=rf"corpus {name}: root: expected a directory, got .*: set {name.upper()} in"):
        CORPORA.load(name)(root=root)


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """Builds a corpus by name, of its published layout where it has files."""

    def corpus(name: str) -> Corpus:
        if name not in LAYOUTS:
            return CORPORA.load(name)()
        root = tmp_path_factory.getbasetemp() / name
        if not root.is_dir():
            LAYOUTS[name](root)
        return CORPORA.load(name)(root=root, **SMALL.get(name, {}))

    return corpus


SMALL = {
    "esd": {"dev": 1, "test": 2},
    **{name: {"dev": 1, "test": 1} for name in ("iemocap", "ljspeech", "ravdess")},
}


@pytest.mark.parametrize("name", CORPORA)
def test_utterances(name, make):
    corpus = make(name)
    utterances = corpus.utterances()
    assert utterances == corpus.utterances()
    assert all(isinstance(utterance, Utterance) for utterance in utterances)
    assert all(utterance.id.startswith(utterance.speaker) and " " not in utterance.id for utterance in utterances)
    assert all(utterance.audio is None or utterance.audio.is_file() for utterance in utterances)
    assert len({utterance.id for utterance in utterances}) == len(utterances)
    assert corpus.policy.held_out <= {(utterance.speaker, utterance.emotion) for utterance in utterances}
    for language in {utterance.language for utterance in utterances}:
        assert espeak.phonemize("a", language)


@pytest.mark.parametrize("name", LAYOUTS)
def test_stage_1(name, make, tmp_path):
    sets = prepare_data({name: make(name)}, tmp_path, max_dropped=0.1)
    assert all(sets.values())
    units = [{make(name).policy.unit(u) for u in group} for group in sets.values()]
    assert sum(map(len, units)) == len(set().union(*units))


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_directory_that_is_not_the_corpus_is_named(name, tmp_path):
    with pytest.raises(UserError, match=str(tmp_path)):
        CORPORA.load(name)(root=tmp_path).utterances()
    with pytest.raises(UserError, match=f"set {name.upper()} in db.sh"):
        CORPORA.load(name)()


@pytest.mark.parametrize("name", CORPORA)
def test_corpora_do_not_import_each_other(name):
    others = {entry.target.partition(":")[0] for entry in CORPORA.values()}
    source = Path(inspect.getfile(CORPORA.load(name))).read_text(encoding="utf-8")
    nodes = ast.walk(ast.parse(source))
    assert not others & {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
